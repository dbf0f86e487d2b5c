"""Errands: what a stanza calls for that has to be asked of the server, a few at a time.

A long backlog can call for the same thing a hundred times; it is asked once. What the server
refuses or leaves unanswered is logged and let go: whether the connection lives is decided by the
keepalive alone.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Never

from shared.errors import SignalError, WireError
from shared.logs import get_logger

from .queries import QueryRefused, QueryTimeout
from .reaction import AnswerRetry, Errand

log = get_logger(__name__)

RUNNERS: Final = 2
# More than this waiting is a flood; what is let go is asked for again by whoever wanted it.
MAX_WAITING: Final = 1000


class ErrandDesk:
    """The errands of one connection."""

    def __init__(self, run: Callable[[Errand], Awaitable[None]]) -> None:
        """Make a desk.

        Args:
            run: does one errand; may ask the server, and raise what that raises.
        """
        self._run = run
        self._waiting: deque[Errand] = deque()
        self._coming = asyncio.Event()

    def put(self, errand: Errand) -> None:
        """Queue an errand, unless the same one waits already or there are far too many."""
        if not isinstance(errand, AnswerRetry) and errand in self._waiting:
            return
        if len(self._waiting) >= MAX_WAITING:
            log.warning("errand_let_go", errand=type(errand).__name__, waiting=MAX_WAITING)
            return
        self._waiting.append(errand)
        self._coming.set()

    async def work(self) -> Never:
        """Do errands as they come, one at a time; run it as often as may be done at once.

        Raises:
            ConnectionLost: the connection is gone.
            SessionError: the session file failed.
        """
        while True:
            while not self._waiting:
                self._coming.clear()
                await self._coming.wait()
            await self._do(self._waiting.popleft())

    async def _do(self, errand: Errand) -> None:
        try:
            await self._run(errand)
        except (QueryRefused, QueryTimeout, SignalError, WireError) as error:
            log.warning("errand_failed", errand=type(errand).__name__, error=error)
