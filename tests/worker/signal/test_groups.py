"""Sender keys between peers of our own."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import SignalError
from tests.worker.signal.peer import OurPeer
from worker.signal import SenderKeyRecord, groups
from worker.signal.errors import (
    DuplicateMessage,
    InvalidSignature,
    MalformedMessage,
    MalformedRecord,
    NoSenderKey,
    TooFarAhead,
)
from worker.signal.messages import SenderKeyDistributionMessage
from worker.signal.sender_record import MAX_SENDER_KEY_STATES
from worker.signal.skipped import MAX_SKIPPED_KEYS

GROUP, A = "120363000000000001@g.us", "alice"


def joined() -> tuple[OurPeer, OurPeer]:
    a, b = OurPeer(), OurPeer()
    b.process_group(GROUP, A, a.create_group(GROUP, A))
    return a, b


def sent(a: OurPeer, count: int) -> list[bytes]:
    return [a.encrypt_group(GROUP, A, b"%d" % n) for n in range(count)]


def test_out_of_order_then_each_replay_is_a_duplicate() -> None:
    a, b = joined()
    messages = sent(a, 5)
    for n in (3, 0, 4, 2, 1):
        assert b.decrypt_group(GROUP, A, messages[n]) == b"%d" % n
    for message in messages:
        with pytest.raises(DuplicateMessage):
            b.decrypt_group(GROUP, A, message)


def test_the_most_messages_that_can_be_skipped_and_one_more() -> None:
    a, b = joined()
    messages = sent(a, MAX_SKIPPED_KEYS + 2)
    with pytest.raises(TooFarAhead):
        b.decrypt_group(GROUP, A, messages[-1])
    assert b.decrypt_group(GROUP, A, messages[-2]) == b"%d" % MAX_SKIPPED_KEYS
    assert b.decrypt_group(GROUP, A, messages[0]) == b"0"


def test_every_changed_byte_is_refused_and_the_record_stays() -> None:
    a, b = joined()
    (data,) = sent(a, 1)
    before = b.sender_keys[GROUP, A]
    for at in range(len(data)):
        with pytest.raises(SignalError):
            b.decrypt_group(GROUP, A, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    assert b.sender_keys[GROUP, A] == before
    assert b.decrypt_group(GROUP, A, data) == b"0"


def test_message_signed_by_another_member_is_refused() -> None:
    a, b = joined()
    key = a.sender_key(GROUP, A)
    assert key is not None
    other = groups.create().states[0]
    forged = replace(key.states[0], signing_private=other.signing_private)
    _, data = groups.encrypt(SenderKeyRecord((forged,)), b"forged")
    with pytest.raises(InvalidSignature):
        b.decrypt_group(GROUP, A, data)


def test_message_of_a_key_that_was_never_distributed_is_named_so() -> None:
    a, b = joined()
    with pytest.raises(NoSenderKey):
        OurPeer().decrypt_group(GROUP, A, sent(a, 1)[0])
    a.leave_group()
    a.create_group(GROUP, A)
    with pytest.raises(NoSenderKey):
        b.decrypt_group(GROUP, A, sent(a, 1)[0])


def test_a_reader_can_not_send_with_the_senders_key() -> None:
    _, b = joined()
    with pytest.raises(NoSenderKey):
        b.encrypt_group(GROUP, A, b"x")
    with pytest.raises(NoSenderKey):
        groups.distribution(b.sender_key(GROUP, A))
    with pytest.raises(NoSenderKey):
        groups.encrypt(None, b"x")


def test_repeated_distribution_keeps_the_place_in_the_chain() -> None:
    a, b = joined()
    early = a.create_group(GROUP, A)
    messages = sent(a, 3)
    b.decrypt_group(GROUP, A, messages[2])
    b.process_group(GROUP, A, early)
    b.process_group(GROUP, A, a.create_group(GROUP, A))
    with pytest.raises(DuplicateMessage):
        b.decrypt_group(GROUP, A, messages[2])
    assert b.decrypt_group(GROUP, A, messages[0]) == b"0"


def test_distribution_beyond_what_can_be_skipped_moves_the_chain_on() -> None:
    a, b = joined()
    sent(a, MAX_SKIPPED_KEYS + 5)
    b.process_group(GROUP, A, a.create_group(GROUP, A))
    assert b.decrypt_group(GROUP, A, a.encrypt_group(GROUP, A, b"now")) == b"now"


def test_same_id_with_another_signing_key_replaces_the_former_key() -> None:
    a, b = joined()
    message = SenderKeyDistributionMessage.parse(a.create_group(GROUP, A))
    other = groups.create().states[0]
    b.process_group(GROUP, A, replace(message, signing_key=other.signing_public).serialize())
    record = b.sender_key(GROUP, A)
    assert record is not None
    assert [state.signing_public for state in record.states] == [other.signing_public]


def test_rotation_keeps_the_last_keys_readable_and_drops_older_ones() -> None:
    b = OurPeer()
    senders = [OurPeer() for _ in range(MAX_SENDER_KEY_STATES + 1)]
    messages = []
    for sender in senders:
        b.process_group(GROUP, A, sender.create_group(GROUP, A))
        messages.append(sent(sender, 1)[0])
    for message in messages[1:]:
        assert b.decrypt_group(GROUP, A, message) == b"0"
    with pytest.raises(NoSenderKey):
        b.decrypt_group(GROUP, A, messages[0])


def test_rotated_keys_share_nothing() -> None:
    first, second = groups.create().states[0], groups.create().states[0]
    assert first.id != second.id
    assert first.chain.key != second.chain.key
    assert first.signing_public != second.signing_public
    assert 0 <= first.id < 2**31


def test_record_survives_storage() -> None:
    a, b = joined()
    b.decrypt_group(GROUP, A, sent(a, 4)[3])
    for peer in (a, b):
        record = peer.sender_key(GROUP, A)
        assert record is not None
        assert record.encode() == peer.sender_keys[GROUP, A]


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x02\x08\x01"])
def test_damaged_record_is_named_so(data: bytes) -> None:
    with pytest.raises(MalformedRecord):
        SenderKeyRecord.decode(data)


@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_give_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(SignalError):
        groups.decrypt(None, b"\x33" + data)


@pytest.mark.parametrize("data", [b"", b"\x33", b"\x33\x08\x01", b"\x23" + bytes(100)])
def test_bytes_that_are_no_distribution_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        groups.process_distribution(None, data)
