"""The Noise protocol's state, as `Noise_XX_25519_AESGCM_SHA256` needs it.

Both roles can be built from `NoiseState`: the messages' order is `handshake.py`'s affair.
WhatsApp's nonce is 8 zero bytes and a big-endian counter in 4; in the handshake the running
hash is authenticated with every ciphertext, afterwards nothing is.
Sources: whatsmeow socket/noisehandshake.go, noisesocket.go; the Noise specification, rev 34, 5.2.
"""

import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import WireError

PATTERN: Final = b"Noise_XX_25519_AESGCM_SHA256\x00\x00\x00\x00"
"""The protocol's name, padded to a hash's length: it is the first hash, unhashed."""

KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
_NONCE_PREFIX: Final = bytes(8)
_MAX_COUNTER: Final = 0xFFFF_FFFF


class NoiseError(WireError):
    """The encrypted connection can't go on."""


class Undecryptable(NoiseError):
    """A ciphertext does not belong here: other keys, another order, or altered bytes."""


class CounterExhausted(NoiseError):
    """A key was used as often as its nonce can count."""


class KeyMissing(NoiseError):
    """Something was to be encrypted before any key was agreed."""


class TransportCipher:
    """One direction of a connection: AES-256-GCM under a counter that is never sent.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)
        self._counter = 0

    def encrypt(self, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Return the ciphertext and its 16-byte tag.

        Raises:
            CounterExhausted: 2^32 messages were sent under this key.
        """
        return self._aead.encrypt(self._nonce(), plaintext, associated)

    def decrypt(self, ciphertext: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext of the other side's next message.

        Raises:
            Undecryptable: it is not that message, or was altered. The connection is lost.
        """
        try:
            return self._aead.decrypt(self._nonce(), ciphertext, associated)
        except InvalidTag as error:
            raise Undecryptable(
                f"decrypting {len(ciphertext)} bytes: wrong key or altered"
            ) from error

    def _nonce(self) -> bytes:
        counter = self._counter
        if counter > _MAX_COUNTER:
            raise CounterExhausted("using a connection's key once more: reconnect")
        self._counter = counter + 1
        return _NONCE_PREFIX + counter.to_bytes(4, "big")


class NoiseState:
    """The running hash, the chaining key and the current cipher of one handshake.

    Args:
        prologue: what both sides sent in the clear before: `frames.INTRO`.
    """

    def __init__(self, prologue: bytes) -> None:
        self._hash = PATTERN
        self._chaining_key = PATTERN
        self._cipher: TransportCipher | None = None
        self.mix_hash(prologue)

    @property
    def hash(self) -> bytes:
        """The running hash of everything said so far (32 bytes)."""
        return self._hash

    def mix_hash(self, data: bytes) -> None:
        """Take `data`, sent in the clear, into the running hash."""
        self._hash = hashlib.sha256(self._hash + data).digest()

    def mix_key(self, secret: bytes) -> None:
        """Take a Diffie-Hellman secret into the keys; the nonce starts at zero again."""
        self._chaining_key, key = self._derive(secret)
        self._cipher = TransportCipher(key)

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return the ciphertext of a handshake's field, and take it into the running hash.

        Raises:
            KeyMissing: no key was mixed in yet.
        """
        ciphertext = self._keyed().encrypt(plaintext, self._hash)
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return the plaintext of a handshake's field, and take the ciphertext into the hash.

        Raises:
            KeyMissing: no key was mixed in yet.
            Undecryptable: wrong key, or altered.
        """
        plaintext = self._keyed().decrypt(ciphertext, self._hash)
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[TransportCipher, TransportCipher]:
        """End the handshake; return the ciphers client to server, and server to client."""
        client_key, server_key = self._derive(b"")
        return TransportCipher(client_key), TransportCipher(server_key)

    def _derive(self, secret: bytes) -> tuple[bytes, bytes]:
        """HKDF-SHA256 (RFC 5869) to 64 bytes, salted with the chaining key, without info."""
        extracted = hmac.digest(self._chaining_key, secret, "sha256")
        first = hmac.digest(extracted, b"\x01", "sha256")
        return first, hmac.digest(extracted, first + b"\x02", "sha256")

    def _keyed(self) -> TransportCipher:
        if self._cipher is None:
            raise KeyMissing("encrypting a handshake's field: no key was agreed yet")
        return self._cipher
