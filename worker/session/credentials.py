"""Who the account is: its keys, and what pairing gave it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from shared.clock import Clock
from worker.wire.curve import KeyPair, typed

ADV_SECRET_BYTES = 32
_RANDOM_NAME_BYTES = 16
_REGISTRATION_ID_MASK = 0x3FFF  # libsignal's registration ids have 14 bits
_FIRST_SIGNED_PRE_KEY_ID = 1

Rng = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class SignedPreKey:
    """A pre-key that serves everybody, signed with the identity key.

    Attributes:
        key_id: 24 bits.
        signature: XEdDSA, 64 bytes, over 0x05 and the public key.
    """

    key_id: int
    pair: KeyPair
    signature: bytes

    @classmethod
    def generate(cls, key_id: int, identity: KeyPair, rng: Rng = os.urandom) -> Self:
        """Make a new pair and sign it."""
        pair = KeyPair.generate(rng)
        return cls(key_id, pair, identity.sign(typed(pair.public), rng))


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """An account's identity as it stands in its session file; changed with `replace`.

    Attributes:
        noise_key: authenticates this device to the server.
        identity_key: this device's Signal identity; never changes within a session.
        signed_pre_key: the one in use.
        registration_id: Signal's number of this installation.
        adv_secret: 32 bytes, shown in the QR code; keys the HMAC of the pairing.
        session_id: random, names this pairing.
        lineage: random, names this branch of the file: a restored backup gets another one.
        created_at_ms: wall clock.
        jid: "user:device@s.whatsapp.net" once paired.
        lid: "user:device@lid" once paired, where the server told it.
        platform: the phone's, as the server names it.
        push_name: the name others see.
        signed_device_identity: ADVSignedDeviceIdentity with the account's key, as it goes into
            the first message to every device.
        account_signature_key: the phone's public key, 32 bytes.
        routing_info: from `edge_routing`, goes before the next connection's header.
        server_time_offset_s: the server's clock minus ours.
    """

    noise_key: KeyPair
    identity_key: KeyPair
    signed_pre_key: SignedPreKey
    registration_id: int
    adv_secret: bytes
    session_id: str
    lineage: str
    created_at_ms: int
    jid: str | None = None
    lid: str | None = None
    platform: str = ""
    push_name: str = ""
    signed_device_identity: bytes | None = None
    account_signature_key: bytes | None = None
    routing_info: bytes | None = None
    server_time_offset_s: int = 0

    @classmethod
    def generate(cls, clock: Clock, rng: Rng = os.urandom) -> Self:
        """Make a new, unpaired identity."""
        identity = KeyPair.generate(rng)
        return cls(
            noise_key=KeyPair.generate(rng),
            identity_key=identity,
            signed_pre_key=SignedPreKey.generate(_FIRST_SIGNED_PRE_KEY_ID, identity, rng),
            registration_id=(int.from_bytes(rng(2), "big") & _REGISTRATION_ID_MASK) or 1,
            adv_secret=rng(ADV_SECRET_BYTES),
            session_id=random_name(rng),
            lineage=random_name(rng),
            created_at_ms=int(clock.wall_s() * 1000),
        )

    @property
    def paired(self) -> bool:
        """Tell whether a phone has accepted this identity."""
        return self.jid is not None

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    def __repr__(self) -> str:
        return f"Credentials(session_id={self.session_id!r}, paired={self.paired})"


def random_name(rng: Rng = os.urandom) -> str:
    """Return 128 random bits in hex: a session's or a lineage's name."""
    return rng(_RANDOM_NAME_BYTES).hex()
