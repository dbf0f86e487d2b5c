"""One connection: every stanza goes to its handler, and the end has a reason."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Never

from shared.clock import Clock
from shared.disconnects import (
    ACK_MISSING,
    LOST,
    Disconnect,
    Reaction,
    ban_reason,
    for_failure,
    for_stream_error,
)
from shared.errors import WhatsAppError
from shared.logs import get_logger
from worker.wire import Node
from worker.wire.curve import Rng

from .acks import ACKED_TAGS, is_answerable
from .queries import Queries
from .socket import NoiseSocket

log = get_logger(__name__)

# Stanzas read but not yet handled; past this the socket is left unread, and TCP holds the server.
MAX_BACKLOG = 512


class ConnectionEnded(WhatsAppError):
    """The server ended the stream, and said why.

    Attributes:
        disconnect: what the code means and what is to be done.
        wait_s: how long the server wants us to stay away (a temporary ban); 0 otherwise.
    """

    def __init__(self, disconnect: Disconnect, detail: str = "", wait_s: float = 0.0) -> None:
        told = f" ({detail})" if detail else ""
        super().__init__(f"stay connected: {disconnect.meaning}{told}", hint=disconnect.hint)
        self.disconnect = disconnect
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Handlers:
    """Who takes which kind of stanza. None of them may wait: they note, or start a task."""

    succeeded: Callable[[Node], None]
    """`<success>`: we are logged in."""
    asked: Callable[[Node], None]
    """An `<iq>` by which the server wants something: pairing, a ping."""
    informed: Callable[[Node], None]
    """`<ib>`: routing, the offline queue, a phone that is too old."""


class Connection:
    """The stream behind one `NoiseSocket`; single-use."""

    def __init__(self, socket: NoiseSocket, handlers: Handlers, clock: Clock, rng: Rng) -> None:
        self._socket = socket
        self._handlers = handlers
        self._clock = clock
        self.queries = Queries(self.send, rng)
        self.backlog: asyncio.Queue[Node] = asyncio.Queue(MAX_BACKLOG)
        self.last_frame_ns = clock.boot_ns()

    async def send(self, node: Node) -> None:
        """Write one node; raises ConnectionLost where nobody is there any more."""
        await self._socket.send(node)

    async def read(self) -> Never:
        """Read until the end.

        Raises:
            ConnectionEnded: the server said why.
            ConnectionLost: it went away without a word.
            WireError: it sent what the protocol does not allow.
        """
        while True:
            node = await self._socket.receive()
            self.last_frame_ns = self._clock.boot_ns()
            await self._route(node)

    async def close(self) -> None:
        """Close the socket, and tell everybody who waits for an answer."""
        self.queries.close()
        await self._socket.close()

    async def _route(self, node: Node) -> None:
        if node.tag in ACKED_TAGS:
            await self._keep(node)
        elif node.tag == "ack" or (node.tag == "iq" and node.attrs.get("type") in _ANSWERS):
            self.queries.answered(node)
        elif node.tag == "iq":
            self._handlers.asked(node)
        elif node.tag == "ib":
            self._handlers.informed(node)
        elif node.tag == "success":
            self._handlers.succeeded(node)
        elif node.tag in _ENDS:
            raise _ENDS[node.tag](node)
        else:
            log.debug("stanza_ignored", tag=node.tag)

    async def _keep(self, stanza: Node) -> None:
        """Put a stanza before the handlers, unless nobody could be told what became of it."""
        if is_answerable(stanza):
            await self.backlog.put(stanza)
        else:
            log.warning("stanza_without_address", stanza=stanza.outline)


_ANSWERS = frozenset({"result", "error"})

# A longer number is none: codes have three digits, times in seconds ten.
MAX_DIGITS = 10


def _failure(node: Node) -> ConnectionEnded:
    """Read `<failure reason="…">` (whatsmeow connectionevents.go, handleConnectFailure)."""
    disconnect = for_failure(_number(node, "reason"), conflict=_conflict(node))
    if disconnect.reaction is not Reaction.WAIT:
        return ConnectionEnded(disconnect, node.attrs.get("message", ""))
    banned = ban_reason(_number(node, "code"))
    return ConnectionEnded(disconnect, banned, wait_s=float(_number(node, "expire")))


def _stream_error(node: Node) -> ConnectionEnded:
    """Read `<stream:error code="…">` and what stands inside it."""
    if node.child("ack") is not None:
        return ConnectionEnded(ACK_MISSING)
    return ConnectionEnded(for_stream_error(_number(node, "code"), _conflict(node)))


def _stream_end(_: Node) -> ConnectionEnded:
    return ConnectionEnded(LOST, "the server closed the stream")


def _conflict(node: Node) -> str:
    conflict = node.child("conflict")
    return conflict.attrs.get("type", "") if conflict is not None else ""


def _number(node: Node, name: str) -> int:
    text = node.attrs.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else 0


_ENDS: dict[str, Callable[[Node], ConnectionEnded]] = {
    "failure": _failure,
    "stream:error": _stream_error,
    "xmlstreamend": _stream_end,
}
