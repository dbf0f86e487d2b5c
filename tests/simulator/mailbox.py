"""What a device still has to be told: stanzas wait here until the device confirms them.

Order of a login (whatsmeow connectionevents.go; Baileys socket.ts): <ib><offline_preview/>,
a first lot of what waited; once the client sends <ib><offline_batch count=n/>, the rest, never
more than n ahead of what it has confirmed; then <ib><offline/>. Only after that do new stanzas
go out as they come.
"""

from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import Protocol

from worker.wire.node import Node

PRIMER_STANZAS = 100
"""What is sent before the client asks for more (Baileys asks for lots of 100)."""


class Outlet(Protocol):
    """The way to a device that is online."""

    def push(self, node: Node) -> None:
        """Send a stanza, in order, without waiting for it."""
        ...


@dataclass(frozen=True, slots=True)
class StanzaKey:
    """What a client repeats when it confirms a stanza; of a message it leaves out the type."""

    tag: str
    stanza_id: str
    sender: str
    participant: str
    kind: str = ""

    @classmethod
    def of(cls, node: Node) -> "StanzaKey":
        """Return the key of a stanza on its way to a client."""
        attrs = node.attrs
        kind = attrs.get("type", "") if node.tag == "receipt" else ""
        return cls(node.tag, attrs["id"], attrs["from"], attrs.get("participant", ""), kind)


class Mailbox:
    """The unconfirmed stanzas of one device, oldest first."""

    def __init__(self, primer: int = PRIMER_STANZAS) -> None:
        self._primer = primer
        self._pending: dict[StanzaKey, Node] = {}
        self._owed: Counter[StanzaKey] = Counter()
        self._settled: set[StanzaKey] = set()
        self._unsent: deque[StanzaKey] = deque()
        self._outlet: Outlet | None = None
        self._live = False
        self._total = 0
        self._window = 0

    @property
    def pending(self) -> list[Node]:
        """The stanzas that nobody confirmed yet."""
        return list(self._pending.values())

    @property
    def live(self) -> bool:
        """Whether new stanzas go out at once."""
        return self._live

    def post(self, node: Node) -> None:
        """Take a stanza for the device, and send it if its turn has come."""
        key = StanzaKey.of(node)
        self._pending[key] = node
        self._owed[key] += 1
        self._settled.discard(key)
        if self._live and self._outlet is not None:
            self._outlet.push(node)
        else:
            self._unsent.append(key)

    def open(self, outlet: Outlet) -> None:
        """Begin to empty the box into a new connection."""
        self._outlet, self._live = outlet, False
        self._unsent = deque(self._pending)
        self._total = len(self._unsent)
        self._window = 0
        if self._total:
            outlet.push(self._preview())
        self._send(self._primer)

    def release(self, window: int) -> None:
        """Send on, at most `window` stanzas ahead of what is confirmed."""
        self._window = window
        self._go_on()

    def _go_on(self) -> None:
        in_flight = len(self._pending) - len(self._unsent)
        self._send(self._window - in_flight)

    def _send(self, count: int) -> None:
        """Send up to `count` of the stanzas that waited, and say so when they are through."""
        if self._outlet is None or self._live:
            return
        while self._unsent and count > 0:
            node = self._pending.get(self._unsent.popleft())
            if node is not None:
                self._outlet.push(replace(node, attrs={**node.attrs, "offline": "0"}))
                count -= 1
        if not self._unsent:
            self._live = True
            self._outlet.push(_ib(Node("offline", {"count": str(self._total)})))

    def close(self, outlet: Outlet) -> None:
        """Forget a connection that is gone; a newer one is left alone."""
        if self._outlet is outlet:
            self._outlet, self._live = None, False
            self._unsent = deque(self._pending)

    def settle(self, key: StanzaKey) -> bool:
        """Drop a stanza that was confirmed; False if nothing like it is owed a confirmation.

        Two alike may be on their way at once, as two receipts for a message delivered twice.
        """
        self._settled.add(key)
        found = self._pending.pop(key, None) is not None
        if found and self._window:
            self._go_on()
        owed = self._owed[key] > 0
        self._owed[key] -= owed
        return owed

    def was_settled(self, key: StanzaKey) -> bool:
        """Tell whether the stanza had been confirmed before."""
        return key in self._settled

    def clear(self) -> None:
        """Throw everything away: the device is no more."""
        self._pending.clear()
        self._owed.clear()
        self._unsent.clear()

    def _preview(self) -> Node:
        counts = {"count": str(self._total)}
        for name in ("message", "notification", "receipt"):
            found = sum(1 for key in self._pending if key.tag == name)
            counts[name] = str(found)
        return _ib(Node("offline_preview", {**counts, "appdata": "0"}))


def _ib(child: Node) -> Node:
    return Node("ib", {"from": "@s.whatsapp.net"}, [child])
