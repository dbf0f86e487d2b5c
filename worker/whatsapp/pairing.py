"""Pairing with a phone: the QR codes to scan, and the proof that follows.

The phone signs our identity key with its account key; the server wraps that in an HMAC under
the secret which stood in the QR code; we check both and sign in turn. Sources: whatsmeow
pair.go, Baileys validate-connection.ts.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import Final

from google.protobuf.message import DecodeError

from shared.errors import WhatsAppError
from worker.proto import adv_pb2
from worker.session import Credentials
from worker.wire import Jid, Node, NodeError
from worker.wire.curve import KEY_BYTES, Rng, verify

from .numbers import same_number
from .payloads import QR_CLIENT_TYPE

QR_PREFIX: Final = "https://wa.me/settings/linked_devices#"

ACCOUNT_PREFIX: Final = b"\x06\x00"
DEVICE_PREFIX: Final = b"\x06\x01"
HOSTED_ACCOUNT_PREFIX: Final = b"\x06\x05"


class PairingRefused(WhatsAppError):
    """A phone scanned, but its proof is wrong or it is not the phone that was asked for.

    Attributes:
        code: what the server is told (whatsmeow sendPairError).
        text: the same in the protocol's words.
    """

    def __init__(self, message: str, *, code: int, text: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Paired:
    """A pairing that checked out: what to keep, and what to answer once it is kept."""

    credentials: Credentials
    answer: Node


def qr_payloads(pair_device: Node, credentials: Credentials) -> list[str]:
    """Return what to show as QR codes, one after the other, for a `<pair-device>`.

    Raises:
        NodeError: the server sent no usable reference.
    """
    keys = ",".join(
        base64.b64encode(value).decode()
        for value in (
            credentials.noise_key.public,
            credentials.identity_key.public,
            credentials.adv_secret,
        )
    )
    refs = [ref.bytes().decode("ascii", "replace") for ref in pair_device.children("ref")]
    if not refs:
        raise NodeError("read <pair-device>: it holds no reference to show as a QR code")
    return [f"{QR_PREFIX}{ref},{keys},{QR_CLIENT_TYPE}" for ref in refs]


def accept(
    stanza: Node, credentials: Credentials, *, wanted_phone: str, session_id: str, rng: Rng
) -> Paired:
    """Check a `<pair-success>` and return the credentials that follow from it.

    Args:
        stanza: the `<iq>` around it.
        credentials: those whose keys stood in the QR code.
        wanted_phone: digits of the number that must have scanned; empty for any.
        session_id: the name of the pairing that comes to be.
        rng: randomness for our signature.

    Raises:
        PairingRefused: a signature is wrong, or another number scanned.
        NodeError: parts are missing.
    """
    success = _child(stanza, "pair-success")
    device = _child(success, "device")
    jid, lid = device.jid("jid"), _optional_jid(device, "lid")
    signed, details = _checked_identity(_child(success, "device-identity").bytes(), credentials)
    _check_phone(jid, wanted_phone)
    signed.device_signature = credentials.identity_key.sign(
        DEVICE_PREFIX
        + signed.details
        + credentials.identity_key.public
        + signed.account_signature_key,
        rng,
    )
    platform, business = success.child("platform"), success.child("biz")
    paired = replace(
        credentials,
        jid=str(jid),
        lid=str(lid) if lid is not None else "",
        platform=platform.attrs.get("name", "") if platform is not None else "",
        push_name=business.attrs.get("name", "") if business is not None else "",
        signed_device_identity=signed.SerializeToString(),
        account_signature_key=signed.account_signature_key,
        session_id=session_id,
    )
    return Paired(paired, _answer(stanza, signed, details.key_index))


def refusal(stanza: Node, refused: PairingRefused) -> Node:
    """Return what the server is told when a pairing is refused: nothing stays linked."""
    error = Node("error", {"code": str(refused.code), "text": refused.text})
    return Node(
        "iq", {"to": "@s.whatsapp.net", "type": "error", "id": stanza.required("id")}, [error]
    )


def _checked_identity(
    sealed: bytes, credentials: Credentials
) -> tuple[adv_pb2.ADVSignedDeviceIdentity, adv_pb2.ADVDeviceIdentity]:
    container, signed = adv_pb2.ADVSignedDeviceIdentityHMAC(), adv_pb2.ADVSignedDeviceIdentity()
    details = adv_pb2.ADVDeviceIdentity()
    try:
        container.ParseFromString(sealed)
        _check_hmac(container, credentials.adv_secret)
        signed.ParseFromString(container.details)
        details.ParseFromString(signed.details)
    except DecodeError as error:
        raise PairingRefused(
            "read the phone's proof: it is malformed", code=500, text="internal-error"
        ) from error
    hosted = details.device_type == adv_pb2.HOSTED
    if not _account_signed(signed, credentials.identity_key.public, hosted=hosted):
        raise PairingRefused(
            "check the phone's signature over our identity: it is wrong",
            code=401,
            text="signature-mismatch",
            hint="scan the code again; if it repeats, the server is not WhatsApp's",
        )
    return signed, details


def _check_hmac(container: adv_pb2.ADVSignedDeviceIdentityHMAC, secret: bytes) -> None:
    hosted = container.account_type == adv_pb2.HOSTED
    covered = (HOSTED_ACCOUNT_PREFIX if hosted else b"") + container.details
    wanted = hmac.digest(secret, covered, hashlib.sha256)
    if not hmac.compare_digest(wanted, container.hmac):
        raise PairingRefused(
            "check the proof that the phone saw this QR code: it is wrong",
            code=401,
            text="hmac-mismatch",
            hint="scan the code that is shown now",
        )


def _account_signed(
    signed: adv_pb2.ADVSignedDeviceIdentity, identity: bytes, *, hosted: bool
) -> bool:
    prefix = HOSTED_ACCOUNT_PREFIX if hosted else ACCOUNT_PREFIX
    key = signed.account_signature_key
    if len(key) != KEY_BYTES:
        return False
    return verify(key, prefix + signed.details + identity, signed.account_signature)


def _check_phone(jid: Jid, wanted: str) -> None:
    if wanted and not same_number(jid.user, wanted):
        raise PairingRefused(
            f"pair this account: the phone that scanned ends in …{jid.user[-2:]}, "
            f"the number asked for ends in …{wanted[-2:]}",
            code=500,
            text="internal-error",
            hint="scan with the phone of the number that was entered, or add the other number",
        )


def _answer(stanza: Node, signed: adv_pb2.ADVSignedDeviceIdentity, key_index: int) -> Node:
    told = adv_pb2.ADVSignedDeviceIdentity()
    told.CopyFrom(signed)
    told.ClearField("account_signature_key")
    identity = Node("device-identity", {"key-index": str(key_index)}, told.SerializeToString())
    return Node(
        "iq",
        {"to": "@s.whatsapp.net", "type": "result", "id": stanza.required("id")},
        [Node("pair-device-sign", {}, [identity])],
    )


def _child(node: Node, tag: str) -> Node:
    child = node.child(tag)
    if child is None:
        raise NodeError(f"read <{node.tag}>: <{tag}> is missing")
    return child


def _optional_jid(node: Node, name: str) -> Jid | None:
    return node.jid(name) if node.attrs.get(name) else None
