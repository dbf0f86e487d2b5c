"""The store's time, as far as it is known here; nothing of ours is decided by it.

Node compares `leaseUntil` with its own wall clock. What we write there must never be earlier than
the truth, so the store's stamp is set against our clock *before* the request was sent: whatever
the answer took, and however long we were stopped meanwhile, makes it later only.
"""

from shared.clock import Clock


class ServerTime:
    """Our boot clock plus the difference that the last answer showed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ns = 0

    def note(self, server_ns: int, *, sent_ns: int) -> None:
        """Hear the store's time from the answer to a request.

        Args:
            server_ns: the stamp in the answer.
            sent_ns: our CLOCK_BOOTTIME before the request was sent.
        """
        self._ahead_ns = server_ns - sent_ns

    def now_ms(self) -> int:
        """Return the store's time, or somewhat later; milliseconds of its epoch."""
        return (self._clock.boot_ns() + self._ahead_ns) // 1_000_000
