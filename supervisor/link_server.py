"""Where workers come in: who they are is proved first, then their messages go to who they are for.

Three proofs, all of them needed: the kernel says that the peer runs under our uid and is the very
process that we started (SO_PEERCRED), and the peer knows the token that only this process was
given. A message that must not be lost is acknowledged only after its inbox has taken it; one that
was not taken is simply not acknowledged, and the worker sends it again.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from shared import link_pb2 as pb
from shared.clock import Clock, SystemClock
from shared.errors import LinkError
from shared.link import (
    VERSION,
    LinkClosed,
    Peer,
    SupervisorLink,
    check_socket_path,
    check_version,
    peer,
    supervisor_end,
)
from shared.logs import get_logger
from supervisor.api.doors import WorkerUnavailable
from supervisor.damper import Damper
from supervisor.lease.guard import NotHolding
from supervisor.store.contract import Fenced
from supervisor.workers import LINK_SEND_S, WorkerHandle

log = get_logger(__name__)

HELLO_TIMEOUT_S: Final = 10.0
MAX_BOOT_DIFFERENCE_NS: Final = 1_000_000_000  # more is another time namespace, or a stale frame
MAX_BATCHES_WAITING: Final = 16  # of one worker; more are dropped, and sent again by it
MAX_STRANGERS: Final = 64  # connections that have not proved themselves, at one time


class PeerRefused(LinkError):
    """Somebody connected who is not a worker that this supervisor waits for."""


class Inbox(Protocol):
    """Takes what must not be lost."""

    async def accept(self, account_id: str, inbound: pb.Inbound) -> None:
        """Store a batch, each event once however often it comes; return when it is durable."""
        ...


class Listener(Protocol):
    """Hears what workers tell of themselves; must not block."""

    def on_state(self, worker: WorkerHandle, state: pb.State) -> None:
        """Hear that the connection to WhatsApp changed its state."""
        ...

    def on_qr(self, worker: WorkerHandle, qr: pb.Qr) -> None:
        """Show another QR, or none."""
        ...

    def on_paired(self, worker: WorkerHandle, paired: pb.Paired) -> None:
        """Hear that a phone was linked."""
        ...

    def on_heartbeat(self, worker: WorkerHandle, beat: pb.Heartbeat) -> None:
        """Hear that the worker's own loop turns, and what it got done."""
        ...


