"""What lies between one instance and the store: legs that take time, and lose, repeat and delay."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from random import Random
from typing import Any

from shared.errors import StoreError
from supervisor.lease.decisions import Seen
from supervisor.lease.timing import LeaseTiming
from supervisor.store.contract import Ambiguous, Wish, Written
from tests.simulation.loop import NETWORK, Process, SimLoop
from tests.simulation.server import Server

SLOW_SHARE, SLOWEST_S = 0.10, 15.0
LOSS, LATE, TWICE = 0.03, 0.3, 0.01
Request = Callable[[], Any]


class Wire:
    """The way of one host to the store; cut it, or forbid its writes."""

    def __init__(self, loop: SimLoop, random: Random) -> None:
        self.loop = loop
        self.random = random
        self.is_cut = False
        self.forbids_writes = False
        self.is_calm = False
        self._generation = 0

    def calm(self) -> None:
        """Let nothing go wrong any more; what is under way is lost."""
        self.is_calm, self.is_cut, self.forbids_writes = True, False, False
        self._generation += 1

    def _leg_s(self) -> float:
        random = self.random.random
        if not self.is_calm and random() < SLOW_SHARE:
            return random() * SLOWEST_S
        return 0.003 + 0.05 * random()

    def _loses(self) -> bool:
        return self.is_cut or (not self.is_calm and self.random.random() < LOSS)

    def send(self, request: Request, answer: "asyncio.Future[Any] | None", *, writes: bool) -> None:
        random = self.random.random
        if self._loses():
            if writes and random() < LATE:  # it will still arrive, when nobody waits any more
                self._later(10 + 30 * random(), request, None, writes)
            return
        leg_s = self._leg_s()
        self._later(leg_s, request, answer, writes)
        if writes and not self.is_calm and random() < TWICE:
            self._later(leg_s + 20 * random(), request, answer, writes)

    def _later(self, leg_s: float, request: Request, answer: Any, writes: bool) -> None:
        """Deliver a request; what is late by then has passed all that hinders others."""
        args = (self._generation, request, answer, writes)
        self.loop.call_later(leg_s, self._arrive, *args, context=NETWORK)

    def _arrive(self, generation: int, request: Request, answer: Any, writes: bool) -> None:
        if generation != self._generation or (self.is_cut and answer is not None):
            return
        result: Any
        try:
            if writes and self.forbids_writes:
                raise StoreError("permission denied")
            result = request()
        except StoreError as error:
            result = error
        if answer is not None and not self._loses():
            self.loop.call_later(self._leg_s(), self._reply, answer, result, context=NETWORK)

    def _reply(self, answer: "asyncio.Future[Any]", result: Any) -> None:
        if self.is_cut or answer.done():
            return
        if isinstance(result, StoreError):
            answer.set_exception(result)
        else:
            answer.set_result(result)


class StoreClient:
    """`LeaseStore` and `Fences` as one instance sees them over its wire."""

    def __init__(
        self, process: Process, wire: Wire, server: Server, *, host: str, timing: LeaseTiming
    ) -> None:
        self._process = process
        self._wire = wire
        self._server = server
        self._host = host
        self._hard_ns = int(timing.hard_s * 1e9)
        self._changed = asyncio.Event()

    async def _call(self, request: Request, timeout_s: float, *, writes: bool = False) -> Any:
        loop = self._process.loop
        answer: asyncio.Future[Any] = loop.create_future()
        self._wire.send(request, answer, writes=writes)
        timer = loop.call_later(timeout_s, _expire, answer)
        try:
            return await answer
        finally:
            timer.cancel()

    async def read(self, *, timeout_s: float) -> Seen:
        seen: Seen = await self._call(self._server.read, timeout_s)
        return seen

    async def create(self, fields: Mapping[str, Any], *, timeout_s: float) -> Written:
        return await self._write(lambda: self._server.create(self._host, fields), fields, timeout_s)

    async def replace(
        self, fields: Mapping[str, Any], expected: object, *, timeout_s: float
    ) -> Written:
        def request() -> Written:
            return self._server.replace(self._host, fields, expected)

        return await self._write(request, fields, timeout_s)

    async def _write(
        self, request: Request, fields: Mapping[str, Any], timeout_s: float
    ) -> Written:
        hard_ns = self._process.machine.boot_ns() + self._hard_ns
        written: Written = await self._call(request, timeout_s, writes=True)
        if fields["holder"] is not None:
            self._server.note("renew_ok", self._host, fields["epoch"], hard_ns=hard_ns)
        return written

    async def watch(self) -> AsyncIterator[None]:
        self._server.watchers.append(self._hear)
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                if self._wire.random.random() < 0.1:
                    raise StoreError("the stream broke")
                yield
        finally:
            self._server.watchers.remove(self._hear)

    def _hear(self) -> None:
        if not self._wire.is_cut:
            wire = self._wire
            wire.loop.call_later(wire._leg_s(), self._changed.set, context=NETWORK)

    async def wish(self, incarnation: str, *, timeout_s: float) -> None:
        await self._call(lambda: self._server.wish(incarnation), timeout_s, writes=True)

    async def wishes(self, *, timeout_s: float) -> list[Wish]:
        wishes: list[Wish] = await self._call(self._server.wished, timeout_s)
        return wishes

    async def clear_wish(self, incarnation: str, *, timeout_s: float) -> None:
        await self._call(lambda: self._server.clear_wish(incarnation), timeout_s, writes=True)

    async def raise_to(
        self, account_ids: Sequence[str], epoch: int, holder: str, *, timeout_s: float
    ) -> None:
        def request() -> None:
            self._server.raise_to(self._host, account_ids, epoch, holder)

        await self._call(request, timeout_s, writes=True)

    async def highest(self, *, timeout_s: float) -> int:
        highest: int = await self._call(self._server.highest, timeout_s)
        return highest

    async def write(self, account: str, epoch: int, holder: str, *, timeout_s: float) -> None:
        def request() -> None:
            self._server.write(self._host, account, epoch, holder)

        await self._call(request, timeout_s, writes=True)


def _expire(answer: "asyncio.Future[Any]") -> None:
    if not answer.done():
        answer.set_exception(Ambiguous("no answer in time"))
