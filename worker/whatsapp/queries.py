"""Questions to the server and their answers: `<iq>` by id, and the acks of our messages."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.errors import WhatsAppError
from worker.wire import Node
from worker.wire.curve import Rng

from .socket import ConnectionLost

QUERY_TIMEOUT_S = 30.0


class QueryRefused(WhatsAppError):
    """The server answered with an error.

    Attributes:
        code: the server's number, 0 where it gave none.
    """

    def __init__(self, what: str, code: int, text: str) -> None:
        super().__init__(f"ask the server for {what}: it refused ({code} {text})")
        self.code = code


class QueryTimeout(ConnectionLost):
    """The server gave no answer in time."""


class Queries:
    """The questions of one connection that wait for an answer."""

    def __init__(self, send: Callable[[Node], Awaitable[None]], rng: Rng) -> None:
        self._send = send
        self._prefix = f"{int.from_bytes(rng(2), 'big')}.{int.from_bytes(rng(2), 'big')}-"
        self._count = 0
        self._waiting: dict[str, asyncio.Future[Node]] = {}
        self._closed: Exception | None = None

    async def ask(self, query: Node, *, timeout_s: float = QUERY_TIMEOUT_S) -> Node:
        """Send an `<iq>` (its id is put in here) and return the answer.

        Raises:
            QueryRefused: the server answered with an error.
            QueryTimeout: no answer within `timeout_s`.
            ConnectionLost: the connection went away.
        """
        self._count += 1
        query_id = f"{self._prefix}{self._count}"
        asked = Node(query.tag, {"id": query_id, **query.attrs}, query.content)
        answer = await self.settle(query_id, asked, timeout_s=timeout_s)
        if answer.attrs.get("type") == "error":
            raise _refusal(query, answer)
        return answer

    async def settle(self, stanza_id: str, stanza: Node, *, timeout_s: float) -> Node:
        """Send a stanza and return what answers its id: an `<iq>` result or an `<ack>`.

        Raises:
            QueryTimeout: no answer within `timeout_s`.
            ConnectionLost: the connection went away.
        """
        if self._closed is not None:
            raise ConnectionLost(f"send <{stanza.tag}>: the connection is gone")
        future: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
        self._waiting[stanza_id] = future
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(stanza)
                return await future
        except TimeoutError as error:
            raise QueryTimeout(
                f"wait for the answer to <{stanza.tag}>: none within {timeout_s:.0f} s"
            ) from error
        finally:
            self._waiting.pop(stanza_id, None)

    def answered(self, node: Node) -> bool:
        """Hand an incoming `<iq>` or `<ack>` to whoever waits for it; tell whether one did."""
        future = self._waiting.get(node.attrs.get("id", ""))
        if future is None or future.done():
            return False
        future.set_result(node)
        return True

    def close(self) -> None:
        """Tell everybody who waits that no answer will come."""
        self._closed = ConnectionLost("wait for an answer: the connection is gone")
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionLost("wait for an answer: the connection is gone"))


def _refusal(query: Node, answer: Node) -> QueryRefused:
    error = answer.child("error")
    attrs = error.attrs if error is not None else {}
    code = attrs.get("code", "0")
    return QueryRefused(
        query.attrs.get("xmlns", query.tag),
        int(code) if code.isascii() and code.isdecimal() else 0,
        attrs.get("text", ""),
    )


def answered(query: Node) -> Node:
    """Return the bare result that settles an `<iq>` of the server's.

    Raises:
        NodeError: it names neither a sender nor an id.
    """
    attrs = {"to": query.required("from"), "type": "result", "id": query.required("id")}
    return Node("iq", attrs)
