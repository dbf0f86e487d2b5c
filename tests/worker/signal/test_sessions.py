"""1:1 sessions between two peers of our own: what the interop scenarios can't show."""

from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import SignalError
from tests.worker.signal.peer import OurPeer
from worker.signal import PreKeySignalMessage, SessionRecord, session
from worker.signal.errors import (
    DuplicateMessage,
    InvalidKey,
    InvalidMac,
    InvalidSignature,
    MalformedMessage,
    MalformedRecord,
    NoSession,
    StaleMessage,
    TooFarAhead,
    UnknownPreKey,
)
from worker.signal.messages import SignalMessage
from worker.signal.record import MAX_ARCHIVED_STATES, MAX_RECEIVER_CHAINS, Chain
from worker.signal.skipped import MAX_SKIPPED_KEYS
from worker.wire.curve import KeyPair

A, B = "alice", "bob"


def started() -> tuple[OurPeer, OurPeer]:
    a, b = OurPeer(), OurPeer()
    a.start(B, b.bundle())
    return a, b


def answered() -> tuple[OurPeer, OurPeer]:
    a, b = started()
    b.decrypt(A, *a.encrypt(B, b"first"))
    a.decrypt(B, *b.encrypt(A, b"answer"))
    return a, b


def record(peer: OurPeer, name: str) -> SessionRecord:
    found = peer.record(name)
    assert found is not None
    return found


def turns(a: OurPeer, b: OurPeer, count: int) -> None:
    for _ in range(count):
        assert b.decrypt(A, *a.encrypt(B, b"there")) == b"there"
        assert a.decrypt(B, *b.encrypt(A, b"back")) == b"back"


def test_one_time_pre_key_is_reported_once_and_only_when_a_session_is_made() -> None:
    a, b = started()
    first, second = a.encrypt(B, b"one")[1], a.encrypt(B, b"two")[1]
    made, _, used = session.decrypt_pre_key_message(None, b.ours, first, b)
    assert used == b.pre_key_ids()[0]
    _, plaintext, used = session.decrypt_pre_key_message(made, b.ours, second, b)
    assert (plaintext, used) == (b"two", None)


def test_repeated_start_after_its_pre_key_is_gone_is_a_duplicate() -> None:
    a, b = started()
    message = a.encrypt(B, b"first")
    b.decrypt(A, *message)
    with pytest.raises(DuplicateMessage):
        b.decrypt(A, *message)


def test_start_with_a_pre_key_that_is_gone_is_named_so() -> None:
    a, b = started()
    b.pre_keys.clear()
    with pytest.raises(UnknownPreKey, match="one-time pre-key 100"):
        b.decrypt(A, *a.encrypt(B, b"first"))


def test_start_with_an_unknown_signed_pre_key_is_named_so() -> None:
    a, b = started()
    state = record(a, B).current
    assert state is not None
    assert state.pending is not None
    pending = replace(state.pending, signed_pre_key_id=9)
    a.sessions[B] = SessionRecord(replace(state, pending=pending)).encode()
    with pytest.raises(UnknownPreKey, match="signed pre-key 9"):
        b.decrypt(A, *a.encrypt(B, b"first"))


def test_peers_identity_is_known_before_and_after_decrypting() -> None:
    a, b = started()
    _, data = a.encrypt(B, b"first")
    assert PreKeySignalMessage.parse(data).identity_key == a.ours.key_pair.public
    made, _, _ = session.decrypt_pre_key_message(None, b.ours, data, b)
    assert made.remote_identity == a.ours.key_pair.public
    assert record(a, B).remote_identity == b.ours.key_pair.public


def test_known_base_key_under_another_identity_is_refused() -> None:
    a, b = started()
    b.decrypt(A, *a.encrypt(B, b"first"))
    message = PreKeySignalMessage.parse(a.encrypt(B, b"second")[1])
    forged = replace(message, identity_key=KeyPair.generate().public).serialize()
    with pytest.raises(MalformedMessage, match="another identity"):
        b.decrypt(A, "pkmsg", forged)


def test_bundle_whose_key_is_signed_by_another_is_refused_and_nothing_is_started() -> None:
    a, b = OurPeer(), OurPeer()
    bundle = replace(b.bundle(), identity_key=OurPeer().ours.key_pair.public)
    with pytest.raises(InvalidSignature):
        a.start(B, bundle)
    with pytest.raises(NoSession):
        a.encrypt(B, b"x")


def test_bundle_with_a_one_time_key_of_small_order_is_refused() -> None:
    a, b = OurPeer(), OurPeer()
    with pytest.raises(InvalidKey):
        a.start(B, replace(b.bundle(), pre_key=bytes(32)))


@pytest.mark.parametrize("part", ["identity_key", "signed_pre_key", "pre_key", "signature"])
def test_bundle_with_a_part_of_another_length_is_refused(part: str) -> None:
    a, b = OurPeer(), OurPeer()
    bundle = b.bundle()
    with pytest.raises((InvalidKey, InvalidSignature)):
        a.start(B, replace(bundle, **{part: getattr(bundle, part)[:-1]}))


