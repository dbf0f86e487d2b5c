"""Whether a worker may start now: one after the other, and none while something is wrong for all.

Two things hold every account back at once. WhatsApp refuses our version: nothing is started until
the supervisor is, with a newer one. Or many workers crash within a minute: then a single one
tries, the canary, and the others follow when it lives. Times are nanoseconds on CLOCK_BOOTTIME.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.clock import Clock, SystemClock
from shared.logs import get_logger

log = get_logger(__name__)

LEAST_WAIT_S: Final = 0.05
MANY_CRASH: Final = (
    "many workers crashed within a minute: one account tries first, the others follow it"
)


@dataclass(frozen=True, slots=True)
class StartPolicy:
    """The numbers.

    Attributes:
        pace_s: between two starts, on average; 0 for none.
        window_s: crashes are counted within it.
        min_crashes: so many accounts at least.
        share: and more than this part of those that run.
        proof_s: a canary that lives for so long is well.
        pause_s: after a canary that crashed.
    """

    pace_s: float = 0.0
    window_s: float = 60.0
    min_crashes: int = 3
    share: float = 0.3
    proof_s: float = 20.0
    pause_s: float = 15.0


class Breaker:
    """Counts which accounts run and crash, and lets only a canary start when too many do; pure."""

    def __init__(self, policy: StartPolicy) -> None:
        self._policy = policy
        self._running: set[str] = set()
        self._crashed_ns: dict[str, int] = {}
        self._canary: str | None = None
        self._canary_ns = 0
        self._not_before_ns = 0
        self.open = False

    @property
    def phase(self) -> tuple[bool, str | None]:
        """Whether starts are held, and who tries; whoever waits asks again when it changes."""
        return self.open, self._canary

    def admits(self, account_id: str, at_ns: int) -> bool:
        """Tell whether an account may start; while open, the first who asks is the canary."""
        if self.open and self._canary is not None and self._lived_long(at_ns):
            self.close()
        if not self.open:
            return True
        if self._canary is None and at_ns >= self._not_before_ns:
            self._canary, self._canary_ns = account_id, at_ns
        return self._canary == account_id

    def wait_s(self, at_ns: int) -> float | None:
        """Return after how long `admits` may answer otherwise by itself; None for never."""
        if not self.open:
            return None
        proof_ns = self._canary_ns + int(self._policy.proof_s * 1e9)
        next_ns = self._not_before_ns if self._canary is None else proof_ns
        return max(LEAST_WAIT_S, (next_ns - at_ns) / 1e9)

    def started(self, account_id: str, at_ns: int) -> None:
        """Note that an account's worker starts."""
        self._running.add(account_id)
        if account_id == self._canary:
            self._canary_ns = at_ns

    def proved(self, account_id: str) -> None:
        """Note that an account's worker does its work."""
        if account_id == self._canary:
            self.close()

    def ended(self, account_id: str, at_ns: int, *, crashed: bool) -> None:
        """Note that an account's worker is gone, or will not start after all."""
        was_running = account_id in self._running
        self._running.discard(account_id)
        if crashed:
            self._crashed_ns[account_id] = at_ns
        if account_id == self._canary:
            self._canary_ended(at_ns, crashed=crashed, was_running=was_running)
        elif crashed and not self.open:
            self.open = self._too_many(at_ns)

    def close(self) -> None:
        """Let everybody start again."""
        self.open, self._canary = False, None
        self._crashed_ns.clear()

    def _canary_ended(self, at_ns: int, *, crashed: bool, was_running: bool) -> None:
        if not crashed and was_running:  # it ended for a reason of its own: workers do work
            self.close()
            return
        self._canary = None
        if crashed:
            self._not_before_ns = at_ns + int(self._policy.pause_s * 1e9)

    def _lived_long(self, at_ns: int) -> bool:
        alive = self._canary in self._running
        return alive and at_ns - self._canary_ns >= self._policy.proof_s * 1e9

    def _too_many(self, at_ns: int) -> bool:
        begin_ns = at_ns - int(self._policy.window_s * 1e9)
        self._crashed_ns = {who: at for who, at in self._crashed_ns.items() if at >= begin_ns}
        crashed, concerned = len(self._crashed_ns), len(self._running | set(self._crashed_ns))
        return crashed >= self._policy.min_crashes and crashed > self._policy.share * concerned


class Starts:
    """Where every start of a worker asks for its turn.

    Attributes:
        outdated: why nothing is started any more; None while something is.
    """

    def __init__(
        self,
        policy: StartPolicy | None = None,
        clock: Clock | None = None,
        rng: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.outdated: str | None = None
        self._policy = policy or StartPolicy()
        self._clock = clock or SystemClock()
        self._rng = rng
        self._breaker = Breaker(self._policy)
        self._changed = asyncio.Event()
        self._next_ns = 0

    @property
    def held(self) -> str | None:
        """Why accounts are not started right now, for people; None when they are."""
        return self.outdated or (MANY_CRASH if self._breaker.open else None)

    async def turn(self, account_id: str) -> bool:
        """Wait until an account may start; False when it may not for as long as we run."""
        try:
            while self.outdated is None and not self._admitted(account_id):
                await self._until_changed(self._breaker.wait_s(self._clock.boot_ns()))
            await asyncio.sleep(0.0 if self.outdated else self._slot_s())
        except asyncio.CancelledError:
            self.ended(account_id, crashed=False)
            raise
        if self.outdated is not None:
            return False
        self._breaker.started(account_id, self._clock.boot_ns())
        return True

    def proved(self, account_id: str) -> None:
        """Hear that an account is connected, or shows its QR."""
        self._told(lambda: self._breaker.proved(account_id))

    def ended(self, account_id: str, *, crashed: bool) -> None:
        """Hear that an account's worker is gone; `crashed`: for no reason it could name."""
        at_ns = self._clock.boot_ns()
        self._told(lambda: self._breaker.ended(account_id, at_ns, crashed=crashed))

    def hold(self, why: str) -> None:
        """Start nothing any more; the first time, raise the alarm."""
        if self.outdated is None:
            self.outdated = why
            log.critical("client_outdated", why=why)
            self._wake()

    def _admitted(self, account_id: str) -> bool:
        admitted = False

        def ask() -> None:
            nonlocal admitted
            admitted = self._breaker.admits(account_id, self._clock.boot_ns())

        self._told(ask)
        return admitted

    def _told(self, change: Callable[[], None]) -> None:
        """Let the breaker know something, and pass on what that changed."""
        was_open, before = self._breaker.open, self._breaker.phase
        change()
        if self._breaker.phase == before:
            return
        if self._breaker.open and not was_open:
            log.error("starts_held", why=MANY_CRASH)
        elif was_open and not self._breaker.open:
            log.info("starts_released")
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _until_changed(self, at_most_s: float | None) -> None:
        changed = self._changed
        if at_most_s is None:
            return
        try:
            async with asyncio.timeout(at_most_s):
                await changed.wait()
        except TimeoutError:
            return

    def _slot_s(self) -> float:
        """Take the next place in the row; return how long to wait for it."""
        now_ns = self._clock.boot_ns()
        begin_ns = max(now_ns, self._next_ns)
        jitter = 0.5 + int.from_bytes(self._rng(2), "big") / 0x10000
        self._next_ns = begin_ns + int(self._policy.pace_s * jitter * 1e9)
        return (begin_ns - now_ns) / 1e9
