import pytest

from worker.wire import noise
from worker.wire.noise import (
    CounterExhausted,
    KeyMissing,
    NoiseState,
    TransportCipher,
    Undecryptable,
)


def test_a_cipher_counts_its_messages() -> None:
    sender, receiver = TransportCipher(bytes(32)), TransportCipher(bytes(32))
    first, second = sender.encrypt(b"same"), sender.encrypt(b"same")
    assert first != second
    assert [receiver.decrypt(first), receiver.decrypt(second)] == [b"same", b"same"]


def test_a_repeated_or_reordered_message_is_refused() -> None:
    sender, receiver = TransportCipher(bytes(32)), TransportCipher(bytes(32))
    first = sender.encrypt(b"x")
    receiver.decrypt(first)
    with pytest.raises(Undecryptable):
        receiver.decrypt(first)


@pytest.mark.parametrize("size", [0, 1, 15, 16])
def test_a_message_without_a_valid_tag_is_refused(size: int) -> None:
    with pytest.raises(Undecryptable):
        TransportCipher(bytes(32)).decrypt(bytes(size))


def test_the_nonce_is_the_counter_in_the_last_four_bytes() -> None:
    cipher = TransportCipher(bytes(32))
    cipher._counter = 0x01020304
    assert cipher._nonce() == bytes(8) + b"\x01\x02\x03\x04"


def test_a_used_up_counter_never_wraps_around() -> None:
    cipher = TransportCipher(bytes(32))
    cipher._counter = 0xFFFF_FFFF
    cipher.encrypt(b"last")
    with pytest.raises(CounterExhausted):
        cipher.encrypt(b"one more")


def test_nothing_is_encrypted_before_a_key_is_agreed() -> None:
    state = NoiseState(b"prologue")
    with pytest.raises(KeyMissing):
        state.encrypt(b"x")
    with pytest.raises(KeyMissing):
        state.decrypt(bytes(32))


def test_the_first_hash_is_the_padded_name_itself() -> None:
    assert len(noise.PATTERN) == 32
    assert noise.PATTERN.rstrip(b"\0") == b"Noise_XX_25519_AESGCM_SHA256"


def test_different_prologues_do_not_understand_each_other() -> None:
    states = NoiseState(b"one"), NoiseState(b"two")
    for state in states:
        state.mix_key(bytes(32))
    with pytest.raises(Undecryptable):
        states[1].decrypt(states[0].encrypt(b"x"))


def test_the_running_hash_binds_the_order_of_fields() -> None:
    sender, receiver = NoiseState(b"p"), NoiseState(b"p")
    for state in (sender, receiver):
        state.mix_key(bytes(32))
    sender.encrypt(b"first")
    second = sender.encrypt(b"second")
    with pytest.raises(Undecryptable):
        receiver.decrypt(second)