def test_errors_leave_the_record_as_it_was() -> None:
    a, b = answered()
    kind, data = a.encrypt(B, b"x")
    before = b.sessions[A]
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises(SignalError):
            b.decrypt(A, kind, changed)
    assert b.sessions[A] == before
    assert b.decrypt(A, kind, data) == b"x"


def test_the_most_messages_that_can_be_skipped_and_one_more() -> None:
    a, b = answered()
    messages = [a.encrypt(B, b"%d" % n) for n in range(MAX_SKIPPED_KEYS + 2)]
    with pytest.raises(TooFarAhead):
        b.decrypt(A, *messages[-1])
    assert b.decrypt(A, *messages[-2]) == b"%d" % MAX_SKIPPED_KEYS
    assert b.decrypt(A, *messages[-1]) == b"%d" % (MAX_SKIPPED_KEYS + 1)
    for n in (0, 1, MAX_SKIPPED_KEYS - 1):
        assert b.decrypt(A, *messages[n]) == b"%d" % n


def test_session_that_has_the_chain_says_what_is_wrong_with_the_message() -> None:
    """To the archived one, its counter would be too far ahead."""
    a, b = answered()
    a.start(B, b.bundle())
    b.decrypt(A, *a.encrypt(B, b"anew"))
    a.decrypt(B, *b.encrypt(A, b"answer"))
    for _ in range(MAX_SKIPPED_KEYS + 1):
        message = a.encrypt(B, b"skipped")
    b.decrypt(A, *message)
    kind, data = a.encrypt(B, b"the real one")
    with pytest.raises(InvalidMac):
        b.decrypt(A, kind, data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])


def test_message_tells_the_last_counter_of_the_chain_before() -> None:
    a, b = answered()
    for _ in range(4):
        b.decrypt(A, *a.encrypt(B, b"there"))
    a.decrypt(B, *b.encrypt(A, b"back"))
    message = SignalMessage.parse(a.encrypt(B, b"new chain")[1])
    assert (message.counter, message.previous_counter) == (0, 3)


@pytest.mark.parametrize("version", [0x23, 0x43])
def test_start_of_another_version_is_malformed(version: int) -> None:
    a, b = started()
    kind, data = a.encrypt(B, b"x")
    with pytest.raises(MalformedMessage, match="version"):
        b.decrypt(A, kind, bytes([version]) + data[1:])


def test_oldest_skipped_key_makes_room_for_the_newest() -> None:
    a, b = answered()
    oldest = a.encrypt(B, b"oldest")
    messages = [a.encrypt(B, b"%d" % n) for n in range(MAX_SKIPPED_KEYS + 1)]
    b.decrypt(A, *messages[MAX_SKIPPED_KEYS - 1])
    assert b.decrypt(A, *oldest) == b"oldest"
    a, b = answered()
    oldest = a.encrypt(B, b"oldest")
    messages = [a.encrypt(B, b"%d" % n) for n in range(MAX_SKIPPED_KEYS + 2)]
    b.decrypt(A, *messages[0])
    b.decrypt(A, *messages[-1])
    with pytest.raises(DuplicateMessage):
        b.decrypt(A, *oldest)


def test_last_receiver_chains_are_kept_and_older_ones_are_not() -> None:
    a, b = answered()
    late = []
    for _ in range(MAX_RECEIVER_CHAINS + 1):
        late.append(a.encrypt(B, b"late"))
        turns(a, b, 1)
    assert b.decrypt(A, *late[-1]) == b"late"
    assert b.decrypt(A, *late[1]) == b"late"
    with pytest.raises(InvalidMac):
        b.decrypt(A, *late[0])
    state = record(b, A).current
    assert state is not None
    assert len(state.receiver_chains) == MAX_RECEIVER_CHAINS


def test_message_behind_the_end_of_a_closed_chain_is_stale() -> None:
    a, b = answered()
    b.decrypt(A, *a.encrypt(B, b"opens the chain"))
    kept = record(b, A)
    assert kept.current is not None
    chain = kept.current.receiver_chains[-1]
    closed = replace(chain, chain=Chain(b"", chain.chain.index))
    b.sessions[A] = kept.replacing_current(kept.current.with_receiver_chain(closed)).encode()
    with pytest.raises(StaleMessage):
        b.decrypt(A, *a.encrypt(B, b"x"))


def test_simultaneous_start_with_every_later_turn_crossing_too() -> None:
    a, b = OurPeer(), OurPeer()
    a.start(B, b.bundle())
    b.start(A, a.bundle())
    for turn in range(20):
        forth, back = a.encrypt(B, b"f%d" % turn), b.encrypt(A, b"b%d" % turn)
        assert a.decrypt(B, *back) == b"b%d" % turn
        assert b.decrypt(A, *forth) == b"f%d" % turn
    turns(a, b, 3)
    assert len(record(a, B).archived) == len(record(b, A).archived) == 1


