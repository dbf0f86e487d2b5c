"""A Noise responder and a certificate authority for the handshake's tests."""

from dataclasses import dataclass, field

from worker.proto.noise_pb2 import CertChain, HandshakeMessage
from worker.wire import frames
from worker.wire.curve import KeyPair
from worker.wire.handshake import Transport
from worker.wire.noise import NoiseState

NOW_S = 1_790_000_000.0
DAY_S = 86_400
Details = CertChain.NoiseCertificate.Details


@dataclass
class Authority:
    """Everything a chain is made of; change a part before `chain()` to spoil it."""

    root: KeyPair = field(default_factory=KeyPair.generate)
    middle: KeyPair = field(default_factory=KeyPair.generate)
    server: KeyPair = field(default_factory=KeyPair.generate)
    intermediate: Details = field(init=False)
    leaf: Details = field(init=False)

    def __post_init__(self) -> None:
        dates = {"not_before": int(NOW_S) - DAY_S, "not_after": int(NOW_S) + DAY_S}
        self.intermediate = Details(serial=7, issuer_serial=0, key=self.middle.public, **dates)
        self.leaf = Details(serial=8, issuer_serial=7, key=self.server.public, **dates)

    def chain(self) -> CertChain:
        """Sign what stands in the two certificates now."""
        intermediate = self.intermediate.SerializeToString()
        leaf = self.leaf.SerializeToString()
        chain = CertChain()
        chain.intermediate.details = intermediate
        chain.intermediate.signature = self.root.sign(intermediate)
        chain.leaf.details = leaf
        chain.leaf.signature = self.middle.sign(leaf)
        return chain


class Responder:
    """The server's side of the XX pattern, written from the specification."""

    def __init__(self, static: KeyPair, chain: bytes) -> None:
        self.static = static
        self.chain = chain
        self.ephemeral = KeyPair.generate()
        self.noise = NoiseState(frames.INTRO)
        self.client_static = b""

    def hello(self, client_hello: bytes) -> bytes:
        """Answer a client's hello."""
        client_ephemeral = HandshakeMessage.FromString(client_hello).client_hello.ephemeral
        self.noise.mix_hash(client_ephemeral)
        self.noise.mix_hash(self.ephemeral.public)
        self.noise.mix_key(self.ephemeral.agree(client_ephemeral))
        message = HandshakeMessage()
        message.server_hello.ephemeral = self.ephemeral.public
        message.server_hello.static = self.noise.encrypt(self.static.public)
        self.noise.mix_key(self.static.agree(client_ephemeral))
        message.server_hello.payload = self.noise.encrypt(self.chain)
        return message.SerializeToString()

    def finish(self, client_finish: bytes) -> tuple[bytes, Transport]:
        """Return the client's payload and the ciphers as this side uses them."""
        finish = HandshakeMessage.FromString(client_finish).client_finish
        self.client_static = self.noise.decrypt(finish.static)
        self.noise.mix_key(self.ephemeral.agree(self.client_static))
        payload = self.noise.decrypt(finish.payload)
        to_server, to_client = self.noise.split()
        return payload, Transport(send=to_client, receive=to_server)
