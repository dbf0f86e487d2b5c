"""Key derivation and the symmetric primitives of Signal messages.

Constants are libsignal's: the labels "WhisperText", "WhisperRatchet", "WhisperMessageKeys"
and "WhisperGroup", HMAC inputs 1 (message) and 2 (next chain key).
"""

import hmac
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from worker.signal.errors import MalformedMessage

_BLOCK_BYTES: Final = 16
_MESSAGE_INPUT: Final = b"\x01"
_CHAIN_INPUT: Final = b"\x02"


class MessageKeys(NamedTuple):
    """What one message is encrypted and authenticated with: 32, 32 and 16 bytes."""

    cipher: bytes
    mac: bytes
    iv: bytes


class GroupMessageKeys(NamedTuple):
    """What one group message is encrypted with: 32 and 16 bytes (a signature authenticates it)."""

    cipher: bytes
    iv: bytes


def hkdf(secret: bytes, salt: bytes | None, label: bytes, length: int) -> bytes:
    """Return `length` bytes of HKDF-SHA256; no salt means 32 zero bytes."""
    return HKDF(SHA256(), length, salt, label).derive(secret)


def first_keys(secret: bytes) -> tuple[bytes, bytes]:
    """Return the root key and chain key that the X3DH secret gives."""
    both = hkdf(secret, None, b"WhisperText", 64)
    return both[:32], both[32:]


def next_root(root_key: bytes, agreement: bytes) -> tuple[bytes, bytes]:
    """Return the next root key and the chain key of a ratchet step."""
    both = hkdf(agreement, root_key, b"WhisperRatchet", 64)
    return both[:32], both[32:]


def next_chain(chain_key: bytes) -> tuple[bytes, bytes]:
    """Return the message seed of a chain key, and the chain key that follows it."""
    seed = hmac.digest(chain_key, _MESSAGE_INPUT, "sha256")
    return seed, hmac.digest(chain_key, _CHAIN_INPUT, "sha256")


def message_keys(seed: bytes) -> MessageKeys:
    """Return the keys of the message with this seed."""
    keys = hkdf(seed, None, b"WhisperMessageKeys", 80)
    return MessageKeys(keys[:32], keys[32:64], keys[64:])


def group_message_keys(seed: bytes) -> GroupMessageKeys:
    """Return the keys of the group message with this seed."""
    keys = hkdf(seed, None, b"WhisperGroup", 48)
    return GroupMessageKeys(keys[16:], keys[:16])


def encrypt(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """Return AES-256-CBC with PKCS#7 padding."""
    missing = _BLOCK_BYTES - len(plaintext) % _BLOCK_BYTES
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(plaintext + bytes([missing]) * missing) + encryptor.finalize()


def decrypt(key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """Undo `encrypt`; call it only on what a MAC or signature has authenticated.

    Raises:
        MalformedMessage: no whole number of blocks, or no PKCS#7 padding.
    """
    if not ciphertext or len(ciphertext) % _BLOCK_BYTES:
        raise MalformedMessage(f"decrypt a message: {len(ciphertext)} bytes are not whole blocks")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    count = padded[-1]
    if not 1 <= count <= _BLOCK_BYTES or padded[-count:] != bytes([count]) * count:
        raise MalformedMessage("decrypt a message: it ends without padding")
    return padded[:-count]
