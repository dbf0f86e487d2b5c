"""Whether the lease is ours right now, said by the store and not by our memory of it."""

import asyncio
from typing import Final

from shared.clock import Clock
from supervisor.lease.guard import LeaseGuard
from supervisor.lease.timing import LeaseTiming

LOOKS_PER_RENEWAL: Final = 40


class LeaseProof:
    """Waits for a renewal that was sent after it was asked for, and so is a fresh answer.

    A renewal is a compare-and-set, and it moves the hard deadline, which counts from before it was
    sent. So nothing more has to be asked of the store.
    """

    def __init__(self, guard: LeaseGuard, timing: LeaseTiming, clock: Clock) -> None:
        self._guard = guard
        self._timing = timing
        self._clock = clock

    async def __call__(self) -> bool:
        """Tell whether the lease was renewed after this call; False when that comes too late."""
        asked_ns = self._clock.boot_ns()
        within_s = self._timing.renew_s + self._timing.rpc_s + self._timing.slack_s
        try:
            async with asyncio.timeout(within_s):
                while self._guard.holds and self._renewed_ns() < asked_ns:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(self._timing.renew_s / LOOKS_PER_RENEWAL)
        except TimeoutError:
            return False
        return self._guard.holds

    def _renewed_ns(self) -> int:
        """Return when the last renewal that succeeded was sent."""
        return self._guard.hard_ns - int(self._timing.hard_s * 1e9)
