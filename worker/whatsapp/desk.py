"""Acks that wait: a stanza is settled when the store has it, or soon after it is on our disk."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from worker.wire import Node

from .reaction import Reaction

# How long an ack waits for the store once the message is on our own disk. Only a disk that dies
# within this time can lose a message that WhatsApp believes delivered.
STORE_WAIT_S = 2.0


@dataclass(slots=True, eq=False)
class _Held:
    replies: list[Node]
    missing: set[int]
    since_s: float
    timer: asyncio.TimerHandle | None = field(default=None)


class AckDesk:
    """Holds the replies of one connection until their spool rows are delivered."""

    def __init__(self, send: Callable[[list[Node]], None], wait_s: float = STORE_WAIT_S) -> None:
        """Make a desk.

        Args:
            send: takes the replies whose time has come; must not wait.
            wait_s: the longest that replies are held.
        """
        self._send = send
        self._wait_s = wait_s
        self._by_row: dict[int, list[_Held]] = {}
        self._held: dict[_Held, None] = {}

    @property
    def count(self) -> int:
        """Return how many stanzas are not settled yet."""
        return len(self._held)

    def oldest_age_s(self) -> float:
        """Return for how long the oldest of them has been waiting; 0 where there is none."""
        oldest = next(iter(self._held), None)
        return 0.0 if oldest is None else asyncio.get_running_loop().time() - oldest.since_s

    def put(self, reaction: Reaction) -> None:
        """Send a reaction's replies now, or hold them for its spool rows."""
        if not reaction.waits_for:
            self._send(reaction.replies)
            return
        loop = asyncio.get_running_loop()
        held = _Held(reaction.replies, set(reaction.waits_for), loop.time())
        held.timer = loop.call_later(self._wait_s, self._release, held)
        self._held[held] = None
        for row in held.missing:
            self._by_row.setdefault(row, []).append(held)

    def delivered(self, rows: list[int]) -> None:
        """Note that the store has these rows, and release what waited for nothing else."""
        for row in rows:
            for held in self._by_row.pop(row, []):
                held.missing.discard(row)
                if not held.missing:
                    self._release(held)

    def close(self) -> None:
        """Forget everything: the connection is gone, and the server will deliver again."""
        for held in self._held:
            if held.timer is not None:
                held.timer.cancel()
        self._held.clear()
        self._by_row.clear()

    def _release(self, held: _Held) -> None:
        if held not in self._held:
            return
        del self._held[held]
        if held.timer is not None:
            held.timer.cancel()
        for row in held.missing:
            waiting = self._by_row.get(row, [])
            if held in waiting:
                waiting.remove(held)
            if not waiting:
                self._by_row.pop(row, None)
        self._send(held.replies)
