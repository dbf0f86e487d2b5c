"""One connection's life: reading, settling, keeping alive, and what begins it.

Everything that runs for a connection runs in one task group: whatever fails first ends all of
it, and the reason is what the caller gets.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from shared import link_pb2
from shared.clock import Clock
from shared.disconnects import NOT_MULTI_DEVICE
from shared.errors import WireError
from shared.logs import get_logger
from shared.worker_settings import WorkerSettings
from worker.session import Credentials, SessionFile
from worker.wire import Node
from worker.wire.curve import Rng

from .connection import Connection, ConnectionEnded, Handlers
from .desk import AckDesk
from .directory import Directory
from .errands import RUNNERS, ErrandDesk
from .inbound import Inbound
from .keepalive import keep_alive
from .login import become_active, remember_login, stock_pre_keys, upload_pre_keys
from .offline import OfflineQueue
from .outgoing import Outgoing
from .outlet import Outlet
from .pairing_desk import PairingDesk
from .prekeys import REFILL
from .queries import QueryRefused, answered
from .reaction import AnswerRetry, Errand, Reaction, RefillPreKeys
from .resend import Resend
from .socket import ConnectionLost, MayAct, NoiseSocket, unbounded

log = get_logger(__name__)

# Stanzas that become durable together; a batch of this size takes some 50 ms.
BATCH = 32


class PairingUnasked(WireError):
    """The server treats a paired account as a new one: nothing of ours is given up for that."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an account's connections share."""

    file: SessionFile
    settings: WorkerSettings
    clock: Clock
    rng: Rng
    outlet: Outlet
    may_act: MayAct = unbounded


@dataclass(frozen=True, slots=True)
class _LoggedIn:
    """What exists once the server has let us in."""

    directory: Directory
    outgoing: Outgoing
    resend: Resend


