"""One client's WebSocket: frames, Noise, and the two loops that read and write stanzas."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web
from google.protobuf.message import DecodeError

from shared.errors import WireError
from tests.simulator import dispatch, login
from tests.simulator.errors import RefusedError
from tests.simulator.faults import FaultKind
from tests.simulator.handshake import CertificateDefect, Established, IntroReader, ServerHandshake
from tests.simulator.hub import Hub
from tests.simulator.record import Direction, Rule
from worker.wire import decode, encode
from worker.wire.frames import FrameReader, frame
from worker.wire.node import Node

if TYPE_CHECKING:
    from tests.simulator.directory import Device

HANDSHAKE_S = 20
SETTLE_S = 0.05
"""Baileys swallows stanzas that arrive in the moment it finishes its handshake."""
ABNORMAL = 1011
LINGER_S = 1.0
"""How long a client may take to hang up after its last stanza, before the server does it:
whatsmeow forgets a <stream:error> whose socket is closed before it was handled."""


@dataclass(frozen=True, slots=True)
class _Close:
    """The end of the queue of what is to be sent."""

    code: int
    linger_s: float


class Connection:
    """One connection, from its first byte to its last; used once."""

    def __init__(
        self, hub: Hub, socket: web.WebSocketResponse, transport: asyncio.Transport | None
    ) -> None:
        self.log = hub.record.opened()
        self.device: Device | None = None
        self._hub = hub
        self._socket = socket
        self._transport = transport
        self._frames = FrameReader()
        self._ready: list[bytes] = []
        self._outgoing: asyncio.Queue[Node | _Close] = asyncio.Queue()
        self._left: int | None = None
        self._hung_up = asyncio.Event()
        self._finishing = False

    async def run(self) -> None:
        """Serve the client until either side ends the connection."""
        reason = "closed by the client"
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                established = await self._handshake()
            await self._converse(established)
        except TimeoutError:
            reason = "no handshake in time"
        except (WireError, RefusedError, DecodeError) as error:
            reason = f"{type(error).__name__}: {error}"
            self._hub.record.violation(Rule.MALFORMED, self._name(), reason)
        except ConnectionError as error:
            reason = str(error) or reason
        finally:
            await self._cleanup(reason)

    def push(self, node: Node) -> None:
        """Send a stanza, in order, without waiting for it."""
        self._outgoing.put_nowait(node)

    def finish(self, node: Node | None, reason: str, code: int = 1000) -> None:
        """Send a last stanza, if any, and close; the device counts as offline at once."""
        if node is not None:
            self._outgoing.put_nowait(node)
        self._outgoing.put_nowait(_Close(code, 0 if node is None else LINGER_S))
        self._finishing = True
        self._detach()
        self.log.close_reason = self.log.close_reason or reason

    def cut(self, reason: str) -> None:
        """Break the connection without a word: no close frame, a TCP reset."""
        self._detach()
        self.log.close_reason = self.log.close_reason or reason
        if self._transport is not None:
            self._transport.abort()

    async def _handshake(self) -> Established:
        first = await self._intro()
        if self._hub.faults.take(FaultKind.DROP_HANDSHAKE):
            raise ConnectionError("dropped in the handshake, as planned")
        self._ready = self._frames.feed(first)
        hello = await self._frame()
        chain = self._hub.authority.chain(self._hub.now_s(), self._certificate_defect())
        responder = ServerHandshake(self._hub.authority.static, chain)
        await self._socket.send_bytes(frame(responder.answer(hello)))
        return responder.finish(await self._frame())

    def _certificate_defect(self) -> CertificateDefect | None:
        fault = self._hub.faults.take(FaultKind.CERTIFICATE)
        return CertificateDefect(fault.value) if fault else None

    async def _intro(self) -> bytes:
        reader = IntroReader()
        while (rest := reader.feed(await self._receive())) is None:
            pass
        self.log.routing_info = reader.routing_info
        return rest

    async def _frame(self) -> bytes:
        while not self._ready:
            self._ready = self._frames.feed(await self._receive())
        return self._ready.pop(0)

    async def _receive(self) -> bytes:
        message = await self._socket.receive()
        if message.type is not WSMsgType.BINARY:
            self._hung_up.set()
            raise ConnectionError("closed by the client")
        data: bytes = message.data
        self._count_stale(len(data))
        return data

    def _count_stale(self, size: int) -> None:
        newer = self._hub.lines.get(self.device) if self.device else None
        if newer is None or newer is self or newer.log.number < self.log.number:
            return
        self.log.stale_bytes += size
        self._hub.record.violation(Rule.STALE_BYTES, self._name(), f"{size} bytes")

    async def _converse(self, established: Established) -> None:
        writer = asyncio.create_task(self._write(established))
        try:
            login.admit(self._hub, self, established)
            await self._read(established)
        finally:
            await asyncio.wait({writer}, timeout=2 * LINGER_S if self._finishing else 0)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writer

    async def _read(self, established: Established) -> None:
        while True:
            node = decode(established.receive.decrypt(await self._frame()))
            self._hub.record.stanza(Direction.RECEIVED, self.log, node)
            if not self._finishing:
                dispatch.handle(self._hub, self, node)
            if self._used_up():
                raise ConnectionError("dropped, as planned")

    def _used_up(self) -> bool:
        if self._left is None:
            fault = self._take(FaultKind.DROP_AFTER)
            self._left = int(fault) if fault else None
        if self._left is None:
            return False
        self._left -= 1
        return self._left <= 0

    async def _write(self, established: Established) -> None:
        await asyncio.sleep(SETTLE_S)
        while True:
            item = await self._outgoing.get()
            if isinstance(item, _Close):
                await self._hang_up(item)
                return
            await self._send(established, item)

    async def _hang_up(self, last: _Close) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(last.linger_s):
                await self._hung_up.wait()
        await self._socket.close(code=last.code)

    async def _send(self, established: Established, node: Node) -> None:
        await self._hold_back()
        if node.tag == "message" and self._take(FaultKind.DROP_BEFORE_DELIVERY) is not None:
            await self._socket.close(code=ABNORMAL)
            raise ConnectionError("dropped before a delivery, as planned")
        garbage = self._take(FaultKind.GARBAGE)
        if garbage is not None:
            await self._encrypted(established, bytes.fromhex(garbage))
        again = node.tag in _DUPLICABLE and self._take(FaultKind.DUPLICATE) is not None
        for _ in range(2 if again else 1):
            self._hub.record.stanza(Direction.SENT, self.log, node)
            await self._encrypted(established, encode(node))

    async def _hold_back(self) -> None:
        delay_s = self._take(FaultKind.DELAY_S)
        if delay_s:
            await asyncio.sleep(float(delay_s))
        if self.device is not None:
            await self._hub.faults.released(self.device.account.phone)

    async def _encrypted(self, established: Established, plaintext: bytes) -> None:
        await self._socket.send_bytes(frame(established.send.encrypt(plaintext)))

    def _take(self, kind: FaultKind) -> str | None:
        if self.device is None:
            return None
        fault = self._hub.faults.take(kind, self.device.account.phone, self.device.number)
        return fault.value if fault else None

    def _name(self) -> str:
        return self.device.name if self.device else ""

    def _detach(self) -> None:
        if self.device is not None:
            self.device.mailbox.close(self)
            if self._hub.lines.get(self.device) is self:
                del self._hub.lines[self.device]
        self._hub.pairings[:] = [p for p in self._hub.pairings if p.line is not self]

    async def _cleanup(self, reason: str) -> None:
        self._detach()
        self._hub.record.closed(self.log, self.log.close_reason or reason)
        with contextlib.suppress(ConnectionError):
            await self._socket.close()


_DUPLICABLE = frozenset({"message", "receipt", "notification"})
