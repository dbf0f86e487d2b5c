"""The simulated service as tests use it: `async with Simulator() as sim: ...`."""

import asyncio
import datetime as dt
import ipaddress
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.clock import Clock, SystemClock
from tests.simulator.connection import Connection
from tests.simulator.directory import Device
from tests.simulator.faults import Faults
from tests.simulator.groups import Group
from tests.simulator.hub import Hub, Options, stream_error
from tests.simulator.phone import Phone
from tests.simulator.record import Record
from tests.simulator.watch import Watch

MAX_MESSAGE_BYTES = 1 << 24
STOP_S = 5.0
WAIT_S = 10.0
T = TypeVar("T")


class Simulator:
    """A WhatsApp service on a port of 127.0.0.1, and the phones that use it.

    Args:
        port: 0 for any free one.
        tls: whether to speak wss, with a certificate made for the occasion.
        options: how it behaves where the real service varies.
        clock: where its dates come from.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        tls: bool = False,
        options: Options | None = None,
        clock: Clock | None = None,
    ) -> None:
        watch, clock = Watch(), clock or SystemClock()
        self.hub = Hub(clock, watch, Record(clock, watch), options=options or Options())
        self.phones: dict[str, Phone] = {}
        self.app = web.Application()
        self.app.router.add_get("/ws/chat", self._chat)
        self._port, self._tls = port, tls
        self._runner = web.AppRunner(self.app, shutdown_timeout=STOP_S)
        self._live: set[web.WebSocketResponse] = set()

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        context = _tls_context() if self._tls else None
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=context)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def listen(self, port: int) -> int:
        """Listen, without TLS, on a further port of 127.0.0.1 (0: any); return which."""
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        further: int = self._runner.addresses[-1][1]
        return further

    async def __aexit__(self, *_: object) -> None:
        self.faults.clear()
        await asyncio.gather(*(socket.close(code=1001) for socket in list(self._live)))
        async with asyncio.timeout(2 * STOP_S):
            await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self._port}/ws/chat"

    @property
    def root_public_hex(self) -> str:
        """The key that clients have to trust as WhatsApp's root."""
        return self.hub.authority.root_public.hex()

    @property
    def faults(self) -> Faults:
        """What is to go wrong."""
        return self.hub.faults

    @property
    def record(self) -> Record:
        """What happened."""
        return self.hub.record

    async def phone(self, number: str, name: str = "") -> Phone:
        """Return the phone with this number (digits), registering it if it is new."""
        if number not in self.phones:
            self.phones[number] = Phone(self.hub, number, name or f"Phone {number[-4:]}")
        return self.phones[number]

    def group(self, group_id: str) -> Group:
        """Return a group by its digits or its whole address."""
        return self.hub.groups[group_id.partition("@")[0]]

    def online(self, device: Device) -> bool:
        """Tell whether a linked device is logged in."""
        return device in self.hub.lines

    async def wait_for(self, look: Callable[[], T | None], timeout_s: float = WAIT_S) -> T:
        """Return what `look` gives as soon as it is truthy; it is asked after every event.

        Raises:
            TimeoutError: it stayed falsy.
        """
        return await self.hub.watch.wait_for(look, timeout_s)

    async def wait_online(self, device: Device, timeout_s: float = WAIT_S) -> None:
        """Wait until a linked device has logged in and has got everything that waited."""
        await self.wait_for(lambda: self.online(device) and device.mailbox.live, timeout_s)

    async def wait_settled(self, timeout_s: float = WAIT_S) -> None:
        """Wait until every device that is online has confirmed everything it was sent."""
        await self.wait_for(
            lambda: all(not device.mailbox.pending for device in self.hub.lines), timeout_s
        )

    def disconnect(self, device: Device, code: str = "", conflict: str = "") -> None:
        """End a device's connection: with <stream:error code> if given, else without a word."""
        line = self.hub.lines.get(device)
        if line is not None:
            node = stream_error(code, conflict) if code or conflict else None
            line.finish(node, f"disconnected {code} {conflict}".strip())

    def cut(self, device: Device) -> None:
        """Break a device's connection without a word, as a network does."""
        line = self.hub.lines.get(device)
        if line is not None:
            line.cut("cut")

    async def _chat(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, compress=False)
        await socket.prepare(request)
        self._live.add(socket)
        try:
            await Connection(self.hub, socket, request.transport).run()
        finally:
            self._live.discard(socket)
        return socket


def _tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        path.write_bytes(_self_signed())
        context.load_cert_chain(path)
    return context


def _self_signed() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
