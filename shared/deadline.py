"""The instant after which nobody here may act for an account any more.

All processes of a host compare the same CLOCK_BOOTTIME instant: it counts through suspend, and
no change of the wall clock moves it. Whoever is about to act reads the clock again; timers are
only a convenience, for a paused process would sleep through them.
"""

from shared.clock import Clock
from shared.errors import WakeeperError


class LeaseExpired(WakeeperError):
    """The lease's deadline has passed: whatever was about to be done must not be done."""


class LeaseDeadline:
    """A deadline in nanoseconds of CLOCK_BOOTTIME that is only ever moved forward.

    Args:
        clock: where the time comes from.
        boot_ns: the first deadline; 0 is in the past, so that nothing is allowed yet.
    """

    __slots__ = ("_boot_ns", "_clock")

    def __init__(self, clock: Clock, boot_ns: int = 0) -> None:
        self._clock = clock
        self._boot_ns = boot_ns

    @property
    def boot_ns(self) -> int:
        """The deadline itself, as it is sent to other processes."""
        return self._boot_ns

    @property
    def remaining_ns(self) -> int:
        """How long there is left; 0 when there is nothing left."""
        return max(0, self._boot_ns - self._clock.boot_ns())

    @property
    def expired(self) -> bool:
        """Whether the deadline has been reached; at the instant itself it has."""
        return self.remaining_ns == 0

    def extend(self, boot_ns: int) -> None:
        """Move the deadline to a later instant.

        An earlier one is ignored, because renewals can arrive out of order.
        An expired deadline comes back to life only in a new object, after a new lease.

        Raises:
            LeaseExpired: the deadline has already passed.
        """
        if self._boot_ns:
            self.check("extend the lease")
        self._boot_ns = max(self._boot_ns, boot_ns)

    def check(self, act: str) -> None:
        """Refuse an act when the deadline has passed.

        Raises:
            LeaseExpired: it has.
        """
        if self.expired:
            raise LeaseExpired(
                f"{act}: the lease expired before it was renewed",
                hint="another instance may hold it now; this one takes it again by itself",
            )
