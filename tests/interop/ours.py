"""Our worker as it really runs: a process of its own, told and heard over its link.

The supervisor's part is played here, as plainly as it can be: what arrives is kept by message,
as the store keeps it, and acknowledged; what is sent is sent again under the same id until the
service has it, as the outbox does.
"""

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from shared import link_pb2
from shared.clock import SystemClock
from shared.errors import LinkError
from shared.link import VERSION, SupervisorLink, ToSupervisorBody, supervisor_end
from shared.spawn import TOKEN_BYTES, SpawnOrder
from shared.worker_settings import WorkerSettings
from supervisor.processes import WORKER_PROGRAM, ChildProcess, ExitStatus
from tests.log_guard import keep_secret
from tests.simulator import Phone, Simulator
from tests.simulator.directory import Device
from worker.session import SessionFile, UnitOfWork

T = TypeVar("T")
WAIT_S: Final = 20.0
LINK_S: Final = 5.0
END_S: Final = 10.0
ACCOUNT: Final = "ours"
SENT: Final = link_pb2.SendResult.SENT
UNAVAILABLE: Final = link_pb2.SendResult.UNAVAILABLE


class Ours:
    """An account of ours: the same one over all starts of its process.

    Attributes:
        device: what the service knows it as, once it is paired.
        states: what the process that runs now has told of its connection.
        pairings: every pairing there ever was; more than one means that a person had to scan again.
        messages: what was stored, each once, in the order in which it came.
        repeated: messages that were handed over once more; a killed process may do that.
        events: everything that was handed over.
    """

    def __init__(self, sim: Simulator, folder: Path) -> None:
        self.device: Device | None = None
        self.states: list[link_pb2.State] = []
        self.pairings: list[link_pb2.Paired] = []
        self.messages: list[link_pb2.Message] = []
        self.repeated: list[link_pb2.Message] = []
        self.events: list[link_pb2.Event] = []
        self._codes: list[str] = []
        self._keys: set[tuple[str, str, str]] = set()
        folder.mkdir(parents=True, exist_ok=True)
        self._sim, self._folder = sim, folder
        self._token = b""
        self._process: ChildProcess | None = None
        self._link: SupervisorLink | None = None
        self._results: dict[str, asyncio.Future[link_pb2.SendResult]] = {}
        self._requests = 0
        self._news = asyncio.Event()

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, sim: Simulator, folder: Path) -> "AsyncIterator[Ours]":
        """Start the process, and end it whatever happens in the block."""
        ours = cls(sim, folder)
        server = await asyncio.start_unix_server(ours._serve, folder / "link.sock")
        try:
            ours.start()
            yield ours
        finally:
            await ours.kill()
            server.close()

    # -- its process

    @property
    def pid(self) -> int:
        """The process that runs now."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process; what it does is waited for with `wait_connected`."""
        self.states, self._codes = [], []
        self._token = secrets.token_bytes(TOKEN_BYTES)
        keep_secret(self._token, "the spawn token")
        order = SpawnOrder(
            account_id=ACCOUNT,
            directory=str(self._folder / ACCOUNT),
            link_path=str(self._folder / "link.sock"),
            token=self._token.hex(),
            supervisor_pid=os.getpid(),
            settings=_settings(self._sim, self._folder),
        )
        self._process = ChildProcess.spawn(WORKER_PROGRAM, ACCOUNT, order.encode())

    async def stop(self) -> ExitStatus:
        """Have the process end as it should; return how it did."""
        assert self._process is not None
        assert self._link is not None
        await self._link.send(link_pb2.Stop(reason="a test wants it"), timeout_s=LINK_S)
        status = await self._process.wait(END_S)
        await self._wait_offline()
        return status

    async def kill(self) -> None:
        """End the process as a power cut would: SIGKILL, at once."""
        if self._process is None or self._process.exited:
            return
        self._process.signal(signal.SIGKILL)
        await self._process.wait(END_S)
        await self._wait_offline()

    async def restart(self) -> None:
        """Start it again, and wait until it is connected without anybody scanning anything."""
        self.start()
        await self.wait_connected()

    async def _wait_offline(self) -> None:
        device = self.device
        if device is not None:
            await self._sim.wait_for(lambda: not self._sim.online(device))

    # -- what it can be asked to do

    async def pair(self, phone: Phone) -> Device:
        """Have a phone scan the code that it shows, and wait until it is connected."""
        code = await self.wait_for(lambda: self._codes[-1:])
        self.device = await phone.scan(code[0])
        await self.wait_connected()
        return self.device

    async def wait_connected(self) -> None:
        """Wait until it is connected and has been handed everything that waited."""
        await self.wait_for(
            lambda: bool(self.states) and self.states[-1].state == link_pb2.CONNECTED
        )
        assert self.device is not None
        await self._sim.wait_online(self.device)

    async def send(self, to: str, text: str) -> str:
        """Send a text, again and again under one id until the service has it; return the id."""
        message_id = "3EB0" + secrets.token_hex(9).upper()
        while True:
            result = await self.send_once(to, text, message_id)
            if result.outcome == SENT:
                return message_id
            assert result.outcome == UNAVAILABLE, result
            await self.wait_connected()

    async def send_once(self, to: str, text: str, message_id: str) -> link_pb2.SendResult:
        """Give the order to send once, and return what became of it."""
        self._requests += 1
        name = f"request {self._requests}"
        answer: asyncio.Future[link_pb2.SendResult] = asyncio.get_running_loop().create_future()
        self._results[name] = answer
        order = link_pb2.Send(request_id=name, message_id=message_id, to=to, text=text)
        try:
            if self._link is not None:
                await self._link.send(order, timeout_s=LINK_S)
                async with asyncio.timeout(WAIT_S):
                    return await answer
        except LinkError:
            pass  # the process is gone: the same as no link at all
        return link_pb2.SendResult(request_id=name, message_id=message_id, outcome=UNAVAILABLE)

    # -- what it has told

    def texts(self, prefix: str = "") -> list[str]:
        """Return the texts that begin with `prefix`, in the order in which they were stored."""
        return [each.text for each in self.messages if each.text.startswith(prefix)]

    async def wait_text(self, text: str) -> link_pb2.Message:
        """Return the stored message with this text."""
        found = await self.wait_for(lambda: [each for each in self.messages if each.text == text])
        return found[0]

    def receipts(self, kind: link_pb2.Receipt.Kind) -> list[str]:
        """Return the ids of messages that a kind of receipt was for."""
        told = [event.receipt for event in self.events if event.HasField("receipt")]
        return [each for receipt in told if receipt.kind == kind for each in receipt.ids]

    async def wait_for(self, look: Callable[[], T | None], timeout_s: float = WAIT_S) -> T:
        """Return what `look` gives as soon as it is truthy; it is asked after all news.

        Raises:
            TimeoutError: it stayed falsy.
        """
        async with asyncio.timeout(timeout_s):
            while not (found := look()):
                self._news.clear()
                await self._news.wait()
        return found

    @contextlib.contextmanager
    def session(self) -> Iterator[UnitOfWork]:
        """Open its session file, which must not be in use, for a change that is then committed."""
        path = self._folder / ACCOUNT / "session.db"
        with SessionFile.open(path, SystemClock()) as file, file.unit() as unit:
            yield unit

    # -- the supervisor's end of the link

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = supervisor_end(reader, writer)
        with contextlib.suppress(LinkError):
            hello = await link.receive()
            assert isinstance(hello, link_pb2.Hello)
            assert hello.token == self._token
            await link.send(link_pb2.Welcome(version=VERSION), timeout_s=LINK_S)
            self._link = link
            while True:
                await self._take(link, await link.receive())
        self._hung_up(link)
        await link.close()

    def _hung_up(self, link: SupervisorLink) -> None:
        if self._link is link:
            self._link, self.states = None, []
        for answer in self._results.values():
            if not answer.done():
                answer.set_exception(LinkError("the process is gone"))
                answer.exception()  # it may be that nobody waits for it any more
        self._results.clear()

    async def _take(self, link: SupervisorLink, body: ToSupervisorBody) -> None:
        match body:
            case link_pb2.State():
                self.states.append(body)
            case link_pb2.Qr() if body.payload:
                self._codes.append(body.payload)
            case link_pb2.Paired():
                self.pairings.append(body)
            case link_pb2.SendResult():
                self._settle(body)
            case link_pb2.Inbound():
                for event in body.events:
                    self._store(event)
                await link.send(link_pb2.BatchAck(batch_id=body.batch_id), timeout_s=LINK_S)
        self._news.set()

    def _settle(self, result: link_pb2.SendResult) -> None:
        answer = self._results.pop(result.request_id, None)
        if answer is not None and not answer.done():
            answer.set_result(result)

    def _store(self, event: link_pb2.Event) -> None:
        self.events.append(event)
        if not event.HasField("message"):
            return
        message = event.message
        key = (message.chat, message.id, message.sender)
        (self.repeated if key in self._keys else self.messages).append(message)
        self._keys.add(key)


def _settings(sim: Simulator, folder: Path) -> WorkerSettings:
    return WorkerSettings(
        sessions_path=folder,
        link_path=folder / "link.sock",
        whatsapp_ws_url=sim.url,
        whatsapp_cert_root=bytes.fromhex(sim.root_public_hex),
        whatsapp_version=(2, 3000, 1045649367),
        connect_timeout_s=10.0,
        qr_window_s=600.0,
        send_ack_timeout_s=10.0,
        store_ack_wait_s=2.0,
        heartbeat_interval_s=1.0,
        log_level="debug",
        log_format="json",
    )