def test_archived_session_that_decrypts_is_the_one_we_answer_in() -> None:
    a, b = answered()
    former = record(b, A).current
    assert former is not None
    on_its_way = a.encrypt(B, b"on its way")
    a.start(B, b.bundle())
    b.decrypt(A, *a.encrypt(B, b"anew"))
    newer = record(b, A).current
    assert newer is not None
    assert newer.base_key != former.base_key
    b.decrypt(A, *on_its_way)
    current = record(b, A).current
    assert current is not None
    assert current.base_key == former.base_key


def test_replay_into_an_archived_session_is_a_duplicate() -> None:
    a, b = answered()
    old = a.encrypt(B, b"old")
    b.decrypt(A, *old)
    a.start(B, b.bundle())
    b.decrypt(A, *a.encrypt(B, b"anew"))
    with pytest.raises(DuplicateMessage):
        b.decrypt(A, *old)


def test_archive_keeps_the_newest_sessions() -> None:
    a, b = answered()
    for _ in range(MAX_ARCHIVED_STATES + 2):
        a.start(B, b.bundle(one_time=False))
        b.decrypt(A, *a.encrypt(B, b"anew"))
    assert len(record(a, B).archived) == len(record(b, A).archived) == MAX_ARCHIVED_STATES


def test_archived_record_reads_on_but_needs_a_new_start_to_send() -> None:
    a, b = answered()
    on_its_way = a.encrypt(B, b"on its way")
    b.sessions[A] = record(b, A).archiving_current().encode()
    with pytest.raises(NoSession):
        b.encrypt(A, b"x")
    assert b.decrypt(A, *on_its_way) == b"on its way"
    assert b.encrypt(A, b"x")[0] == "msg"


def test_message_without_any_session_is_named_so() -> None:
    a, b = answered()
    b.sessions.clear()
    with pytest.raises(NoSession):
        b.decrypt(A, *a.encrypt(B, b"x"))
    b.sessions[A] = SessionRecord().encode()
    with pytest.raises(NoSession):
        b.decrypt(A, *a.encrypt(B, b"x"))


def test_message_of_another_session_has_an_invalid_mac() -> None:
    _, b = answered()
    other, _ = answered()
    with pytest.raises(InvalidMac):
        b.decrypt(A, *other.encrypt(B, b"x"))


def test_our_own_message_reflected_to_us_is_refused() -> None:
    a, _ = answered()
    with pytest.raises(InvalidMac):
        a.decrypt(B, *a.encrypt(B, b"x"))


@pytest.mark.parametrize("data", [b"", b"\x33", b"\x33" * 8, b"\x22" + bytes(40), bytes(200)])
@pytest.mark.parametrize("kind", ["msg", "pkmsg"])
def test_bytes_that_are_no_message_are_malformed(kind: str, data: bytes) -> None:
    _, b = answered()
    with pytest.raises(MalformedMessage):
        b.decrypt(A, kind, data)


@given(data=st.binary(max_size=200))
@settings(deadline=None)
def test_arbitrary_bytes_give_an_error_of_ours_or_nothing(data: bytes) -> None:
    _, b = _ANSWERED
    for kind in ("msg", "pkmsg"):
        with pytest.raises(SignalError):
            b.decrypt(A, kind, b"\x33" + data)


@pytest.mark.parametrize("data", [b"\x0a\x01\x00", b"\xff", b"\x0a\x02\x0a\x00"])
def test_damaged_record_is_named_so(data: bytes) -> None:
    with pytest.raises(MalformedRecord):
        SessionRecord.decode(data)


def test_record_survives_storage_byte_for_byte() -> None:
    a, b = answered()
    a.encrypt(B, b"skipped")
    b.decrypt(A, *a.encrypt(B, b"x"))
    b.start(A, a.bundle(one_time=False))
    for peer, name in ((a, B), (b, A)):
        assert SessionRecord.decode(peer.sessions[name]) == record(peer, name)
        assert record(peer, name).encode() == peer.sessions[name]


@given(script=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=40))
@settings(deadline=None, max_examples=60)
def test_any_interleaving_with_any_delays_is_read_once(script: list[tuple[bool, int]]) -> None:
    a, b = OurPeer(), OurPeer()
    a.start(B, b.bundle())
    b.start(A, a.bundle())
    waiting: dict[bool, list[tuple[tuple[str, bytes], bytes]]] = {True: [], False: []}
    ends = {True: (a, B, b, A), False: (b, A, a, B)}
    for number, (from_a, arriving) in enumerate(script):
        sender, to, receiver, origin = ends[from_a]
        waiting[from_a].append((sender.encrypt(to, b"%d" % number), b"%d" % number))
        for _ in islice(iter(waiting[from_a].__len__, 0), arriving):
            message, text = waiting[from_a].pop(arriving % len(waiting[from_a]))
            assert receiver.decrypt(origin, *message) == text
            with pytest.raises(DuplicateMessage):
                receiver.decrypt(origin, *message)


_ANSWERED = answered()
