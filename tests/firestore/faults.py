"""A gRPC proxy in front of the emulator that breaks calls on purpose, whatever they carry.

It forwards bytes, so it works for every method. A fault applies to calls of one method from when
it is set until it is lifted, or for a number of calls.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

import grpc
from grpc import aio

FORWARD_TIMEOUT_S = 30.0


class Way(Enum):
    """How a call is broken."""

    ABORT = "abort"  # answered with a code; the emulator never hears of it
    LOSE_REPLY = "lose_reply"  # applied, then answered with a code
    DELAY = "delay"  # forwarded later, whether or not somebody still waits for the answer
    BLACK_HOLE = "black_hole"  # neither forwarded nor answered
    EMPTY = "empty"  # a stream that ends well without having said anything
    HOLD_ANSWERS = "hold_answers"  # forwarded; what comes back waits until the fault is lifted


@dataclass
class Fault:
    """One way to break calls of one method (`Commit`, `Listen`, …)."""

    method: str
    way: Way
    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    delay_s: float = 0.0
    calls: int | None = None  # None: until it is lifted
    hits: int = 0
    hit: asyncio.Event = field(default_factory=asyncio.Event)
    lifted: asyncio.Event = field(default_factory=asyncio.Event)
    applied: asyncio.Event = field(default_factory=asyncio.Event)

    def takes(self, method: str) -> bool:
        spent = self.lifted.is_set() or (self.calls is not None and self.hits >= self.calls)
        return not spent and self.method == method


class FaultProxy:
    """`async with FaultProxy(upstream_host) as proxy:`, then clients connect to `proxy.host`."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._faults: list[Fault] = []
        self._late: set[asyncio.Task[Any]] = set()
        self.calls: list[str] = []
        self.port = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._channel = aio.insecure_channel(
            self._upstream, options=[("grpc.use_local_subchannel_pool", 1)]
        )
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        for fault in self._faults:
            fault.lifted.set()
        await self.down()
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        await self._channel.close()

    async def up(self) -> None:
        """Listen, on the former port if there was one."""
        self._server = aio.server(options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((_Handlers(self),))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def down(self) -> None:
        """Cut all connections and refuse new ones."""
        await self._server.stop(None)

    def late(self) -> list[asyncio.Task[Any]]:
        """Return the forwardings that are still to come, or under way."""
        return list(self._late)

    @contextlib.contextmanager
    def fault(self, method: str, way: Way, **how: Any) -> Iterator[Fault]:
        """Break calls of a method inside the `with`."""
        fault = Fault(method, way, **how)
        self._faults.append(fault)
        try:
            yield fault
        finally:
            fault.lifted.set()

    async def serve(
        self, method: str, requests: AsyncIterator[bytes], context: Any
    ) -> AsyncIterator[bytes]:
        """Answer one call."""
        name = method.rsplit("/", 1)[1]
        self.calls.append(name)
        # Taken now: gRPC frees it when the caller leaves.
        call = _Call(method, requests, _metadata(context))
        fault = next((each for each in self._faults if each.takes(name)), None)
        answers = self._forward(call) if fault is None else self._break(fault, call)
        try:
            async for answer in answers:
                yield answer
        except aio.AioRpcError as error:
            await context.abort(error.code(), error.details() or "")
        except _Broken as broken:
            await context.abort(broken.code, "broken on purpose")

    async def _break(self, fault: Fault, call: "_Call") -> AsyncIterator[bytes]:
        fault.hits += 1
        fault.hit.set()
        match fault.way:
            case Way.EMPTY:
                return
            case Way.ABORT:
                raise _Broken(fault.code)
            case Way.BLACK_HOLE:
                await fault.lifted.wait()
                raise _Broken(fault.code)
            case Way.HOLD_ANSWERS:
                async for answer in self._forward(call):
                    await fault.lifted.wait()
                    yield answer
            case Way.DELAY | Way.LOSE_REPLY:
                answers = await self._later(fault, call)
                if fault.way is Way.LOSE_REPLY:
                    raise _Broken(fault.code)
                for answer in answers:
                    yield answer

    async def _later(self, fault: Fault, call: "_Call") -> list[bytes]:
        """Forward a call in a task of its own: whoever waits may leave."""
        given = [await anext(call.requests)]  # unary calls only
        replayed = _Call(call.method, _replay(given), call.metadata)

        async def forward() -> list[bytes]:
            await asyncio.sleep(fault.delay_s)
            answers = [each async for each in self._forward(replayed)]
            fault.applied.set()
            return answers

        task = asyncio.create_task(forward())
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return await asyncio.shield(task)

    async def _forward(self, call: "_Call") -> AsyncIterator[bytes]:
        timeout_s = None if call.method.endswith("/Listen") else FORWARD_TIMEOUT_S
        # Without a serializer it takes bytes; types-grpcio then infers nothing.
        method: aio.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(
            call.method
        )
        forwarded = method(call.requests, metadata=call.metadata, timeout=timeout_s)
        try:
            async for answer in forwarded:
                yield answer
        finally:
            forwarded.cancel()


@dataclass(frozen=True)
class _Call:
    method: str
    requests: AsyncIterator[bytes]
    metadata: list[tuple[str, str | bytes]]


class _Broken(Exception):
    """A call is to end with this code."""

    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__(code)
        self.code = code


def _metadata(context: Any) -> list[tuple[str, str | bytes]]:
    return [
        (str(key), value)
        for key, value in context.invocation_metadata()
        if not key.startswith(("grpc-", ":")) and key not in {"user-agent", "te"}
    ]


class _Handlers(grpc.GenericRpcHandler):
    """Every method is served as a stream of bytes both ways: a unary call is a short stream."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy = proxy

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method

        async def serve(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            async for answer in self._proxy.serve(method, requests, context):
                yield answer

        return grpc.stream_stream_rpc_method_handler(serve)


async def _replay(given: list[bytes]) -> AsyncIterator[bytes]:
    for each in given:
        yield each


class Relay:
    """A TCP relay whose existing connections can be frozen: open, and dead (half-open)."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def freeze(self) -> None:
        """Let nothing pass on the connections of now, without closing them; new ones flow."""
        self._flowing.clear()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        flowing = self._flowing
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        pumps = [
            asyncio.create_task(_pump(reader, up_writer, flowing)),
            asyncio.create_task(_pump(up_reader, writer, flowing)),
        ]
        self._tasks.update(pumps)
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        self._tasks.difference_update(pumps)
        for each in (writer, up_writer):
            each.close()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event
) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            await flowing.wait()
            writer.write(data)
            await writer.drain()
