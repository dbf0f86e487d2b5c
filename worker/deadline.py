"""The worker's own end of the lease: past the deadline this process does nothing, and is gone.

A supervisor that is paused ends nobody, so each worker carries the deadline itself, three times:
`check` refuses whatever is about to be done, a thread ends the process at the instant, and shortly
after the kernel does, should the thread not have had its turn. None of them needs the event loop.
"""

import os
import threading
from collections.abc import Callable
from typing import Final

from shared.clock import Clock
from shared.deadline import LeaseDeadline
from shared.exit_codes import ExitCode
from worker.boot_timers import KillTimer, sleep_until

KILL_AFTER_NS: Final = 500_000_000  # the thread's exit code tells more than a signal: it goes first


def _leave() -> None:
    """End the process; without a log line, for a log can block."""
    os._exit(ExitCode.LEASE_EXPIRED)


class DeadlineThread:
    """Calls `on_expiry` in a thread of its own when the deadline comes, and once only.

    Args:
        clock: where the time comes from.
        on_expiry: ends the process.
        wait: sleeps until about an instant of the boot clock.
    """

    def __init__(
        self,
        clock: Clock,
        on_expiry: Callable[[], None] = _leave,
        wait: Callable[[int], None] = sleep_until,
    ) -> None:
        self._deadline = LeaseDeadline(clock)
        self._on_expiry = on_expiry
        self._wait = wait
        self._thread: threading.Thread | None = None

    @property
    def boot_ns(self) -> int:
        """The deadline; 0 before the first."""
        return self._deadline.boot_ns

    def move(self, boot_ns: int) -> None:
        """Move the deadline; 0 is none yet, and an instant before the present one is ignored.

        Raises:
            LeaseExpired: the deadline has passed already.
        """
        if boot_ns:
            self._deadline.extend(boot_ns)
            self._begin()

    def check(self, act: str) -> None:
        """Refuse an act when there was a deadline and it has passed.

        Raises:
            LeaseExpired: it has.
        """
        if self._deadline.boot_ns:
            self._deadline.check(act)

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="deadline", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        # Deadlines only move forward: whoever sleeps until an old one need not be woken by a move.
        while not self._deadline.expired:
            self._wait(self._deadline.boot_ns)
        self._on_expiry()


class WorkerDeadline:
    """All that enforces the deadline in a worker; `move` is how the supervisor's word gets here.

    Until the first deadline is given nothing is refused: a supervisor without a lease gives none.
    """

    def __init__(self, clock: Clock) -> None:
        self._thread = DeadlineThread(clock)
        self._timer: KillTimer | None = None

    def move(self, boot_ns: int) -> None:
        """Move the deadline, as `DeadlineThread.move` does.

        Raises:
            LeaseExpired: the deadline has passed already.
        """
        if boot_ns:
            self._thread.move(boot_ns)
            self._timer = self._timer or KillTimer()
            self._timer.set(self._thread.boot_ns + KILL_AFTER_NS)

    def check(self, act: str) -> None:
        """Refuse an act past the deadline; call it as the last thing before the act.

        Raises:
            LeaseExpired: it has passed.
        """
        self._thread.check(act)
