"""What an instance does when it gets the lease, and when it goes: the crew of `supervisor/lease`.

On the way up the fences of all accounts are raised first, then the workers start and the outbox
delivers. On the way down nothing new is claimed, what is being sent may finish, workers end (by
SIGKILL where time is up), and the last words of each account reach the store.
"""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Final

from shared.clock import Clock
from shared.logs import get_logger
from supervisor.api.doors import SendReport
from supervisor.events import EventBus
from supervisor.fleet import Fleet
from supervisor.lease.guard import LeaseGuard, NotHolding
from supervisor.lease.timing import LeaseTiming
from supervisor.outbox import Outbox
from supervisor.outbox_policy import DEFAULT_POLICY, OutboxPolicy
from supervisor.store.contract import Fences, Store

log = get_logger(__name__)

SENDS_SHARE: Final = 0.5  # of the time for an orderly end: then workers are told to end
REAP_S: Final = 5.0  # a killed process that takes longer hangs in the kernel
LAST_WORDS_S: Final = 2.0  # for accounts and outbox to write what became of them


@dataclass(frozen=True, slots=True)
class Duties:
    """What the crew works with.

    Attributes:
        holder: our incarnation's id, for the fences.
        policy: the outbox's.
    """

    store: Store
    fences: Fences
    fleet: Fleet
    events: EventBus
    clock: Clock
    guard: LeaseGuard
    timing: LeaseTiming
    holder: str
    policy: OutboxPolicy = DEFAULT_POLICY


class StandbyCrew:
    """Fulfils `lease.Crew`, and `api.doors.Sender` for as long as the lease is held.

    Attributes:
        broken: has the error when the outbox broke, which must not happen.
    """

    def __init__(self, duties: Duties) -> None:
        self._duties = duties
        self._outbox: Outbox | None = None
        self._delivering: asyncio.Task[None] | None = None
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # ------------------------------------------------------------------------------- the way up

    async def fence(self, epoch: int) -> None:
        """Raise the fence of every account that the store knows."""
        duties = self._duties
        accounts = [record.account_id for record in await duties.store.accounts.list()]
        timeout_s = max(duties.timing.rpc_s, duties.guard.soft_left_s / 2)
        await duties.fences.raise_to(accounts, epoch, duties.holder, timeout_s=timeout_s)
        log.info("fences_raised", epoch=epoch, accounts=len(accounts))

    async def start(self, epoch: int) -> None:
        """Start the accounts that should run, and deliver what waits to be sent."""
        await self._duties.fleet.start()
        self._deliver(epoch)

    def deadline_moved(self, hard_ns: int) -> None:
        """Pass the deadline on to every worker."""
        self._duties.fleet.relay(hard_ns)

    def _deliver(self, epoch: int) -> None:
        if self._delivering is not None:
            return
        duties = self._duties
        # An owner for each tenure: what a former one of ours had claimed is taken over too.
        owner = f"{epoch}-{secrets.token_hex(8)}"
        self._outbox = Outbox(
            duties.store,
            duties.fleet,
            duties.events,
            duties.clock,
            owner=owner,
            policy=duties.policy,
        )
        self._delivering = asyncio.create_task(self._outbox.run(), name=f"outbox {owner}")
        self._delivering.add_done_callback(self._delivered)

    def _delivered(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.broken.done():
            self.broken.set_exception(error)

    # ----------------------------------------------------------------------------- the way down

    async def stop(self, *, kill_now: bool, until_ns: int, reason: str) -> bool:
        """End deliveries and workers; tell whether every worker is reaped."""
        log.info("crew_stops", reason=reason, kill_now=kill_now, left_s=self._left_s(until_ns))
        if self._outbox is not None:
            self._outbox.stop()
        if not kill_now:
            await self._end_orderly(until_ns, reason)
        fleet = self._duties.fleet
        fleet.kill()
        reaped = await fleet.reaped(REAP_S)
        if not reaped:
            log.critical("workers_not_reaped", pids=[worker.pid for worker in fleet.living()])
        await self._say_last_words()
        return reaped

    async def _end_orderly(self, until_ns: int, reason: str) -> None:
        """Let sends finish, then have workers end by themselves, both in bounded time."""
        if self._delivering is not None:
            patience_s = self._left_s(until_ns) * SENDS_SHARE
            await asyncio.wait({self._delivering}, timeout=patience_s)
        draining = asyncio.create_task(self._duties.fleet.drain(reason=reason))
        try:
            await asyncio.wait({draining}, timeout=self._left_s(until_ns))
        finally:
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)

    async def _say_last_words(self) -> None:
        """See what is left to write written, or refused: without the lease it is, at once."""
        delivering, self._delivering, self._outbox = self._delivering, None, None
        await self._duties.fleet.settle(LAST_WORDS_S)
        if delivering is None:
            return
        _, late = await asyncio.wait({delivering}, timeout=LAST_WORDS_S)
        if late:
            log.warning("outbox_cut_short", waited_s=LAST_WORDS_S)
            delivering.cancel()
            await asyncio.wait({delivering})

    def _left_s(self, until_ns: int) -> float:
        return max(0.0, (until_ns - self._duties.clock.boot_ns()) / 1e9)

    # ---------------------------------------------------------------------------------- sending

    async def send(
        self, account_id: str, to: str, text: str, client_message_id: str | None
    ) -> SendReport:
        """Send by the outbox of this tenure; see `api.doors.Sender`.

        Raises:
            NotHolding: there is none.
        """
        self._duties.guard.check("send a message")
        if self._outbox is None:
            raise NotHolding("send a message: this instance is only just taking over")
        return await self._outbox.send(account_id, to, text, client_message_id)
