"""Whether a worker still works: it beats, and its work goes on.

A heartbeat proves only that the worker's loop turns. What it says of the stanzas that wait for
their ack proves the rest: one that waits for a minute, or that waits while nothing is handled any
more, will not be acknowledged by waiting further, and WhatsApp goes on as if we were there.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.link_pb2 import Heartbeat


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long work may stand still.

    A stanza waits for the store for two seconds by design; both bounds are far above that.

    Attributes:
        unacked_ms: a stanza that waits for longer for its ack is stuck, whatever else goes on.
        stalled_ms: one that waits for longer is stuck if nothing was handled meanwhile,
        stalled_beats: over so many heartbeats.
    """

    unacked_ms: int = 60_000
    stalled_ms: int = 10_000
    stalled_beats: int = 6


DEFAULT_BOUNDS: Final = Bounds()


class Pulse:
    """One worker's, from its first heartbeat to its end.

    Attributes:
        beaten: a heartbeat came since `until_hanging` last looked.
        trouble: why the worker counts as hanging although it beats; None while it does not.
    """

    def __init__(self, bounds: Bounds = DEFAULT_BOUNDS) -> None:
        self.beaten = False
        self.trouble: str | None = None
        self._bounds = bounds
        self._handled = 0
        self._still = 0  # beats in a row with a backlog and nothing handled

    def heard(self, beat: Heartbeat) -> None:
        """Take a heartbeat."""
        self.beaten = True
        is_still = beat.oldest_unacked_ms > 0 and beat.stanzas_handled == self._handled
        self._still = self._still + 1 if is_still else 0
        self._handled = beat.stanzas_handled
        self.trouble = self._trouble(beat)

    def _trouble(self, beat: Heartbeat) -> str | None:
        bounds, waiting_s = self._bounds, beat.oldest_unacked_ms / 1000
        if beat.oldest_unacked_ms > bounds.unacked_ms:
            return f"a stanza has waited {waiting_s:.0f} s for its ack"
        if self._still >= bounds.stalled_beats and beat.oldest_unacked_ms > bounds.stalled_ms:
            return f"nothing was handled for {waiting_s:.0f} s, and a stanza waits for its ack"
        return None

    async def until_hanging(self, interval_s: float, patience_s: Callable[[], float]) -> str:
        """Return why the worker hangs, once it does.

        Silence is counted in turns of *this* loop: after a pause of the whole machine or of this
        process, the heartbeats that arrived meanwhile are read before the next turn counts.

        Args:
            interval_s: between two heartbeats.
            patience_s: how long silence may last right now.
        """
        silent = 0
        while silent * interval_s < patience_s():
            if self.trouble is not None:
                return self.trouble
            self.beaten = False
            await asyncio.sleep(interval_s)
            silent = 0 if self.beaten else silent + 1
        return f"no heartbeat for {silent * interval_s:.0f} s"
