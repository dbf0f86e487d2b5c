"""An account of ours in this process, against the simulated service: real sockets, real files."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from shared import link_pb2
from shared.clock import Clock, SystemClock
from shared.disconnects import Backoff
from shared.worker_settings import WorkerSettings
from tests.log_guard import keep_secrets_of
from tests.simulator import Direction, Phone, Simulator
from tests.simulator.directory import Device
from tests.simulator.phone_outbox import address_of
from worker.proto import e2e_pb2
from worker.session import Credentials, SessionFile
from worker.whatsapp.account import Account
from worker.whatsapp.pairing_desk import Rotation
from worker.whatsapp.stream import Surroundings
from worker.wire import Node
from worker.wire.curve import Rng

if TYPE_CHECKING:
    from worker.whatsapp.verdict import Over

T = TypeVar("T")
QUICK = Backoff(floor_s=0.02, base_s=0.02, cap_s=0.2)
WAIT_S = 10.0


def settings_for(sim: Simulator, folder: Path, **changes: object) -> WorkerSettings:
    """Return a worker's settings that lead to the simulator."""
    values: dict[str, object] = {
        "sessions_path": folder,
        "link_path": folder / "link.sock",
        "whatsapp_ws_url": sim.url,
        "whatsapp_cert_root": bytes.fromhex(sim.root_public_hex),
        "whatsapp_version": (2, 3000, 1045649367),
        "connect_timeout_s": 10.0,
        "qr_window_s": 600.0,
        "send_ack_timeout_s": 10.0,
        "store_ack_wait_s": 2.0,
        "heartbeat_interval_s": 5.0,
        "log_level": "debug",
        "log_format": "json",
        **changes,
    }
    return WorkerSettings(**values)  # type: ignore[arg-type] # a test's own table


def new_session(path: Path, clock: Clock | None = None) -> SessionFile:
    """Return a fresh, unpaired session file."""
    clock = clock or SystemClock()
    credentials = Credentials.generate(clock, os.urandom)
    keep_secrets_of(credentials)
    return SessionFile.create(path, clock, lambda unit: unit.credentials.put(credentials))


def open_or_begin(path: Path, clock: Clock) -> SessionFile:
    """Return the session file there, or a fresh one."""
    return SessionFile.open(path, clock) if path.exists() else new_session(path, clock)


@dataclass
class Listener:
    """Takes an account's news, and plays the store: what is spooled is taken at once."""

    file: SessionFile
    states: list[link_pb2.State] = field(default_factory=list)
    qrs: list[link_pb2.Qr] = field(default_factory=list)
    pairings: list[link_pb2.Paired] = field(default_factory=list)
    events: list[link_pb2.Event] = field(default_factory=list)
    account: Account | None = None
    store_open: bool = True
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def state(self, state: link_pb2.State) -> None:
        self.states.append(state)
        self.changed.set()

    def qr(self, qr: link_pb2.Qr) -> None:
        self.qrs.append(qr)
        self.changed.set()

    def paired(self, paired: link_pb2.Paired) -> None:
        self.pairings.append(paired)
        self.changed.set()

    def spooled(self) -> None:
        if self.store_open:
            asyncio.get_running_loop().call_soon(self.store)
        self.changed.set()

    def store(self) -> None:
        """Take what is in the spool, as the supervisor's inbox does."""
        with self.file.unit() as unit:
            rows = unit.spool.waiting(1000)
            unit.spool.delivered([row.id for row in rows])
        self.events.extend(link_pb2.Event.FromString(row.payload) for row in rows)
        if self.account is not None:
            self.account.delivered([row.id for row in rows])
        self.changed.set()

    @property
    def waiting(self) -> list[str]:
        """Return the texts of messages that wait in the spool."""
        with self.file.unit() as unit:
            rows = unit.spool.waiting(1000)
        events = [link_pb2.Event.FromString(row.payload) for row in rows]
        return [event.message.text for event in events if event.HasField("message")]

    @property
    def codes(self) -> list[str]:
        """Return the QR codes that were shown."""
        return [qr.payload for qr in self.qrs if qr.payload]

    @property
    def shown(self) -> str:
        """Return the QR code that is shown now; empty for none."""
        return self.qrs[-1].payload if self.qrs else ""

    @property
    def messages(self) -> list[link_pb2.Message]:
        """Return the messages that reached the store."""
        return [event.message for event in self.events if event.HasField("message")]

    @property
    def missing(self) -> list[link_pb2.Undecryptable]:
        """Return the places of messages that could not be read."""
        return [event.undecryptable for event in self.events if event.HasField("undecryptable")]

    @property
    def texts(self) -> list[str]:
        """Return their texts."""
        return [message.text for message in self.messages]

    def receipts(self, kind: link_pb2.Receipt.Kind) -> list[str]:
        """Return the message ids that a kind of receipt came for."""
        found = [event.receipt for event in self.events if event.HasField("receipt")]
        return [each for receipt in found if receipt.kind == kind for each in receipt.ids]

    async def wait_for(self, look: Callable[[], T | None], timeout_s: float = WAIT_S) -> T:
        """Return what `look` gives as soon as it is truthy; asked after every piece of news."""
        async with asyncio.timeout(timeout_s):
            while not (found := look()):
                self.changed.clear()
                await self.changed.wait()
        return found

    async def wait_state(self, state: int, timeout_s: float = WAIT_S) -> link_pb2.State:
        """Wait until the connection is in this state."""
        return await self.wait_for(
            lambda: self.states[-1] if self.states and self.states[-1].state == state else None,
            timeout_s,
        )


