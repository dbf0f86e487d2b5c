"""The lease as the API sees it: may it act, how does it stand, and the operator's two levers."""

from collections.abc import Callable
from typing import Final

from supervisor.api.doors import LeaseStands, LeaseStatus
from supervisor.lease import LeaseGuard, LeaseManager, Mode, Standing, force_release
from supervisor.lease.document import Incarnation
from supervisor.lease.timing import LeaseTiming
from supervisor.store.contract import LeaseStore, Tenure

TAKING_OVER: Final = frozenset({Mode.FENCING, Mode.ACTIVE})


def permit_of(guard: LeaseGuard, holder: str) -> Callable[[], Tenure]:
    """Return what the store asks before each write: whether the tenure still is."""

    def permit() -> Tenure:
        guard.check_finishing("write to the store")
        return Tenure(guard.epoch, holder)

    return permit


class LeaseDesk:
    """Fulfils `api.doors.Lease`."""

    def __init__(
        self, manager: LeaseManager, store: LeaseStore, me: Incarnation, timing: LeaseTiming
    ) -> None:
        self._manager = manager
        self._store = store
        self._me = me
        self._timing = timing

    def check(self, act: str) -> None:
        """Let an act pass while the lease is held."""
        self._manager.guard.check(act)

    def stands(self) -> LeaseStands:
        """Return how the lease stands, by the clock of this very moment."""
        guard, standing = self._manager.guard, self._manager.standing
        if guard.mode is not Mode.PASSIVE:
            return self._stands_here(guard, standing)
        held = bool(standing.held_by)
        return LeaseStands(
            active=False,
            mode=guard.mode.value,
            why=standing.why,
            status=LeaseStatus.OTHER if held else LeaseStatus.NOBODY,
            held_by=(standing.holder_name or standing.held_by) if held else None,
            holder=standing.held_by if held else None,
            epoch=standing.epoch,
            expires_in_s=standing.left_s if held else None,
        )

    def _stands_here(self, guard: LeaseGuard, standing: Standing) -> LeaseStands:
        left_s = guard.hard_left_s
        held = left_s > 0
        return LeaseStands(
            active=guard.holds,
            mode=guard.mode.value,
            why=standing.why,
            status=LeaseStatus.HERE if held else LeaseStatus.NOBODY,
            held_by=self._me.instance_id if held else None,
            holder=self._me.id if held else None,
            epoch=guard.epoch,
            expires_in_s=left_s if held else None,
        )

    def step_down(self) -> bool:
        """Begin to hand the lease over; tell whether it was held."""
        held = self._manager.guard.mode in TAKING_OVER
        self._manager.step_down()
        return held

    def ask_for_it(self) -> bool:
        """Ask whoever holds the lease to hand it over; tell whether that made sense."""
        if self._manager.guard.mode is not Mode.PASSIVE:
            return False
        self._manager.ask_for_it()
        return True

    async def force_release(self) -> str | None:
        """End another instance's tenure; return its instance id, None when nobody held it.

        Raises:
            StoreError: as `lease.force_release`.
        """
        former = await force_release(self._store, timeout_s=self._timing.rpc_s)
        self._manager.nudge()
        return None if former is None else former.instance_id or former.holder
