"""Linking a device: refs for QR codes, the scan, and the signatures that bind both sides.

Sources: whatsmeow pair.go; Baileys validate-connection.ts.
"""

import base64
import binascii
import hmac
import os
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from tests.simulator import devices
from tests.simulator.directory import Account, Device
from tests.simulator.errors import RefusedError, ScanRefusedError
from tests.simulator.faults import FaultKind
from tests.simulator.handshake import Established
from tests.simulator.hub import SERVER, Hub, Line, failure, stream_error
from tests.simulator.mailbox import Mailbox
from tests.simulator.prekeys import PreKeyStock, PublicPreKey, signed_by
from tests.simulator.record import Rule
from worker.proto import adv_pb2, payload_pb2
from worker.wire import curve
from worker.wire.jid import LID, PN
from worker.wire.node import Node

QR_PREFIX = "https://wa.me/settings/linked_devices#"
REFS = 6
ACCOUNT_PREFIX = b"\x06\x00"
HOSTED_PREFIX = b"\x06\x05"
DEVICE_PREFIX = b"\x06\x01"
KEY_BYTES = 32
REPLY_S = 20
RESTART = "515"
BAD_REQUEST = 400


@dataclass(frozen=True, slots=True)
class Registration:
    """What a new device said of itself, checked."""

    identity: bytes
    registration_id: int
    signed: PublicPreKey
    noise_public: bytes
    platform: str


@dataclass(slots=True, eq=False)
class Pairing:
    """One connection that waits for a phone.

    Attributes:
        reply: the client's answer to pair-success, once it came.
    """

    line: Line
    registration: Registration
    refs: list[str]
    request_id: str = ""
    reply: Node | None = field(default=None)


@dataclass(frozen=True, slots=True)
class QrCode:
    """The five fields of a QR code."""

    ref: str
    noise: bytes
    identity: bytes
    adv_secret: bytes
    platform: str

    @classmethod
    def parse(cls, text: str) -> "QrCode":
        """Read the text of a QR code as a phone's camera gives it.

        Raises:
            ScanRefusedError: it is none of WhatsApp's.
        """
        if not text.startswith(QR_PREFIX):
            raise ScanRefusedError(f"not a QR code for linking a device: {text[:40]!r}")
        fields = text.removeprefix(QR_PREFIX).split(",")
        if len(fields) != 5 or not fields[4]:
            raise ScanRefusedError(f"a QR code with {len(fields)} fields, not 5")
        return cls(fields[0], _key(fields[1]), _key(fields[2]), _key(fields[3]), fields[4])


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ScanRefusedError("a key in the QR code is not base64") from error
    if len(key) != KEY_BYTES:
        raise ScanRefusedError(f"a key in the QR code has {len(key)} bytes, not 32")
    return key


def begin(hub: Hub, line: Line, established: Established) -> None:
    """Take a registration and send the refs for its QR codes."""
    try:
        registration = _read(hub, established)
    except RefusedError as error:
        line.finish(failure(BAD_REQUEST), f"registration refused: {error}")
        return
    refs = [f"2@{base64.b64encode(os.urandom(96)).decode()}" for _ in range(REFS)]
    hub.pairings.append(Pairing(line, registration, refs))
    nodes = [Node("ref", {}, ref.encode()) for ref in refs]
    attrs = {"from": SERVER, "type": "set", "id": hub.next_id(), "xmlns": "md"}
    line.push(Node("iq", attrs, [Node("pair-device", {}, nodes)]))


def _read(hub: Hub, established: Established) -> Registration:
    data = established.payload.device_pairing_data
    lengths = (4, 1, KEY_BYTES, 3, KEY_BYTES, 64, 16)
    parts = (data.e_regid, data.e_keytype, data.e_ident, data.e_skey_id, data.e_skey_val)
    found = tuple(len(part) for part in (*parts, data.e_skey_sig, data.build_hash))
    if found != lengths or data.e_keytype != b"\x05":
        hub.record.violation(Rule.MALFORMED, "", f"registration with parts of {found} bytes")
        raise RefusedError(BAD_REQUEST, "bad-request")
    signed = PublicPreKey(int.from_bytes(data.e_skey_id, "big"), data.e_skey_val, data.e_skey_sig)
    if not signed_by(data.e_ident, signed):
        hub.record.violation(Rule.BAD_SIGNATURE, "", "signed pre-key of a registration")
        raise RefusedError(BAD_REQUEST, "bad-request")
    return Registration(
        identity=data.e_ident,
        registration_id=int.from_bytes(data.e_regid, "big"),
        signed=signed,
        noise_public=established.client_static,
        platform=_platform(data.device_props),
    )


def _platform(props: bytes) -> str:
    try:
        return payload_pb2.DeviceProps.FromString(props).os
    except DecodeError as error:
        raise RefusedError(BAD_REQUEST, "bad-request") from error


async def scan(hub: Hub, account: Account, text: str, *, hosted: bool = False) -> Device:
    """Link the device that shows the QR code `text` to `account`.

    Args:
        hub: the service.
        account: whose phone scans.
        text: what its camera sees.
        hosted: use the forms of a device that WhatsApp runs for a business.

    Raises:
        ScanRefusedError: not a valid code, not shown any more, or the client refused or did
            not answer; nothing was linked.
    """
    code = QrCode.parse(text)
    pairing = _shown(hub, code)
    device = _device(hub, account, pairing.registration)
    signed = _vouch(account, device, hub.now_s(), hosted=hosted)
    _offer(hub, pairing, device, _sealed(hub, signed, code, hosted=hosted))
    reply = await _reply(hub, pairing)
    device.signed_identity = _countersigned(hub, device, signed, reply)
    devices.add(hub, device)
    pairing.line.finish(stream_error(RESTART), "restart after pairing")
    return device


