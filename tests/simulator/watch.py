"""Waiting for something to become true, without sleeping."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Watch:
    """Wakes those who wait whenever the state they look at may have changed."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def changed(self) -> None:
        """Wake everybody who waits, so that they look again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def wait_for(self, look: Callable[[], T | None], timeout_s: float) -> T:
        """Return what `look` gives as soon as it is truthy.

        Raises:
            TimeoutError: it stayed falsy for `timeout_s` seconds.
        """
        async with asyncio.timeout(timeout_s):
            while True:
                found = look()
                if found:
                    return found
                waiter = asyncio.get_running_loop().create_future()
                self._waiters.add(waiter)
                try:
                    await waiter
                finally:
                    self._waiters.discard(waiter)
