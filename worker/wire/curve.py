"""Curve25519 as Signal and Noise use it: key pairs, agreement, and XEdDSA signatures.

One 32-byte key serves both agreement (X25519) and signatures (XEdDSA: the Montgomery key
is carried over to the Edwards curve). All arithmetic on secrets is libsodium's, in
constant time; it is as fast from raw bytes as OpenSSL with prepared key objects, so keys
stay plain bytes here.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

from nacl import bindings
from nacl.exceptions import BadSignatureError, CryptoError

from shared.errors import WireError

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
SIGNATURE_RANDOM_BYTES: Final = 64
TYPED_KEY_BYTES: Final = 33
DJB_TYPE: Final = 0x05

_FIELD_PRIME: Final = 2**255 - 19
_FIELD_MASK: Final = 2**255 - 1
_SIGN_BIT: Final = 0x80
_SCALAR_EXCESS: Final = 0xE0
_NONCE_PREFIX: Final = b"\xfe" + b"\xff" * 31
_VERIFY_CACHE_KEYS: Final = 4096
_SIGN_CACHE_KEYS: Final = 16

Rng = Callable[[int], bytes]


class CurveError(WireError):
    """A key is not 32 bytes (33 with its type), or agreeing with it would give a known secret."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key and its public key, 32 raw bytes each; the private one is never printed."""

    private: bytes = field(repr=False)
    public: bytes

    @classmethod
    def generate(cls, rng: Rng = os.urandom) -> Self:
        """Return a new key pair made from 32 bytes of `rng`."""
        return cls.from_private(rng(KEY_BYTES))

    @classmethod
    def from_private(cls, private: bytes) -> Self:
        """Return the pair of a stored private key, clamped as RFC 7748 says."""
        clamped = _clamp(private)
        return cls(clamped, bindings.crypto_scalarmult_base(clamped))

    def agree(self, public: bytes) -> bytes:
        """Return the 32 bytes shared with the owner of `public`; see `dh`."""
        return dh(self.private, public)

    def sign(self, message: bytes, rng: Rng = os.urandom) -> bytes:
        """Return the 64-byte signature of `message`; see `sign`."""
        return sign(self.private, message, rng(SIGNATURE_RANDOM_BYTES))


def dh(private: bytes, public: bytes) -> bytes:
    """Return the X25519 agreement of two 32-byte keys.

    Raises:
        CurveError: a key has another length, or `public` has a small order (the shared
            secret would be all zero and so known to everybody).
    """
    if len(private) != KEY_BYTES or len(public) != KEY_BYTES:
        raise CurveError(f"agree on a secret: keys of {len(private)} and {len(public)} bytes")
    try:
        return bindings.crypto_scalarmult(private, public)
    except CryptoError as error:
        raise CurveError("agree on a secret: the public key has a small order") from error


def typed(public: bytes) -> bytes:
    """Return the 33-byte form that Signal messages carry: 0x05 before the key."""
    if len(public) != KEY_BYTES:
        raise CurveError(f"prefix a public key: it has {len(public)} bytes, not 32")
    return b"\x05" + public


def untyped(public: bytes) -> bytes:
    """Return the 32 raw bytes of a 33-byte public key.

    Raises:
        CurveError: another length, or another type than Curve25519 (0x05).
    """
    if len(public) != TYPED_KEY_BYTES or public[0] != DJB_TYPE:
        raise CurveError(f"read a public key: {len(public)} bytes, not 0x05 and 32 more")
    return public[1:]


def sign(private: bytes, message: bytes, random: bytes) -> bytes:
    """Return the 64-byte XEdDSA signature of `message`, in libsignal's form.

    libsignal keeps the private scalar as it is and stores the sign of its Edwards point in
    the top bit of the last byte (the paper's form negates the scalar instead; libsignal
    verifies both). `random` hedges the nonce.

    Args:
        private: 32 bytes, clamped here.
        message: of any length.
        random: 64 fresh bytes.
    """
    if len(random) != SIGNATURE_RANDOM_BYTES:
        raise CurveError(f"sign a message: {len(random)} random bytes, not 64")
    scalar = _clamp(private)
    point = _edwards_point(scalar)
    nonce = _hash_to_scalar(_NONCE_PREFIX, scalar, message, random)
    commitment = bindings.crypto_scalarmult_ed25519_base_noclamp(nonce)
    challenge = _hash_to_scalar(commitment, point, message)
    product = bindings.crypto_core_ed25519_scalar_mul(challenge, scalar)
    proof = bindings.crypto_core_ed25519_scalar_add(nonce, product)
    return commitment + proof[:31] + bytes([proof[31] | (point[31] & _SIGN_BIT)])


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` (64 bytes) of `message` is by the owner of `public` (32 bytes).

    The sign of the Edwards point is the top bit of the last byte, as libsignal's signers
    put it; without it the signatures of half of all keys would be refused.
    """
    if len(public) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    last = signature[63] & ~_SIGN_BIT
    edwards = _edwards_y(public)
    if edwards is None or last & _SCALAR_EXCESS:
        return False
    signer = edwards[:31] + bytes([edwards[31] | (signature[63] & _SIGN_BIT)])
    try:
        bindings.crypto_sign_open(signature[:63] + bytes([last]) + message, signer)
    except BadSignatureError:
        return False
    return True


def _clamp(private: bytes) -> bytes:
    if len(private) != KEY_BYTES:
        raise CurveError(f"use a private key: it has {len(private)} bytes, not 32")
    return bytes([private[0] & 0xF8]) + private[1:31] + bytes([private[31] & 0x7F | 0x40])


def _hash_to_scalar(*parts: bytes) -> bytes:
    digest = hashlib.sha512(b"".join(parts)).digest()
    return bindings.crypto_core_ed25519_scalar_reduce(digest)


# A worker signs with its one account's few keys, which live in its memory anyway.
@lru_cache(_SIGN_CACHE_KEYS)
def _edwards_point(scalar: bytes) -> bytes:
    return bindings.crypto_scalarmult_ed25519_base_noclamp(scalar)


@lru_cache(_VERIFY_CACHE_KEYS)
def _edwards_y(public: bytes) -> bytes | None:
    """Carry a Montgomery u over to the Edwards y = (u-1)/(u+1); None where there is none."""
    u = (int.from_bytes(public, "little") & _FIELD_MASK) % _FIELD_PRIME
    if u == _FIELD_PRIME - 1:
        return None
    y = (u - 1) * pow(u + 1, -1, _FIELD_PRIME) % _FIELD_PRIME
    return y.to_bytes(KEY_BYTES, "little")
