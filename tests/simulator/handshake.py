"""The server's side of the Noise handshake, and the authority that signs its certificates."""

import os
from dataclasses import dataclass
from enum import Enum

from tests.simulator.errors import RefusedError
from worker.proto import payload_pb2
from worker.proto.noise_pb2 import CertChain, HandshakeMessage
from worker.wire import frames
from worker.wire.curve import KeyPair
from worker.wire.noise import NoiseState, TransportCipher

INTERMEDIATE_SERIAL = 2
LEAF_SERIAL = 3
VALID_S = 30 * 24 * 3600
_ROUTING_HEAD = b"ED\x00\x01"
_LENGTH_BYTES = 3


class CertificateDefect(Enum):
    """What can be wrong with the certificates; a client has to refuse each of them."""

    GARBAGE_SIGNATURES = "garbage_signatures"
    UNKNOWN_ROOT = "unknown_root"
    BAD_LEAF_SIGNATURE = "bad_leaf_signature"
    OTHER_LEAF_KEY = "other_leaf_key"  # a genuine chain, replayed by somebody else
    WRONG_ISSUER = "wrong_issuer"  # the intermediate doesn't name the root
    WRONG_LEAF_ISSUER = "wrong_leaf_issuer"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    MISSING_LEAF = "missing_leaf"
    MISSING_INTERMEDIATE = "missing_intermediate"
    SHORT_SIGNATURE = "short_signature"


_Certificate = CertChain.NoiseCertificate
_Details = CertChain.NoiseCertificate.Details


class Authority:
    """A root of our own, its intermediate, and the static key that the server uses."""

    def __init__(self) -> None:
        self._root = KeyPair.generate()
        self._intermediate = KeyPair.generate()
        self.static = KeyPair.generate()

    @property
    def root_public(self) -> bytes:
        """The key a client has to trust, 32 bytes."""
        return self._root.public

    def chain(self, now_s: int, defect: CertificateDefect | None = None) -> bytes:
        """Return the certificate chain, with the defect that was ordered."""
        intermediate = _signed(self._intermediate_details(now_s, defect), self._issuer(defect))
        leaf = _signed(self._leaf_details(now_s, defect), self._intermediate)
        chain = CertChain(leaf=leaf, intermediate=intermediate)
        _damage(chain, defect)
        return chain.SerializeToString()

    def _issuer(self, defect: CertificateDefect | None) -> KeyPair:
        return KeyPair.generate() if defect is CertificateDefect.UNKNOWN_ROOT else self._root

    def _intermediate_details(self, now_s: int, defect: CertificateDefect | None) -> _Details:
        issuer = 7 if defect is CertificateDefect.WRONG_ISSUER else 0
        details = _Details(
            serial=INTERMEDIATE_SERIAL, issuer_serial=issuer, key=self._intermediate.public
        )
        details.not_before, details.not_after = now_s - VALID_S, now_s + VALID_S
        return details

    def _leaf_details(self, now_s: int, defect: CertificateDefect | None) -> _Details:
        other_key = defect is CertificateDefect.OTHER_LEAF_KEY
        wrong_issuer = defect is CertificateDefect.WRONG_LEAF_ISSUER
        details = _Details(
            serial=LEAF_SERIAL,
            issuer_serial=9 if wrong_issuer else INTERMEDIATE_SERIAL,
            key=KeyPair.generate().public if other_key else self.static.public,
        )
        details.not_before, details.not_after = _dates(now_s, defect)
        return details


def _dates(now_s: int, defect: CertificateDefect | None) -> tuple[int, int]:
    if defect is CertificateDefect.EXPIRED:
        return now_s - 2 * VALID_S, now_s - VALID_S
    if defect is CertificateDefect.NOT_YET_VALID:
        return now_s + VALID_S, now_s + 2 * VALID_S
    return now_s - VALID_S, now_s + VALID_S


def _signed(details: _Details, issuer: KeyPair) -> _Certificate:
    raw = details.SerializeToString()
    return _Certificate(details=raw, signature=issuer.sign(raw))


def _damage(chain: CertChain, defect: CertificateDefect | None) -> None:
    if defect is CertificateDefect.GARBAGE_SIGNATURES:
        chain.intermediate.signature = os.urandom(64)
        chain.leaf.signature = os.urandom(64)
    elif defect is CertificateDefect.BAD_LEAF_SIGNATURE:
        chain.leaf.signature = os.urandom(64)
    elif defect is CertificateDefect.SHORT_SIGNATURE:
        chain.leaf.signature = chain.leaf.signature[:63]
    elif defect is CertificateDefect.MISSING_LEAF:
        chain.ClearField("leaf")
    elif defect is CertificateDefect.MISSING_INTERMEDIATE:
        chain.ClearField("intermediate")


@dataclass(frozen=True, slots=True)
class Established:
    """What the handshake gave.

    Attributes:
        client_static: the client's lasting Noise key, 32 bytes.
        payload: who it says it is.
        send: the cipher for what we send.
        receive: the cipher for what we get.
    """

    client_static: bytes
    payload: payload_pb2.ClientPayload
    send: TransportCipher
    receive: TransportCipher


class ServerHandshake:
    """One handshake as the responder; source: interop with Baileys and whatsmeow.

    Args:
        static: the server's lasting key pair.
        chain: the certificate chain that vouches for it.
    """

    def __init__(self, static: KeyPair, chain: bytes) -> None:
        self._static = static
        self._chain = chain
        self._ephemeral = KeyPair.generate()
        self._noise = NoiseState(frames.INTRO)

    def answer(self, hello: bytes) -> bytes:
        """Return the server's hello for the client's."""
        client = HandshakeMessage.FromString(hello).client_hello.ephemeral
        noise = self._noise
        noise.mix_hash(client)
        noise.mix_hash(self._ephemeral.public)
        noise.mix_key(self._ephemeral.agree(client))
        static = noise.encrypt(self._static.public)
        noise.mix_key(self._static.agree(client))
        reply = HandshakeMessage.ServerHello(
            ephemeral=self._ephemeral.public, static=static, payload=noise.encrypt(self._chain)
        )
        return HandshakeMessage(server_hello=reply).SerializeToString()

    def finish(self, message: bytes) -> Established:
        """Read the client's last message: its static key and its payload."""
        finish = HandshakeMessage.FromString(message).client_finish
        client_static = self._noise.decrypt(finish.static)
        self._noise.mix_key(self._ephemeral.agree(client_static))
        payload = payload_pb2.ClientPayload.FromString(self._noise.decrypt(finish.payload))
        receive, send = self._noise.split()
        return Established(client_static, payload, send, receive)


class IntroReader:
    """Takes the client's intro off the stream: routing info, if any, and `WA`."""

    def __init__(self) -> None:
        self._buffer = b""
        self.routing_info = b""

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes; return what follows the intro, or None while it is incomplete.

        Raises:
            RefusedError: the stream doesn't begin with an intro.
        """
        self._buffer += data
        rest = self._after_routing()
        if rest is None or len(rest) < len(frames.INTRO):
            return None
        if not rest.startswith(frames.INTRO):
            raise RefusedError(400, "no intro")
        return rest[len(frames.INTRO) :]

    def _after_routing(self) -> bytes | None:
        start = len(_ROUTING_HEAD)
        if not self._buffer.startswith(_ROUTING_HEAD):
            return self._buffer
        body = start + _LENGTH_BYTES
        end = body + int.from_bytes(self._buffer[start:body], "big")
        if len(self._buffer) < max(end, body):
            return None
        self.routing_info = self._buffer[body:end]
        return self._buffer[end:]