async def _reply(hub: Hub, pairing: Pairing) -> Node:
    try:
        await hub.watch.wait_for(lambda: pairing.reply or pairing not in hub.pairings, REPLY_S)
    except TimeoutError as error:
        raise ScanRefusedError("the client did not answer") from error
    if pairing.reply is None:
        raise ScanRefusedError("the client hung up")
    return pairing.reply


def _shown(hub: Hub, code: QrCode) -> Pairing:
    for pairing in hub.pairings:
        if code.ref in pairing.refs:
            registration = pairing.registration
            if (code.noise, code.identity) != (registration.noise_public, registration.identity):
                raise ScanRefusedError("the keys in the QR code are not those of the client")
            return pairing
    raise ScanRefusedError("the QR code is not shown (any more)")


def _device(hub: Hub, account: Account, registration: Registration) -> Device:
    account.last_key_index += 1
    return Device(
        account=account,
        number=account.next_number(),
        key_index=account.last_key_index,
        identity=registration.identity,
        registration_id=registration.registration_id,
        keys=PreKeyStock(registration.signed),
        mailbox=Mailbox(hub.options.primer),
        noise_public=registration.noise_public,
        platform=registration.platform,
    )


def _vouch(
    account: Account, device: Device, now_s: int, *, hosted: bool
) -> adv_pb2.ADVSignedDeviceIdentity:
    """Sign, as the phone, that the device belongs to the account."""
    identity = adv_pb2.ADVDeviceIdentity(
        raw_id=account.raw_id, timestamp=now_s, key_index=device.key_index
    )
    if hosted:
        identity.account_type = identity.device_type = adv_pb2.HOSTED
    details = identity.SerializeToString()
    prefix = HOSTED_PREFIX if hosted else ACCOUNT_PREFIX
    signature = account.identity.sign(prefix + details + device.identity)
    return adv_pb2.ADVSignedDeviceIdentity(
        details=details,
        account_signature_key=account.identity.public,
        account_signature=signature,
    )


def _sealed(
    hub: Hub, signed: adv_pb2.ADVSignedDeviceIdentity, code: QrCode, *, hosted: bool
) -> bytes:
    """Return the identity under the secret that only the QR code shows."""
    if hub.faults.take(FaultKind.PAIR_SIGNATURE):
        signed = adv_pb2.ADVSignedDeviceIdentity.FromString(signed.SerializeToString())
        signed.account_signature = os.urandom(64)
    details = signed.SerializeToString()
    prefix = HOSTED_PREFIX if hosted else b""
    digest = hmac.digest(code.adv_secret, prefix + details, "sha256")
    if hub.faults.take(FaultKind.PAIR_HMAC):
        digest = os.urandom(KEY_BYTES)
    sealed = adv_pb2.ADVSignedDeviceIdentityHMAC(details=details, hmac=digest)
    if hosted:
        sealed.account_type = adv_pb2.HOSTED
    return sealed.SerializeToString()


def _offer(hub: Hub, pairing: Pairing, device: Device, sealed: bytes) -> None:
    pairing.request_id = hub.next_id()
    jids = {"jid": str(device.jid(PN)), "lid": str(device.jid(LID))}
    content = [
        Node("device-identity", {}, sealed),
        Node("platform", {"name": "android"}),
        Node("device", jids),
    ]
    attrs = {"from": SERVER, "type": "set", "id": pairing.request_id, "t": str(hub.now_s())}
    pairing.line.push(Node("iq", attrs, [Node("pair-success", {}, content)]))


def answered(hub: Hub, line: Line, node: Node) -> None:
    """Take a client's answer to an <iq> of ours while it isn't logged in."""
    for pairing in hub.pairings:
        if pairing.line is line and node.attrs.get("id") == pairing.request_id:
            pairing.reply = node
            hub.watch.changed()


def _countersigned(
    hub: Hub, device: Device, offered: adv_pb2.ADVSignedDeviceIdentity, reply: Node
) -> bytes:
    """Check the client's signature; return the identity as senders will show it."""
    child = reply.child("pair-device-sign")
    identity = child.child("device-identity") if child else None
    if reply.attrs.get("type") != "result" or identity is None:
        raise ScanRefusedError(f"the client refused: {_error(reply)}")
    signed = adv_pb2.ADVSignedDeviceIdentity.FromString(identity.bytes())
    same = (signed.details, signed.account_signature)
    message = DEVICE_PREFIX + offered.details + device.identity + offered.account_signature_key
    if identity.attrs.get("key-index") != str(device.key_index) or same != (
        offered.details,
        offered.account_signature,
    ):
        raise ScanRefusedError("the client returned another identity than it was given")
    if not curve.verify(device.identity, message, signed.device_signature):
        hub.record.violation(Rule.BAD_SIGNATURE, device.name, "device signature of a pairing")
        raise ScanRefusedError("the client's device signature does not verify")
    signed.account_signature_key = offered.account_signature_key
    return signed.SerializeToString()


def _error(reply: Node) -> str:
    error = reply.child("error")
    attrs = error.attrs if error else {}
    return f"{attrs.get('code', '?')} {attrs.get('text', '')}".strip()
