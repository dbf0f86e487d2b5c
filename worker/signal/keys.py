"""The keys of the two ends: our identity, a peer's bundle, and where our pre-keys are found.

Public keys are 32 raw bytes in memory; the type byte is put on at the edges.
"""

from dataclasses import dataclass
from typing import Protocol

from worker.signal.errors import InvalidKey
from worker.wire import curve
from worker.wire.curve import KeyPair


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """Our account's identity key pair and registration id (uint32)."""

    key_pair: KeyPair
    registration_id: int


@dataclass(frozen=True, slots=True)
class PreKeyBundle:
    """What the server hands out so that a session with a peer device can be started.

    Attributes:
        signature: 64 bytes, by the identity key, over the typed (33-byte) signed pre-key.
        pre_key_id: None where the server had no one-time key left; then `pre_key` is None.
    """

    registration_id: int
    identity_key: bytes
    signed_pre_key_id: int
    signed_pre_key: bytes
    signature: bytes
    pre_key_id: int | None = None
    pre_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class SignedPreKey:
    """A medium-term key pair of ours with its signature by our identity key."""

    id: int
    key_pair: KeyPair
    signature: bytes

    @classmethod
    def generate(cls, identity: KeyPair, key_id: int, rng: curve.Rng) -> "SignedPreKey":
        """Return a new signed pre-key with the id given."""
        pair = KeyPair.generate(rng)
        return cls(key_id, pair, identity.sign(curve.typed(pair.public), rng))


class PreKeys(Protocol):
    """Our published pre-keys, by id; None for one that we don't have."""

    def signed_pre_key(self, key_id: int) -> KeyPair | None:
        """Return the signed pre-key with this id."""

    def pre_key(self, key_id: int) -> KeyPair | None:
        """Return the one-time pre-key with this id."""


def agree(ours: KeyPair, theirs: bytes) -> bytes:
    """Return the 32-byte shared secret; raises InvalidKey instead of returning a known one."""
    try:
        return ours.agree(theirs)
    except curve.CurveError as error:
        raise InvalidKey(error.message) from error


def typed(public: bytes) -> bytes:
    """Return the 33-byte form of a raw key; raises InvalidKey for another length."""
    try:
        return curve.typed(public)
    except curve.CurveError as error:
        raise InvalidKey(error.message) from error


def untyped(public: bytes) -> bytes:
    """Return the raw key of a message's 33-byte field; raises InvalidKey for any other form."""
    try:
        return curve.untyped(public)
    except curve.CurveError as error:
        raise InvalidKey(error.message) from error
