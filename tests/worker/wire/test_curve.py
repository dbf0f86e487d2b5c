"""Curve25519 beside OpenSSL and RFC 7748, refused keys, and signatures for both sign bits."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.wire import curve
from worker.wire.curve import CurveError, KeyPair

ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD = 2**255 - 19
# The points of small order (RFC 7748's security considerations; libsodium refuses them).
SMALL_ORDER = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    FIELD - 1,
    FIELD,
    FIELD + 1,
]


def keys_of_both_signs() -> list[KeyPair]:
    pairs = [KeyPair.generate() for _ in range(200)]
    found = {pair.sign(b"")[63] >> 7: pair for pair in pairs}
    return [found[0], found[1]]


def test_public_keys_and_agreements_are_those_of_openssl() -> None:
    for _ in range(20):
        pair, other = KeyPair.generate(), X25519PrivateKey.generate()
        theirs = other.public_key().public_bytes_raw()
        assert X25519PrivateKey.from_private_bytes(
            pair.private
        ).public_key().public_bytes_raw() == (pair.public)
        agreed = other.exchange(X25519PublicKey.from_public_bytes(pair.public))
        assert pair.agree(theirs) == agreed


def test_key_pair_of_the_rfc() -> None:
    """RFC 7748, section 5.2: one iteration of its first test, both inputs the base point."""
    base = (9).to_bytes(32, "little")
    expected = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert curve.dh(base, base).hex() == expected


@pytest.mark.parametrize("u", SMALL_ORDER)
def test_public_key_of_small_order_is_refused(u: int) -> None:
    with pytest.raises(CurveError, match="small order"):
        KeyPair.generate().agree(u.to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_keys_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(CurveError):
        KeyPair.generate().agree(bytes(length))
    with pytest.raises(CurveError):
        KeyPair.from_private(bytes(length))
    with pytest.raises(CurveError):
        curve.typed(bytes(length))
    with pytest.raises(CurveError):
        curve.sign(bytes(length), b"", bytes(64))
    assert not curve.verify(bytes(length), b"", bytes(64))


def test_typed_form_is_undone_and_other_types_are_refused() -> None:
    public = KeyPair.generate().public
    assert curve.untyped(curve.typed(public)) == public
    for wrong in (public, b"\x06" + public, b"\x05" + public + b"\x00", b""):
        with pytest.raises(CurveError):
            curve.untyped(wrong)


def test_private_key_is_not_in_the_printed_form() -> None:
    pair = KeyPair.generate()
    assert pair.private.hex() not in repr(pair)
    assert repr(pair.private) not in repr(pair)


def test_stored_private_key_gives_the_same_pair_however_it_was_clamped() -> None:
    pair = KeyPair.generate()
    loose = bytes([pair.private[0] | 7]) + pair.private[1:31] + bytes([pair.private[31] | 0x80])
    assert KeyPair.from_private(loose) == pair


@pytest.mark.parametrize("sign", [0, 1])
@given(message=st.binary(max_size=300))
@settings(deadline=None, max_examples=40)
def test_signature_verifies_and_only_for_its_message(sign: int, message: bytes) -> None:
    pair = _BOTH_SIGNS[sign]
    signature = pair.sign(message)
    assert curve.verify(pair.public, message, signature)
    assert not curve.verify(pair.public, message + b"\x00", signature)
    assert not curve.verify(KeyPair.generate().public, message, signature)


@pytest.mark.parametrize("sign", [0, 1])
def test_every_changed_bit_is_refused(sign: int) -> None:
    pair = _BOTH_SIGNS[sign]
    signature = pair.sign(b"message")
    for bit in range(512):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        assert not curve.verify(pair.public, b"message", bytes(changed)), bit


@pytest.mark.parametrize("sign", [0, 1])
def test_signature_in_the_papers_form_verifies_too(sign: int) -> None:
    """The XEdDSA paper negates the scalar of a key whose point has sign 1, and leaves bit 511 0."""
    pair = _BOTH_SIGNS[sign]
    scalar = int.from_bytes(pair.private, "little") % ORDER
    negated = ((ORDER - scalar) if sign else scalar).to_bytes(32, "little")
    point = curve._edwards_point(negated)
    assert point[31] >> 7 == 0
    nonce = curve._hash_to_scalar(os.urandom(64))
    commitment = curve._edwards_point(nonce)
    challenge = int.from_bytes(curve._hash_to_scalar(commitment, point, b"m"), "little")
    proof = int.from_bytes(nonce, "little") + challenge * int.from_bytes(negated, "little")
    signature = commitment + (proof % ORDER).to_bytes(32, "little")
    assert curve.verify(pair.public, b"m", signature)


def test_scalar_above_the_groups_order_is_refused() -> None:
    pair = _BOTH_SIGNS[0]
    signature = pair.sign(b"m")
    scalar = int.from_bytes(signature[32:], "little")
    for excess in (ORDER, 2 * ORDER, 1 << 253, 1 << 254):
        if scalar + excess < 2**255:
            changed = signature[:32] + (scalar + excess).to_bytes(32, "little")
            assert not curve.verify(pair.public, b"m", changed)


@pytest.mark.parametrize("u", SMALL_ORDER)
def test_public_key_of_small_order_signs_nothing(u: int) -> None:
    public = u.to_bytes(32, "little")
    for signature in (bytes(64), b"\x01" + bytes(63), bytes(63) + b"\x80"):
        assert not curve.verify(public, b"m", signature)


@given(public=st.binary(min_size=32, max_size=32), signature=st.binary(max_size=66))
@settings(deadline=None)
def test_arbitrary_bytes_are_refused_without_an_error(public: bytes, signature: bytes) -> None:
    assert not curve.verify(public, b"m", signature)


_BOTH_SIGNS = keys_of_both_signs()
