from collections.abc import Callable

import pytest

from tests.worker.wire.responder import DAY_S, NOW_S, Authority, Responder
from worker.proto.noise_pb2 import CertChain, HandshakeMessage
from worker.wire import certificates
from worker.wire.certificates import CertificateError, verify_chain
from worker.wire.curve import CurveError, KeyPair
from worker.wire.handshake import ClientHandshake, MalformedHello, Transport, WrongTurn
from worker.wire.noise import Undecryptable

PAYLOAD = b"who we are"

# A handshake with fixed keys. Baileys 7.0.0-rc14 (makeNoiseHandler) answered this hello with
# exactly this finish, and sent exactly these two messages afterwards.
VECTOR_ROOT = bytes.fromhex("50a61409b1ddd0325e9b16b700e719e9772c07000b1bd7786e907c653d20495d")
VECTOR_SERVER_HELLO = bytes.fromhex(
    "1ad7020a205dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef221230fad351e77c"
    "eb11c0a3c7a310c84044831d305ad1677bb5b736eff6f6392eee8cdc9e71ab200c437245ad235dd9ed16941a"
    "80020f46a5e9cee55fb31b9aee8edad9f16ae7b8ee66e86abf094ec46a058f9cd68fab143d253596a4146cd9"
    "16114b7360b7e306af90310dc2420fae4c1a3066ad232bb12ace6c410abadf7912ed1af56d2d750c510f7bf1"
    "038d08701ae9bce0cefbaa874daa33c56cdc9eb66c3a1c2bb9d835422fd47d1ec48e2d46e128b9f2d25a211e"
    "047fad1043bab11aeeeecfd94c9083b9245ae846368fbf5e944090b81fc1ac7d2e9a0a325b81f22696abc76c"
    "a8ac1daf0735e4197b744a17f50fff90e14755b4c3f52a0836752f47f93209cbae38af44b5c93fcc24ae6f12"
    "0a85b8bc172b1d80be2d0e3ae83daea0049f1233f4020983a93313fe3b58ab01b4956b32ed13"
)
VECTOR_FINISH = bytes.fromhex(
    "224e0a306f7715b54f3863d7c6b58baab8f65a070327545ff9ce8db3e46a1e6447aaea6fd41744a5ba861abd"
    "59febcb4a15b3667121a4eb35a2761c91f80c75503ec64254bfb901bf80b87e5b130a7fb"
)
VECTOR_FIRST = bytes.fromhex("b6ac7b40f8addd2fb8d05da5be258733e188942312")
VECTOR_SECOND = bytes.fromhex("996310479ae4737b9ddf248d3ab7cb5089d97a8c1ed6")


def _client(authority: Authority, now_s: float = NOW_S) -> ClientHandshake:
    return ClientHandshake(KeyPair.generate(), root=authority.root.public, now_s=now_s)


def _shake(authority: Authority, chain: bytes) -> tuple[bytes, Transport, bytes, Transport]:
    client = _client(authority)
    server = Responder(authority.server, chain)
    finish, ours = client.finish(server.hello(client.hello()), PAYLOAD)
    payload, theirs = server.finish(finish)
    return finish, ours, payload, theirs


def test_the_bytes_of_a_whole_handshake_equal_baileys() -> None:
    client = ClientHandshake(
        KeyPair.from_private(b"\x02" * 32),
        root=VECTOR_ROOT,
        rng=lambda size: b"\x01" * size,
        now_s=NOW_S,
    )
    client.hello()
    finish, transport = client.finish(VECTOR_SERVER_HELLO, PAYLOAD)

    assert finish == VECTOR_FINISH
    assert transport.send.encrypt(b"first") == VECTOR_FIRST
    assert transport.send.encrypt(b"second") == VECTOR_SECOND


def test_both_sides_agree_and_talk_in_both_directions() -> None:
    authority = Authority()
    _, ours, payload, theirs = _shake(authority, authority.chain().SerializeToString())

    assert payload == PAYLOAD
    for number in range(3):
        text = f"message {number}".encode()
        assert theirs.receive.decrypt(ours.send.encrypt(text)) == text
        assert ours.receive.decrypt(theirs.send.encrypt(text)) == text


