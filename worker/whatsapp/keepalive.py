"""Proof of life: a ping now and then, and a connection given up when nothing answers.

WhatsApp Web pings every 15 to 30 s at random and calls the socket dead 20 s after the first
unanswered send (whatsapp-rust keepalive.rs); a dead peer is so noticed within 50 s.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Never

from worker.wire import Node
from worker.wire.curve import Rng

from .queries import Queries, QueryRefused

PING = Node("iq", {"xmlns": "w:p", "type": "get", "to": "@s.whatsapp.net"})


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often to ping, and how long an answer may take."""

    least_s: float = 15.0
    most_s: float = 30.0
    answer_s: float = 20.0

    def pause_s(self, rng: Rng) -> float:
        """Return the time until the next ping, at random between the bounds."""
        share = int.from_bytes(rng(4), "big") / 2**32
        return self.least_s + (self.most_s - self.least_s) * share


async def keep_alive(queries: Queries, rng: Rng, rhythm: Rhythm | None = None) -> Never:
    """Ping for as long as answers come.

    Raises:
        QueryTimeout: no answer in time: the socket is dead, whatever it says of itself.
        ConnectionLost: the connection went away.
    """
    rhythm = rhythm or Rhythm()
    while True:
        await asyncio.sleep(rhythm.pause_s(rng))
        with contextlib.suppress(QueryRefused):  # a refusal is an answer: the server lives
            await queries.ask(PING, timeout_s=rhythm.answer_s)