class LinkServer:
    """The supervisor's Unix socket.

    Args:
        path: the socket's place; its folder is ours alone (0700).
        inbox: takes batches of what must not be lost.
        clock: ours, to compare a worker's with.
        deadline: until when (CLOCK_BOOTTIME) a worker that comes in now may live; without one,
            workers live until they are ended.
    """

    def __init__(
        self,
        path: Path,
        inbox: Inbox,
        *,
        clock: Clock | None = None,
        deadline: Callable[[], int] | None = None,
    ) -> None:
        self.path: Final = path
        self._inbox = inbox
        self._deadline = deadline
        self._listener: Listener | None = None
        self._clock = clock or SystemClock()
        self._expected: dict[str, WorkerHandle] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._strangers = 0
        self._damper = Damper(self._clock)

    async def start(self, listener: Listener) -> None:
        """Listen, and tell `listener` what is said; a former supervisor's socket is replaced.

        Raises:
            LinkError: the path is too long, or can't be listened on.
        """
        check_socket_path(self.path)
        self._listener = listener
        try:
            self.path.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._welcome_peer, self.path)
            self.path.chmod(0o600)
        except OSError as error:
            raise LinkError(
                f"listen for workers at {self.path}: {error.strerror}",
                hint="RUN_PATH must be a directory that this user can write",
            ) from error

    async def close(self) -> None:
        """Stop listening and close every link. Idempotent."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.path.unlink(missing_ok=True)

    def expect(self, worker: WorkerHandle) -> None:
        """Wait for this worker's hello; it takes the place of the account's former one."""
        self._expected[worker.account_id] = worker

    def forget(self, worker: WorkerHandle) -> None:
        """Wait for this worker no longer."""
        if self._expected.get(worker.account_id) is worker:
            del self._expected[worker.account_id]

    # -------------------------------------------------------------------------- who comes in

    async def _welcome_peer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = supervisor_end(reader, writer)
        try:
            worker = await self._identify(link, peer(writer.get_extra_info("socket")))
            await self._serve(worker, link)
        except LinkError as error:
            self._report(error)
        except asyncio.CancelledError:
            pass  # `close` ends all links; asyncio's server callback has nobody to tell
        except Exception:  # a fault of ours costs this link, and the worker's restart mends it
            log.exception("link_failed")
        finally:
            self._tasks.discard(task)
            await link.close()

    async def _identify(self, link: SupervisorLink, who: Peer) -> WorkerHandle:
        if self._strangers >= MAX_STRANGERS:
            raise PeerRefused(f"{MAX_STRANGERS} peers have not said hello yet: one more is refused")
        self._strangers += 1
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                hello = await link.receive()
        except TimeoutError:
            raise PeerRefused(f"process {who.pid} connected and did not say hello") from None
        finally:
            self._strangers -= 1
        if not isinstance(hello, pb.Hello):
            raise PeerRefused(f"process {who.pid} began with {type(hello).__name__}, not Hello")
        return self._checked(hello, who)

    def _checked(self, hello: pb.Hello, who: Peer) -> WorkerHandle:
        """Return the worker that this hello proves; the token goes last, because it is used up."""
        if who.uid != os.geteuid():
            raise PeerRefused(f"process {who.pid} runs under uid {who.uid}, not ours")
        check_version(hello.version)
        difference_ns = abs(self._clock.boot_ns() - hello.boot_ns)
        if difference_ns > MAX_BOOT_DIFFERENCE_NS:
            raise PeerRefused(f"process {who.pid}'s clock is {difference_ns / 1e9:.1f} s off ours")
        worker = self._expected.get(hello.account_id)
        if worker is None or worker.exit_status is not None:
            raise PeerRefused(f"process {who.pid} is for an account that has no worker starting")
        if who.pid != worker.pid:
            raise PeerRefused(f"process {who.pid} is not {worker.pid}, the one that was started")
        if not worker.accepts(hello.token):
            raise PeerRefused(f"process {who.pid} does not know its token, or used it already")
        return worker

    # ------------------------------------------------------------------------- what they say

    async def _serve(self, worker: WorkerHandle, link: SupervisorLink) -> None:
        deadline_ns = self._worker_deadline(worker)
        welcome = pb.Welcome(version=VERSION, phone=worker.phone, deadline_boot_ns=deadline_ns or 0)
        await link.send(welcome, timeout_s=LINK_SEND_S)
        worker.attach(link)
        if deadline_ns != (moved_ns := self._worker_deadline(worker)):  # meanwhile
            await link.send(pb.Deadline(deadline_boot_ns=moved_ns), timeout_s=LINK_SEND_S)
        batches: asyncio.Queue[pb.Inbound] = asyncio.Queue(MAX_BATCHES_WAITING)
        delivery = asyncio.create_task(self._deliver(worker, batches))
        try:
            while True:
                self._route(worker, await link.receive(), batches)
        finally:
            worker.detach()
            self.forget(worker)
            delivery.cancel()
            await asyncio.gather(delivery, return_exceptions=True)

    def _worker_deadline(self, worker: WorkerHandle) -> int | None:
        """Return until when a worker may live, None where there is no lease.

        Raises:
            PeerRefused: that is over: it must not even begin.
        """
        if self._deadline is None:
            return None
        deadline_ns = self._deadline()
        if deadline_ns <= self._clock.boot_ns():
            raise PeerRefused(f"process {worker.pid} came when the lease was over")
        return deadline_ns

    def _route(
        self, worker: WorkerHandle, body: object, batches: "asyncio.Queue[pb.Inbound]"
    ) -> None:
        assert self._listener is not None
        match body:
            case pb.Heartbeat():
                self._listener.on_heartbeat(worker, body)
            case pb.State():
                self._listener.on_state(worker, body)
            case pb.Qr():
                self._listener.on_qr(worker, body)
            case pb.Paired():
                self._listener.on_paired(worker, body)
            case pb.Inbound():
                self._queue(worker, body, batches)
            case pb.SendResult():
                if not worker.settle(body):
                    log.info("late_send_result", account_id=worker.account_id)
            case _:
                raise PeerRefused(f"{type(body).__name__} from a worker that is already welcome")

    def _queue(
        self, worker: WorkerHandle, batch: pb.Inbound, batches: "asyncio.Queue[pb.Inbound]"
    ) -> None:
        try:
            batches.put_nowait(batch)
        except asyncio.QueueFull:  # the worker still has it, and sends it again
            if self._damper.says(f"full {worker.account_id}"):
                log.warning("inbox_behind", account_id=worker.account_id, waiting=batches.qsize())

    async def _deliver(self, worker: WorkerHandle, batches: "asyncio.Queue[pb.Inbound]") -> None:
        while True:
            batch = await batches.get()
            if await self._accepted(worker, batch):
                await self._acknowledge(worker, batch.batch_id)

    async def _accepted(self, worker: WorkerHandle, batch: pb.Inbound) -> bool:
        try:
            await self._inbox.accept(worker.account_id, batch)
        except (NotHolding, Fenced) as error:  # whoever holds the lease next gets it
            if self._damper.says(f"unleased {worker.account_id}"):
                log.info("inbound_without_lease", account_id=worker.account_id, why=error.message)
            return False
        except Exception as error:  # whatever it is: not stored means not acknowledged
            if self._damper.says(f"inbox {worker.account_id} {type(error).__name__}"):
                log.exception(
                    "inbound_not_stored", account_id=worker.account_id, events=len(batch.events)
                )
            return False
        return True

    async def _acknowledge(self, worker: WorkerHandle, batch_id: int) -> None:
        try:
            await worker.tell(pb.BatchAck(batch_id=batch_id))
        except WorkerUnavailable as error:  # it comes again, and is stored once all the same
            log.info("batch_ack_not_sent", account_id=worker.account_id, why=error.message)

    def _report(self, error: LinkError) -> None:
        kind = type(error).__name__
        if isinstance(error, LinkClosed):
            log.debug("link_closed", why=error.message)
        elif self._damper.says(kind):
            log.warning("link_refused", kind=kind, why=error.message, hint=error.hint)