class Stream:
    """A connection after its handshake; single-use."""

    def __init__(
        self,
        around: Surroundings,
        socket: NoiseSocket,
        credentials: Credentials,
        pairing: PairingDesk,
        on_ready: Callable[[], None],
    ) -> None:
        self._around = around
        self._connection = Connection(
            socket,
            Handlers(succeeded=self._succeeded, asked=self._asked, informed=self._informed),
            around.clock,
            around.rng,
        )
        self._credentials = credentials
        self._pairing = pairing
        self._on_ready = on_ready
        self._inbound = Inbound(around.file, around.clock, around.rng)
        self._outbox: asyncio.Queue[Node] = asyncio.Queue()
        self._desk = AckDesk(self._reply, around.settings.store_ack_wait_s)
        self._offline = OfflineQueue()
        self._begun = asyncio.Event()
        self._logged_in: asyncio.Future[_LoggedIn] = asyncio.get_running_loop().create_future()
        self._tasks: asyncio.TaskGroup | None = None
        self._errands = ErrandDesk(self._run_errand)
        self._over = False

    # -- what others may ask of it

    @property
    def ready(self) -> bool:
        """Tell whether messages can be sent."""
        return not self._over and self._logged_in.done()

    @property
    def handled(self) -> int:
        """Return how many stanzas were made durable."""
        return self._inbound.handled

    @property
    def last_frame_ns(self) -> int:
        """Return when something was last heard, on the boot clock."""
        return self._connection.last_frame_ns

    def oldest_unsettled_s(self) -> float:
        """Return for how long the oldest stanza has been waiting for its ack."""
        return self._desk.oldest_age_s()

    def delivered(self, rows: list[int]) -> None:
        """Note that the store has these spool rows: what they held back may be acknowledged."""
        self._desk.delivered(rows)

    async def send(self, request: link_pb2.Send) -> link_pb2.SendResult:
        """Send a text; see `Outgoing.send`."""
        return await self._logged_in.result().outgoing.send(request)

    async def ask(self, query: Node) -> Node:
        """Ask the server something; see `Queries.ask`."""
        return await self._connection.queries.ask(query)

    def write(self, node: Node) -> None:
        """Have a node written, behind those that wait already."""
        self._outbox.put_nowait(node)

    # -- its life

    async def run(self) -> None:
        """Serve the connection until it ends; always raises why.

        Raises:
            ExceptionGroup: of what its tasks ended with.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._connection.read())
                tasks.create_task(self._begin())
                tasks.create_task(self._take_inbound())
                tasks.create_task(self._write_outbox())
                for _ in range(RUNNERS):
                    tasks.create_task(self._errands.work())
                tasks.create_task(keep_alive(self._connection.queries, self._around.rng))
        finally:
            self._over = True
            self._desk.close()
            self._logged_in.cancel()
            await self._connection.close()

    async def _begin(self) -> None:
        """See that the server says something of substance soon: a QR reference, or success."""
        limit_s = self._around.settings.connect_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await self._begun.wait()
        except TimeoutError as error:
            raise ConnectionLost(
                f"log in: the server has said nothing for {limit_s:.0f} s",
                hint="check the network; the session is kept",
            ) from error

    async def _write_outbox(self) -> None:
        while True:
            await self._connection.send(await self._outbox.get())

    def _reply(self, nodes: list[Node]) -> None:
        for node in nodes:
            self._outbox.put_nowait(node)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._tasks is not None
        self._tasks.create_task(work)

    # -- stanzas in

    async def _take_inbound(self) -> None:
        """Make stanzas durable in batches, and settle them.

        A failing disk ends the connection with nothing acknowledged: WhatsApp delivers again.
        """
        while True:
            batch = await self._next_batch()
            reactions = self._inbound.take(batch)
            for stanza, reaction in zip(batch, reactions, strict=True):
                self._settle(stanza, reaction)
            self._around.outlet.spooled()

    async def _next_batch(self) -> list[Node]:
        backlog = self._connection.backlog
        batch = [await backlog.get()]
        while len(batch) < BATCH and not backlog.empty():
            batch.append(backlog.get_nowait())
        return batch

    def _settle(self, stanza: Node, reaction: Reaction) -> None:
        self._desk.put(reaction)
        more = self._offline.took(stanza)
        if more is not None:
            self.write(more)
        for errand in reaction.errands:
            self._errands.put(errand)

    async def _run_errand(self, errand: Errand) -> None:
        parts = await asyncio.shield(self._logged_in)
        around, queries = self._around, self._connection.queries
        if isinstance(errand, RefillPreKeys):
            await upload_pre_keys(around.file, queries, around.rng, REFILL)
        elif isinstance(errand, AnswerRetry):
            await self._answer_retry(parts.resend, errand.receipt)
        else:
            await parts.directory.refresh_group(errand.group)

    async def _answer_retry(self, resend: Resend, receipt: Node) -> None:
        stanza = await resend.answer(receipt)
        if stanza is not None:
            self.write(stanza)

    # -- what the server says of itself

    def _succeeded(self, success: Node) -> None:
        if self._begun.is_set():
            log.warning("success_repeated")
            return
        self._begun.set()
        self._start(self._log_in(success))

    async def _log_in(self, success: Node) -> None:
        around, queries = self._around, self._connection.queries
        remember_login(around.file, success, around.clock)
        await self._stock_pre_keys()
        with around.file.unit() as unit:
            credentials = unit.credentials.get()
        directory = Directory(around.file, queries, around.clock, around.rng, around.outlet.spooled)
        self._logged_in.set_result(
            _LoggedIn(
                directory,
                Outgoing(
                    around.file,
                    credentials,
                    queries,
                    directory,
                    around.rng,
                    around.settings.send_ack_timeout_s,
                ),
                Resend(around.file, credentials, directory, around.clock, around.rng),
            )
        )
        await become_active(queries)
        self._on_ready()

    async def _stock_pre_keys(self) -> None:
        """See to our one-time keys; without them people can still write to us, less privately."""
        around = self._around
        try:
            await stock_pre_keys(around.file, self._connection.queries, around.rng)
        except QueryRefused as error:
            log.warning("pre_keys_not_stocked", error=error)

    def _asked(self, query: Node) -> None:
        if self._credentials.paired and _is_about_pairing(query):
            raise PairingUnasked(
                "log in: the server wants to pair an account that is paired",
                hint="the session is kept; if this repeats, the server is not WhatsApp's",
            )
        if query.child("pair-device") is not None:
            self._begun.set()
            self._start(self._pairing.offer(query, self._credentials, self.write))
        elif query.child("pair-success") is not None:
            self._start(self._pairing.accept(query, self._credentials, self._connection.send))
        elif query.attrs.get("xmlns") == "urn:xmpp:ping":
            self.write(answered(query))

    def _informed(self, info: Node) -> None:
        """Take an `<ib>`: routing for the next dial, the offline queue, a phone that is too old.

        A `dirty` mark is left standing: it goes with the app state, which is not read yet.
        """
        if info.child("downgrade_webclient") is not None:
            raise ConnectionEnded(NOT_MULTI_DEVICE)
        routing = info.child("edge_routing")
        told = routing.child("routing_info") if routing is not None else None
        if told is not None:
            with self._around.file.unit() as unit:
                unit.credentials.update(routing_info=told.bytes())
        request = self._offline.informed(info)
        if request is not None:
            self.write(request)


def _is_about_pairing(query: Node) -> bool:
    return query.child("pair-device") is not None or query.child("pair-success") is not None