def test_the_server_learns_our_static_key_and_our_payload_is_not_in_the_clear() -> None:
    authority = Authority()
    static = KeyPair.generate()
    client = ClientHandshake(static, root=authority.root.public, now_s=NOW_S)
    server = Responder(authority.server, authority.chain().SerializeToString())
    finish, _ = client.finish(server.hello(client.hello()), PAYLOAD)
    server.finish(finish)

    assert server.client_static == static.public
    assert PAYLOAD not in finish
    assert static.public not in finish


def _spoil_root_signature(authority: Authority) -> CertChain:
    chain = authority.chain()
    chain.intermediate.signature = authority.middle.sign(chain.intermediate.details)
    return chain


def _spoil_leaf_signature(authority: Authority) -> CertChain:
    chain = authority.chain()
    chain.leaf.signature = authority.root.sign(chain.leaf.details)
    return chain


def _flip_leaf_bit(authority: Authority) -> CertChain:
    chain = authority.chain()
    chain.leaf.signature = bytes([chain.leaf.signature[0] ^ 1]) + chain.leaf.signature[1:]
    return chain


def _alter(certificate: str, **values: object) -> Callable[[Authority], CertChain]:
    def spoil(authority: Authority) -> CertChain:
        for name, value in values.items():
            setattr(getattr(authority, certificate), name, value)
        return authority.chain()

    return spoil


def _forget(certificate: str, part: str) -> Callable[[Authority], CertChain]:
    def spoil(authority: Authority) -> CertChain:
        if not part:
            getattr(authority, certificate).ClearField("not_after")
            return authority.chain()
        chain = authority.chain()
        getattr(chain, certificate).ClearField(part)
        return chain

    return spoil


def _drop(certificate: str) -> Callable[[Authority], CertChain]:
    def spoil(authority: Authority) -> CertChain:
        chain = authority.chain()
        chain.ClearField(certificate)
        return chain

    return spoil


def _name_another_key(authority: Authority) -> CertChain:
    authority.leaf.key = KeyPair.generate().public
    return authority.chain()


LONG_AGO = int(NOW_S) - DAY_S // 2
TOMORROW = int(NOW_S) + DAY_S // 2
DEFECTS = [
    pytest.param(_spoil_root_signature, certificates.UnknownRoot, id="unknown root"),
    pytest.param(_spoil_leaf_signature, certificates.BadSignature, id="leaf signed by another"),
    pytest.param(_flip_leaf_bit, certificates.BadSignature, id="leaf signature altered"),
    pytest.param(_alter("intermediate", issuer_serial=1), certificates.BadSerial, id="not root's"),
    pytest.param(_alter("leaf", issuer_serial=8), certificates.BadSerial, id="leaf of another"),
    pytest.param(_alter("leaf", not_after=LONG_AGO), certificates.Expired, id="leaf expired"),
    pytest.param(
        _alter("intermediate", not_after=LONG_AGO), certificates.Expired, id="middle expired"
    ),
    pytest.param(_alter("leaf", not_before=TOMORROW), certificates.NotYetValid, id="leaf too new"),
    pytest.param(
        _alter("intermediate", not_before=TOMORROW), certificates.NotYetValid, id="middle too new"
    ),
    pytest.param(_forget("leaf", ""), certificates.Expired, id="leaf without an end"),
    pytest.param(_forget("intermediate", ""), certificates.Expired, id="middle without an end"),
    pytest.param(_name_another_key, certificates.KeyMismatch, id="leaf names another key"),
    pytest.param(_drop("leaf"), certificates.MalformedCertificate, id="no leaf"),
    pytest.param(_drop("intermediate"), certificates.MalformedCertificate, id="no intermediate"),
    pytest.param(
        _forget("leaf", "signature"), certificates.MalformedCertificate, id="leaf unsigned"
    ),
    pytest.param(
        _forget("intermediate", "signature"),
        certificates.MalformedCertificate,
        id="middle unsigned",
    ),
    pytest.param(_forget("leaf", "details"), certificates.MalformedCertificate, id="empty leaf"),
    pytest.param(
        _alter("intermediate", key=b"\x05" * 33), certificates.MalformedCertificate, id="long key"
    ),
    pytest.param(_alter("leaf", key=b""), certificates.MalformedCertificate, id="no leaf key"),
]


