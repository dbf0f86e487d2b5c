"""The four Signal messages as bytes: version 3, as WhatsApp's clients send them.

libsignal protocol.rs; each begins with a version byte (high half: this message's version,
low half: the highest one its sender knows).
"""

import hmac
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from google.protobuf.message import DecodeError, Message

from worker.proto import signal_pb2
from worker.signal.errors import InvalidKey, MalformedMessage
from worker.signal.keys import untyped
from worker.wire import curve

VERSION: Final = 3
MAC_BYTES: Final = 8
CHAIN_KEY_BYTES: Final = 32
_VERSION_BYTE: Final = bytes([VERSION << 4 | VERSION])

_Body = TypeVar("_Body", bound=Message)


@dataclass(frozen=True, slots=True)
class SignalMessage:
    """A ratcheted message: `signed` are the bytes under `mac`, the version byte included."""

    ratchet_key: bytes
    counter: int
    previous_counter: int
    ciphertext: bytes
    signed: bytes
    mac: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a message from the wire; raises MalformedMessage."""
        if len(data) <= MAC_BYTES:
            raise MalformedMessage(f"read a Signal message: it has {len(data)} bytes")
        signed, mac = data[:-MAC_BYTES], data[-MAC_BYTES:]
        body = _body(signal_pb2.SignalMessageBody, signed, "ratchet_key", "counter", "ciphertext")
        key = _key(body.ratchet_key)
        return cls(key, body.counter, body.previous_counter, body.ciphertext, signed, mac)

    def is_authentic(self, mac_key: bytes, sender: bytes, receiver: bytes) -> bool:
        """Tell whether the MAC fits the identities (32 bytes each) of sender and receiver."""
        expected = _mac(mac_key, sender, receiver, self.signed)
        return hmac.compare_digest(expected, self.mac)


def seal_signal_message(
    body: signal_pb2.SignalMessageBody, mac_key: bytes, sender: bytes, receiver: bytes
) -> bytes:
    """Return the bytes of a message with its MAC; identities are 32 bytes each."""
    signed = _VERSION_BYTE + body.SerializeToString()
    return signed + _mac(mac_key, sender, receiver, signed)


def _mac(mac_key: bytes, sender: bytes, receiver: bytes, signed: bytes) -> bytes:
    text = curve.typed(sender) + curve.typed(receiver) + signed
    return hmac.digest(mac_key, text, "sha256")[:MAC_BYTES]


@dataclass(frozen=True, slots=True)
class PreKeySignalMessage:
    """A message that can start a session: `message` holds the bytes of a SignalMessage."""

    registration_id: int
    pre_key_id: int | None
    signed_pre_key_id: int
    base_key: bytes
    identity_key: bytes
    message: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a message from the wire; raises MalformedMessage."""
        needed = ("signed_pre_key_id", "base_key", "identity_key", "message")
        body = _body(signal_pb2.PreKeySignalMessageBody, data, *needed)
        return cls(
            registration_id=body.registration_id,
            pre_key_id=body.pre_key_id if body.HasField("pre_key_id") else None,
            signed_pre_key_id=body.signed_pre_key_id,
            base_key=_key(body.base_key),
            identity_key=_key(body.identity_key),
            message=body.message,
        )

    def serialize(self) -> bytes:
        """Return the bytes for the wire."""
        body = signal_pb2.PreKeySignalMessageBody(
            registration_id=self.registration_id,
            pre_key_id=self.pre_key_id,
            signed_pre_key_id=self.signed_pre_key_id,
            base_key=curve.typed(self.base_key),
            identity_key=curve.typed(self.identity_key),
            message=self.message,
        )
        return _VERSION_BYTE + body.SerializeToString()


@dataclass(frozen=True, slots=True)
class SenderKeyMessage:
    """A group message: `signed` are the bytes under the sender key's `signature`."""

    id: int
    iteration: int
    ciphertext: bytes
    signed: bytes
    signature: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a message from the wire; raises MalformedMessage."""
        if len(data) <= curve.SIGNATURE_BYTES:
            raise MalformedMessage(f"read a group message: it has {len(data)} bytes")
        signed, signature = data[: -curve.SIGNATURE_BYTES], data[-curve.SIGNATURE_BYTES :]
        body = _body(signal_pb2.SenderKeyMessageBody, signed, "id", "iteration", "ciphertext")
        return cls(body.id, body.iteration, body.ciphertext, signed, signature)


def seal_sender_key_message(
    body: signal_pb2.SenderKeyMessageBody, signing: curve.KeyPair, rng: curve.Rng
) -> bytes:
    """Return the bytes of a group message with its XEdDSA signature."""
    signed = _VERSION_BYTE + body.SerializeToString()
    return signed + signing.sign(signed, rng)


@dataclass(frozen=True, slots=True)
class SenderKeyDistributionMessage:
    """What a group's member needs to read a sender's messages from `iteration` on."""

    id: int
    iteration: int
    chain_key: bytes
    signing_key: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a message from the wire; raises MalformedMessage."""
        needed = ("id", "iteration", "chain_key", "signing_key")
        body = _body(signal_pb2.SenderKeyDistributionBody, data, *needed)
        if len(body.chain_key) != CHAIN_KEY_BYTES:
            raise MalformedMessage(f"read a sender key: {len(body.chain_key)} bytes of chain key")
        return cls(body.id, body.iteration, body.chain_key, _key(body.signing_key))

    def serialize(self) -> bytes:
        """Return the bytes for the wire."""
        body = signal_pb2.SenderKeyDistributionBody(
            id=self.id,
            iteration=self.iteration,
            chain_key=self.chain_key,
            signing_key=curve.typed(self.signing_key),
        )
        return _VERSION_BYTE + body.SerializeToString()


def _body(kind: type[_Body], data: bytes, *needed: str) -> _Body:
    if not data or data[0] >> 4 != VERSION:
        raise MalformedMessage(f"read a {kind.__name__}: it is not of version {VERSION}")
    try:
        body = kind.FromString(data[1:])
    except DecodeError as error:
        raise MalformedMessage(f"read a {kind.__name__}: it is no valid protobuf") from error
    missing = [name for name in needed if not body.HasField(name)]
    if missing:
        raise MalformedMessage(f"read a {kind.__name__}: {', '.join(missing)} not set")
    return body


def _key(field: bytes) -> bytes:
    try:
        return untyped(field)
    except InvalidKey as error:
        raise MalformedMessage(error.message) from error
