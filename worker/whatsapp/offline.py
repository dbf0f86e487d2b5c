"""What waited for us on the server: asked for in portions, until it says that it is all.

The server announces how much there is (`offline_preview`), sends a primer, and stops unless the
client asks for more (`offline_batch`); `offline` ends it. WhatsApp Web asks for 200 at a time,
Baileys for 100 (Baileys socket.ts).
"""

from worker.wire import Node

PORTION = 100


class OfflineQueue:
    """The backlog of one connection."""

    def __init__(self) -> None:
        self._open = False
        self._taken = 0

    def informed(self, info: Node) -> Node | None:
        """Take an `<ib>`, and return the request for a portion where one is due."""
        if info.child("offline_preview") is not None:
            self._open = True
            self._taken = 0
            return _request()
        if info.child("offline") is not None:
            self._open = False
        return None

    def took(self, stanza: Node) -> Node | None:
        """Count a stanza that was settled, and return the request for the next portion if due."""
        if not self._open or "offline" not in stanza.attrs:
            return None
        self._taken += 1
        return _request() if self._taken % PORTION == 0 else None


def _request() -> Node:
    return Node("ib", {}, [Node("offline_batch", {"count": str(PORTION)})])