class Rig:
    """One account of ours, running."""

    def __init__(self, account: Account, listener: Listener, file: SessionFile) -> None:
        self.account = account
        self.listener = listener
        self.file = file
        self.task: asyncio.Task[Over] = asyncio.create_task(account.run())
        self._sent = 0

    async def pair(self, phone: Phone) -> None:
        """Have a phone scan the code that is shown, and wait until we are connected."""
        code = await self.listener.wait_for(lambda: self.listener.codes[-1:])
        await phone.scan(code[0])
        await self.listener.wait_state(link_pb2.CONNECTED)

    async def send(self, to: str, text: str, message_id: str = "") -> link_pb2.SendResult:
        """Send a text and return what became of it."""
        self._sent += 1
        name = message_id or f"3EB0{self._sent:018X}"
        return await self.account.send(
            link_pb2.Send(request_id=f"r{self._sent}", message_id=name, to=to, text=text)
        )

    def break_disk(self) -> None:
        """Have SQLite refuse every write from now on, as on a disk that went read-only."""
        self.file._connection.execute("PRAGMA query_only = ON")

    def mend_disk(self) -> None:
        """Let writes pass again."""
        self.file._connection.execute("PRAGMA query_only = OFF")

    async def stop(self) -> None:
        """End it as a killed process would, but for the file, which is closed."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@asynccontextmanager
async def rig(
    sim: Simulator,
    path: Path,
    *,
    wanted_phone: str = "",
    clock: Clock | None = None,
    backoff: Backoff = QUICK,
    rotation: Rotation | None = None,
    store_open: bool = True,
    rng: Rng = os.urandom,
    **changes: object,
) -> AsyncIterator[Rig]:
    """Run an account on the session file at `path`, which is made where there is none.

    Args:
        sim: the service.
        path: the session file.
        wanted_phone: digits of the number that must scan.
        clock: the account's.
        backoff: its pauses between connections.
        rotation: for how long it shows each QR code.
        rng: its randomness.
        store_open: whether what is spooled is taken at once.
        changes: settings that differ from `settings_for`.
    """
    clock = clock or SystemClock()
    file = open_or_begin(path, clock)
    listener = Listener(file, store_open=store_open)
    around = Surroundings(file, settings_for(sim, path.parent, **changes), clock, rng, listener)
    account = Account(around, wanted_phone=wanted_phone, backoff=backoff, rotation=rotation)
    listener.account = account
    running = Rig(account, listener, file)
    try:
        yield running
    finally:
        await running.stop()
        file.close()


def seal(phone: Phone, device: Device, plaintext: e2e_pb2.Message | bytes, **attrs: str) -> Node:
    """Return a stanza that brings one of our devices something from a phone, encrypted for it.

    Args:
        phone: the sender.
        device: ours.
        plaintext: the protobuf, or bytes that are none.
        attrs: attributes that differ from an honest message by LID.
    """
    outbox, address = phone._outbox, address_of(device)
    if address not in outbox.keyring.sessions:
        outbox._start(device)
    data = plaintext if isinstance(plaintext, bytes) else plaintext.SerializeToString()
    sealed = outbox.keyring.encrypt(address, data)
    enc = Node("enc", {"v": "2", "type": str(sealed.type)}, sealed.data)
    return stanza_from(phone, [enc], **attrs)


def stanza_from(phone: Phone, content: list[Node], **attrs: str) -> Node:
    """Return a message stanza by a phone, as its receiver gets it."""
    usual = {
        "id": "3A" + os.urandom(9).hex().upper(),
        "from": str(phone.lid),
        "sender_pn": str(phone.jid),
        "addressing_mode": "lid",
        "type": "text",
        "t": "1750000000",
        "notify": phone.account.name,
    }
    return Node("message", {**usual, **attrs}, content)


def answers(sim: Simulator, stanza_id: str) -> list[Node]:
    """Return what we answered to a stanza: acks, and receipts but for requests to repeat it."""
    return [
        entry.node
        for entry in sim.record.stanzas
        if entry.direction is Direction.RECEIVED
        and entry.node.tag in ("ack", "receipt")
        and entry.node.attrs.get("id") == stanza_id
        and (entry.node.tag, entry.node.attrs.get("type")) != ("receipt", "retry")
    ]
