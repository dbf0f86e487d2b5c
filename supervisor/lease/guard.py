"""The choke point: every act for an account passes `LeaseGuard.check` just before its effect.

Nothing is remembered that the clock could have made untrue: each check reads the clock again, so
a process that was paused for an hour refuses the very first act after it wakes.
"""

from shared.clock import Clock
from shared.errors import WakeeperError
from supervisor.lease.modes import TRANSITIONS, Mode
from supervisor.lease.timing import LeaseTiming


class NotHolding(WakeeperError):
    """The lease is not held here (any more); another instance may hold it."""


class IllegalMode(WakeeperError):
    """A mode was to follow one that it cannot follow: a bug of ours."""


class LeaseGuard:
    """Whether this instance may act, and until when."""

    def __init__(self, clock: Clock, timing: LeaseTiming) -> None:
        self._clock = clock
        self._timing = timing
        self.mode = Mode.PASSIVE
        self.epoch = 0
        self.soft_ns = 0
        self.hard_ns = 0

    def move(self, mode: Mode) -> None:
        """Go to another mode.

        Raises:
            IllegalMode: it can't follow the present one.
        """
        if mode not in TRANSITIONS[self.mode]:
            raise IllegalMode(f"go from {self.mode.value} to {mode.value}: no such transition")
        self.mode = mode

    def take(self, epoch: int, sent_ns: int) -> None:
        """Hold the lease in a new epoch, counted from before the request was sent."""
        self.epoch = epoch
        self.soft_ns = self.hard_ns = 0
        self.extend(sent_ns)

    def extend(self, sent_ns: int) -> None:
        """Count both deadlines from an instant *before* a successful renewal was sent."""
        self.soft_ns = max(self.soft_ns, sent_ns + int(self._timing.soft_s * 1e9))
        self.hard_ns = max(self.hard_ns, sent_ns + int(self._timing.hard_s * 1e9))

    def drop(self) -> None:
        """Hold nothing from now on: no check passes until the lease is taken again."""
        self.soft_ns = self.hard_ns = 0

    @property
    def soft_left_s(self) -> float:
        """Return the seconds until no new work is taken; negative when that is over."""
        return (self.soft_ns - self._clock.boot_ns()) / 1e9

    @property
    def hard_left_s(self) -> float:
        """Return the seconds until every worker must be dead; negative when that is over."""
        return (self.hard_ns - self._clock.boot_ns()) / 1e9

    @property
    def holds(self) -> bool:
        """Tell whether an act would pass right now."""
        return self.mode is Mode.ACTIVE and self._clock.boot_ns() < self.soft_ns

    def check(self, act: str) -> None:
        """Let an act pass, or refuse it.

        Raises:
            NotHolding: we do not hold the lease, or not for long enough.
        """
        if not self.holds:
            raise NotHolding(
                f"{act}: this instance is {self.mode.value}, another one may hold the lease",
                hint="retry shortly, at the instance that is active",
            )

    def check_finishing(self, act: str) -> None:
        """Let a write pass that finishes what was begun, also while workers end.

        Raises:
            NotHolding: the hard deadline has passed, or the lease was lost.
        """
        held = self.mode in (Mode.ACTIVE, Mode.DEMOTING)
        if not held or self._clock.boot_ns() >= self.hard_ns:
            raise NotHolding(f"{act}: the lease is not held here any more")

    def check_fencing(self, act: str) -> None:
        """Let an act of the take-over itself pass: fences are raised before anything runs.

        Raises:
            NotHolding: the lease was not taken, or ran out meanwhile.
        """
        taking = self.mode in (Mode.FENCING, Mode.ACTIVE)
        if not taking or self._clock.boot_ns() >= self.soft_ns:
            raise NotHolding(f"{act}: the lease ran out while it was being taken")
