"""The client's side of the handshake: three messages, then two ciphers.

    client                                   server
      e                         hello  ->
                        <-  server hello       e, ee, s, es, certificate chain
      s, se, client payload    finish  ->

Source: whatsmeow handshake.go; the Noise specification, pattern XX. The client payload
holds who we are, so the server is verified before it is sent.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from google.protobuf.message import DecodeError

from shared.errors import WireError
from worker.proto.noise_pb2 import HandshakeMessage
from worker.wire import frames
from worker.wire.certificates import WA_CERT_ROOT, verify_chain
from worker.wire.curve import KEY_BYTES, KeyPair
from worker.wire.noise import NoiseState, TransportCipher


class HandshakeError(WireError):
    """The handshake can't be completed."""


class MalformedHello(HandshakeError):
    """The server's hello is unreadable, or lacks a part."""


class WrongTurn(HandshakeError):
    """A step of the handshake was taken twice or out of order: a bug of the caller."""


@dataclass(frozen=True, slots=True)
class Transport:
    """The two directions of an established connection."""

    send: TransportCipher
    receive: TransportCipher


class _Step(Enum):
    HELLO = auto()  # nothing was said yet
    FINISH = auto()  # our hello is out, the server's is awaited
    DONE = auto()  # finished or failed; of no further use


class ClientHandshake:
    """One handshake; good for one connection.

    Args:
        static: our lasting Noise key pair.
        root: the key that must have signed the server's certificates.
        rng: where the ephemeral key comes from.
        now_s: unix time, for the certificates' dates.
    """

    def __init__(
        self,
        static: KeyPair,
        *,
        now_s: float,
        root: bytes = WA_CERT_ROOT,
        rng: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._static = static
        self._root = root
        self._now_s = now_s
        self._ephemeral = KeyPair.generate(rng)
        self._noise = NoiseState(frames.INTRO)
        self._step = _Step.HELLO

    def hello(self) -> bytes:
        """Return our hello, to be sent as the first frame after `frames.intro`."""
        self._take(_Step.HELLO, _Step.FINISH)
        self._noise.mix_hash(self._ephemeral.public)
        hello = HandshakeMessage.ClientHello(ephemeral=self._ephemeral.public)
        return HandshakeMessage(client_hello=hello).SerializeToString()

    def finish(self, server_hello: bytes, payload: bytes) -> tuple[bytes, Transport]:
        """Verify the server; return our last message and the ciphers that hold from then on.

        Args:
            server_hello: the first frame the server sent.
            payload: a serialized `ClientPayload`; not sent unless the server is genuine.

        Raises:
            MalformedHello: the hello lacks a part or has a key of a wrong length.
            CurveError: the server's key has a small order.
            Undecryptable: the hello is not an answer to ours.
            CertificateError: the server is not WhatsApp's.
        """
        self._take(_Step.FINISH, _Step.DONE)
        server_ephemeral = self._authenticate(server_hello)
        finish = HandshakeMessage.ClientFinish(static=self._noise.encrypt(self._static.public))
        self._noise.mix_key(self._static.agree(server_ephemeral))
        finish.payload = self._noise.encrypt(payload)
        to_server, to_client = self._noise.split()
        message = HandshakeMessage(client_finish=finish).SerializeToString()
        return message, Transport(send=to_server, receive=to_client)

    def _authenticate(self, server_hello: bytes) -> bytes:
        """Follow the server's hello up to its certificates; return its ephemeral key."""
        hello = _parse_hello(server_hello)
        noise = self._noise
        noise.mix_hash(hello.ephemeral)
        noise.mix_key(self._ephemeral.agree(hello.ephemeral))
        server_static = noise.decrypt(hello.static)
        noise.mix_key(self._ephemeral.agree(server_static))
        chain = noise.decrypt(hello.payload)
        verify_chain(chain, server_static, self._root, self._now_s)
        return hello.ephemeral

    def _take(self, expected: _Step, following: _Step) -> None:
        if self._step is not expected:
            raise WrongTurn(f"handshake: step {expected.name} taken at {self._step.name}")
        self._step = following


def _parse_hello(data: bytes) -> HandshakeMessage.ServerHello:
    try:
        hello = HandshakeMessage.FromString(data).server_hello
    except DecodeError as error:
        raise MalformedHello("reading the server's hello: it is not a handshake message") from error
    if len(hello.ephemeral) != KEY_BYTES or not hello.static or not hello.payload:
        raise MalformedHello("reading the server's hello: a part is missing or of wrong length")
    return hello
