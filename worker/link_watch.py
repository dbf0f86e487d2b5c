"""Ends a worker whose link to the supervisor is gone, however busy its event loop is."""

import os
import select
import threading
from collections.abc import Callable
from typing import Final, Self

ORDERLY_END_S: Final = 0.5  # for the event loop to close files and say goodbye by itself
_CRASHED: Final = 1  # no agreed exit code: an event loop that did not end is a crash


def _leave() -> None:
    os._exit(_CRASHED)


class LinkWatch:
    """Watches the link's descriptor in a thread of its own for as long as the block runs.

    The event loop sees the end of the link too, and ends the worker in good order; this is for an
    event loop that is blocked. Leave the block before closing our own end.

    Args:
        fd: the link's descriptor; only looked at, never read.
        on_end: ends the process.
        orderly_end_s: from the link's end to `on_end`.
    """

    def __init__(
        self,
        fd: int,
        on_end: Callable[[], None] = _leave,
        orderly_end_s: float = ORDERLY_END_S,
    ) -> None:
        self._fd = os.dup(fd)  # watched under a number that nobody else closes
        self._dismissed = os.eventfd(0, os.EFD_CLOEXEC)
        self._on_end = on_end
        self._orderly_end_s = orderly_end_s
        self._thread = threading.Thread(target=self._run, name="link watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.eventfd_write(self._dismissed, 1)
        self._thread.join()
        os.close(self._fd)
        os.close(self._dismissed)

    def _run(self) -> None:
        ends = select.poll()
        ends.register(self._fd, select.POLLRDHUP)
        ends.register(self._dismissed, select.POLLIN)
        if self._dismissed in dict(ends.poll()):
            return
        ends.unregister(self._fd)
        if not ends.poll(self._orderly_end_s * 1000):
            self._on_end()
