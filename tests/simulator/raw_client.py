"""A client without scruples: it says what a test wants it to say, to see what is refused."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp

from shared.clock import SystemClock
from tests.simulator.directory import Device
from tests.simulator.keyring import Keyring
from tests.simulator.pairing import DEVICE_PREFIX, QR_PREFIX
from tests.simulator.phone import Phone
from tests.simulator.server import Simulator
from worker.proto import adv_pb2, payload_pb2
from worker.wire import decode, encode
from worker.wire.curve import KeyPair
from worker.wire.frames import FrameReader, frame, intro
from worker.wire.handshake import ClientHandshake, Transport
from worker.wire.node import Node

WAIT_S = 5.0
SERVER = "@s.whatsapp.net"


@dataclass(slots=True)
class Identity:
    """The keys of a companion device."""

    noise: KeyPair = field(default_factory=KeyPair.generate)
    keyring: Keyring = field(default_factory=lambda: Keyring.create(KeyPair.generate()))
    adv_secret: bytes = field(default_factory=lambda: os.urandom(32))

    def registration(self) -> payload_pb2.ClientPayload:
        """Return the payload of a new device."""
        ours, signed = self.keyring.ours, self.keyring.public_signed()
        data = payload_pb2.DevicePairingRegistrationData(
            e_regid=ours.registration_id.to_bytes(4, "big"),
            e_keytype=b"\x05",
            e_ident=ours.key_pair.public,
            e_skey_id=signed.key_id.to_bytes(3, "big"),
            e_skey_val=signed.public,
            e_skey_sig=signed.signature,
            build_hash=hashlib.md5(b"test", usedforsecurity=False).digest(),
        )
        return payload_pb2.ClientPayload(device_pairing_data=data)

    def qr(self, ref: str) -> str:
        """Return the text of a QR code."""
        keys = (self.noise.public, self.keyring.ours.key_pair.public, self.adv_secret)
        fields = [ref, *(base64.b64encode(key).decode() for key in keys), "1"]
        return QR_PREFIX + ",".join(fields)


class RawClient:
    """One connection that a test speaks on; `connected` makes it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, transport: Transport) -> None:
        self._socket = socket
        self._transport = transport
        self._frames = FrameReader()
        self._ready: list[bytes] = []
        self._ids = itertools.count(1)

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(
        cls, sim: Simulator, identity: Identity, payload: payload_pb2.ClientPayload
    ) -> AsyncIterator["RawClient"]:
        """Connect and shake hands; what follows is the test's affair."""
        root = bytes.fromhex(sim.root_public_hex)
        handshake = ClientHandshake(identity.noise, now_s=SystemClock().wall_s(), root=root)
        async with aiohttp.ClientSession() as session, session.ws_connect(sim.url) as socket:
            await socket.send_bytes(intro() + frame(handshake.hello()))
            (hello,) = FrameReader().feed(await socket.receive_bytes(timeout=WAIT_S))
            finish, transport = handshake.finish(hello, payload.SerializeToString())
            await socket.send_bytes(frame(finish))
            yield cls(socket, transport)

    async def send(self, node: Node) -> None:
        """Send one stanza."""
        await self._socket.send_bytes(frame(self._transport.send.encrypt(encode(node))))

    async def next(self, timeout_s: float = WAIT_S) -> Node:
        """Return the next stanza."""
        async with asyncio.timeout(timeout_s):
            while not self._ready:
                self._ready = self._frames.feed(await self._socket.receive_bytes())
        return decode(self._transport.receive.decrypt(self._ready.pop(0)))

    async def next_named(self, tag: str, timeout_s: float = WAIT_S) -> Node:
        """Return the next stanza with this tag; others before it are dropped."""
        while (node := await self.next(timeout_s)).tag != tag:
            pass
        return node

    async def ask(
        self, namespace: str, kind: str, *content: Node, timeout_s: float = WAIT_S
    ) -> Node:
        """Send a request and return its answer."""
        request_id = f"raw-{next(self._ids)}"
        attrs = {"id": request_id, "xmlns": namespace, "type": kind, "to": SERVER}
        await self.send(Node("iq", attrs, list(content)))
        while (node := await self.next_named("iq", timeout_s)).attrs["id"] != request_id:
            pass
        return node

    async def send_message(self, to: str, *entries: Node, proof: bytes = b"") -> Node:
        """Send a message with these <to> entries; return the service's ack.

        Args:
            to: where to.
            entries: one for each device.
            proof: the device-identity that goes with a pre-key message.
        """
        attrs = {"id": f"M{next(self._ids)}", "to": to, "type": "text"}
        content = [Node("participants", {}, list(entries))]
        if proof:
            content.append(Node("device-identity", {}, proof))
        await self.send(Node("message", attrs, content))
        return await self.next_named("ack")


def countersign(identity: Identity, request: Node) -> Node:
    """Return a companion's right answer to a pair-success."""
    success = request.child("pair-success")
    assert success is not None
    sealed = success.child("device-identity")
    assert sealed is not None
    outer = adv_pb2.ADVSignedDeviceIdentityHMAC.FromString(sealed.bytes())
    assert hmac.digest(identity.adv_secret, outer.details, "sha256") == outer.hmac
    signed = adv_pb2.ADVSignedDeviceIdentity.FromString(outer.details)
    index = adv_pb2.ADVDeviceIdentity.FromString(signed.details).key_index
    pair = identity.keyring.ours.key_pair
    message = DEVICE_PREFIX + signed.details + pair.public + signed.account_signature_key
    signed.device_signature = pair.sign(message)
    signed.ClearField("account_signature_key")
    child = Node("device-identity", {"key-index": str(index)}, signed.SerializeToString())
    attrs = {"id": request.attrs["id"], "type": "result", "to": SERVER}
    return Node("iq", attrs, [Node("pair-device-sign", {}, [child])])


async def pair(
    sim: Simulator, phone: Phone, identity: Identity, signer: Identity | None = None
) -> Device:
    """Link a raw client to a phone; `signer` signs in its place, if given."""
    async with RawClient.connected(sim, identity, identity.registration()) as client:
        offered = (await client.next()).child("pair-device")
        assert offered is not None
        ref = offered.children("ref")[0].bytes().decode()
        scan = asyncio.create_task(phone.scan(identity.qr(ref)))
        await client.send(countersign(signer or identity, await client.next()))
        return await scan


def login(device: Device) -> payload_pb2.ClientPayload:
    """Return the payload of a known device."""
    username = int(device.account.phone)
    return payload_pb2.ClientPayload(username=username, device=device.number, passive=True)