@pytest.mark.parametrize(("spoil", "error"), DEFECTS)
def test_each_certificate_defect_is_refused_by_its_own_name(
    spoil: Callable[[Authority], CertChain], error: type[CertificateError]
) -> None:
    authority = Authority()
    chain = spoil(authority).SerializeToString()
    client = _client(authority)
    server = Responder(authority.server, chain)

    with pytest.raises(CertificateError) as caught:
        client.finish(server.hello(client.hello()), PAYLOAD)
    assert caught.type is error


@pytest.mark.parametrize("chain", [b"", b"\xff", b"\x0a\x05abc"], ids=["empty", "junk", "cut"])
def test_a_chain_that_is_none_is_malformed(chain: bytes) -> None:
    with pytest.raises(certificates.MalformedCertificate):
        verify_chain(chain, bytes(32), certificates.WA_CERT_ROOT, NOW_S)


def test_details_that_are_signed_but_unreadable_are_malformed() -> None:
    authority = Authority()
    chain = authority.chain()
    chain.intermediate.details = b"\xff\xff"
    chain.intermediate.signature = authority.root.sign(b"\xff\xff")
    with pytest.raises(certificates.MalformedCertificate):
        verify_chain(chain.SerializeToString(), bytes(32), authority.root.public, NOW_S)


def test_a_chain_of_our_own_root_is_refused_under_whatsapps() -> None:
    authority = Authority()
    client = ClientHandshake(KeyPair.generate(), now_s=NOW_S)
    server = Responder(authority.server, authority.chain().SerializeToString())
    with pytest.raises(certificates.UnknownRoot):
        client.finish(server.hello(client.hello()), PAYLOAD)


def test_the_dates_hold_at_their_very_bounds() -> None:
    authority = Authority()
    chain = authority.chain().SerializeToString()
    for now_s in (authority.leaf.not_before, authority.leaf.not_after):
        verify_chain(chain, authority.server.public, authority.root.public, float(now_s))


def test_a_recorded_chain_does_not_help_a_server_with_another_key() -> None:
    authority = Authority()
    client = _client(authority)
    impostor = Responder(KeyPair.generate(), authority.chain().SerializeToString())
    with pytest.raises(certificates.KeyMismatch):
        client.finish(impostor.hello(client.hello()), PAYLOAD)


def test_a_hello_that_answers_another_client_is_undecryptable() -> None:
    authority = Authority()
    server = Responder(authority.server, authority.chain().SerializeToString())
    hello = server.hello(_client(authority).hello())
    other = _client(authority)
    other.hello()
    with pytest.raises(Undecryptable):
        other.finish(hello, PAYLOAD)


def _hello(**parts: bytes) -> bytes:
    whole = {"ephemeral": KeyPair.generate().public, "static": bytes(48), "payload": bytes(99)}
    hello = HandshakeMessage.ServerHello(**(whole | parts))
    return HandshakeMessage(server_hello=hello).SerializeToString()


@pytest.mark.parametrize(
    ("hello", "error"),
    [
        pytest.param(b"\xff\xff", MalformedHello, id="junk"),
        pytest.param(b"", MalformedHello, id="empty"),
        pytest.param(_hello(ephemeral=bytes(31)), MalformedHello, id="short ephemeral"),
        pytest.param(_hello(static=b""), MalformedHello, id="no static"),
        pytest.param(_hello(payload=b""), MalformedHello, id="no payload"),
        pytest.param(_hello(ephemeral=bytes(32)), CurveError, id="small order"),
        pytest.param(_hello(static=b"short"), Undecryptable, id="static shorter than a tag"),
        pytest.param(_hello(), Undecryptable, id="static of nobody"),
    ],
)
def test_a_broken_hello_is_refused(hello: bytes, error: type[Exception]) -> None:
    client = _client(Authority())
    client.hello()
    with pytest.raises(error):
        client.finish(hello, PAYLOAD)


def test_steps_out_of_order_are_a_bug_of_the_caller() -> None:
    client = _client(Authority())
    with pytest.raises(WrongTurn):
        client.finish(b"", PAYLOAD)
    client.hello()
    with pytest.raises(WrongTurn):
        client.hello()
    with pytest.raises(MalformedHello):
        client.finish(b"", PAYLOAD)
    with pytest.raises(WrongTurn):
        client.finish(b"", PAYLOAD)
