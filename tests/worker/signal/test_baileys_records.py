"""What Baileys itself wrote is read: its ciphertexts decrypt with its own stored sessions."""

import base64
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from worker.proto import e2e_pb2
from worker.signal import OwnIdentity, groups, padding, session
from worker.signal.baileys_records import BaileysRecordError, sender_key_record, session_record
from worker.signal.errors import DuplicateMessage
from worker.signal.record import MAX_RECEIVER_CHAINS, SessionRecord
from worker.wire.curve import KeyPair

FOLDER = Path(__file__).parents[2] / "fixtures" / "baileys-auth"
VECTORS: dict[str, Any] = json.loads((FOLDER / "vectors.json").read_text())
GROUP = "120363000000000042@g.us"
# The sender in the vectors: where his session is in alice's folder.
SESSIONS = {
    "15550000002:3@s.whatsapp.net": "200000000000002_1.3",
    "15550000003:1@s.whatsapp.net": "15550000003.1",
}


def load(who: str, name: str) -> Any:
    return json.loads((FOLDER / who / f"{name}.json").read_text())


def identity(who: str) -> OwnIdentity:
    creds = load(who, "creds")
    private = base64.b64decode(creds["signedIdentityKey"]["private"]["data"])
    return OwnIdentity(KeyPair.from_private(private), creds["registrationId"])


def sender_states(who: str, sender: str) -> Any:
    wrapped = load(who, f"sender-key-{GROUP}--{sender}")
    return json.loads(base64.b64decode(wrapped["data"]))


class Pairs:
    """The pre-keys of a folder."""

    def __init__(self, who: str) -> None:
        self.who = who

    def signed_pre_key(self, key_id: int) -> KeyPair | None:
        stored = load(self.who, "creds")["signedPreKey"]
        assert stored["keyId"] == key_id
        return KeyPair.from_private(base64.b64decode(stored["keyPair"]["private"]["data"]))

    def pre_key(self, key_id: int) -> KeyPair | None:
        if not (FOLDER / self.who / f"pre-key-{key_id}.json").exists():
            return None
        stored = load(self.who, f"pre-key-{key_id}")
        return KeyPair.from_private(base64.b64decode(stored["private"]["data"]))


def conversation(padded: bytes) -> str:
    return e2e_pb2.Message.FromString(padding.unpad(padded)).conversation


def test_every_direct_message_of_the_vectors_decrypts_once() -> None:
    alice = identity("alice")
    records = {name: session_record(load("alice", f"session-{name}")) for name in SESSIONS.values()}
    for vector in VECTORS["to_alice_dm"]:
        name, data = SESSIONS[vector["from"]], base64.b64decode(vector["ciphertext"])
        record = SessionRecord.decode(records[name].encode())
        records[name], plaintext = decrypted(record, alice, vector["type"], data)
        assert conversation(plaintext) == vector["conversation"]
        with pytest.raises(DuplicateMessage):
            decrypted(records[name], alice, vector["type"], data)


def decrypted(
    record: SessionRecord, ours: OwnIdentity, kind: str, data: bytes
) -> tuple[SessionRecord, bytes]:
    if kind == "msg":
        return session.decrypt_message(record, ours, data)
    changed, plaintext, used = session.decrypt_pre_key_message(record, ours, data, Pairs("alice"))
    assert used is None
    return changed, plaintext


def test_every_group_message_of_the_vectors_decrypts_once() -> None:
    """One of them is out of order, and Baileys itself can't read it."""
    record = sender_key_record(sender_states("alice", "200000000000002_1--3"))
    for vector in VECTORS["to_alice_group"]:
        data = base64.b64decode(vector["ciphertext"])
        record, plaintext = groups.decrypt(record, data)
        assert conversation(plaintext) == vector["conversation"]
        with pytest.raises(DuplicateMessage):
            groups.decrypt(record, data)


def test_sessions_of_two_folders_talk_to_each_other() -> None:
    alice, bob = identity("alice"), identity("bob")
    of_alice = session_record(load("alice", "session-200000000000002_1.3"))
    of_bob = session_record(load("bob", "session-100000000000001_1.7"))
    for turn in range(3):
        of_alice, message = session.encrypt(of_alice, alice, b"%d" % turn)
        assert message.type == "msg"
        of_bob, plaintext = session.decrypt_message(of_bob, bob, message.data)
        assert plaintext == b"%d" % turn
        of_bob, message = session.encrypt(of_bob, bob, b"%d!" % turn)
        of_alice, plaintext = session.decrypt_message(of_alice, alice, message.data)
        assert plaintext == b"%d!" % turn


def test_sender_keys_of_two_folders_talk_to_each_other() -> None:
    """Baileys' own key reads on at the other folder; skipped ones of a sender are kept too."""
    own = sender_key_record(sender_states("alice", "100000000000001_1--7"))
    at_bob = sender_key_record(sender_states("bob", "100000000000001_1--7"))
    own, data = groups.encrypt(own, b"to the group")
    assert groups.decrypt(at_bob, data)[1] == b"to the group"
    assert groups.process_distribution(at_bob, groups.distribution(own)) == at_bob


def test_unanswered_start_without_a_one_time_key_goes_on_as_such() -> None:
    record = session_record(load("alice", "session-15550000004.0"))
    record, message = session.encrypt(record, identity("alice"), b"x")
    assert message.type == "pkmsg"
    assert record.current is not None
    assert record.current.pending is not None
    assert record.current.pending.pre_key_id is None


def test_closed_session_is_archived_and_the_open_one_is_current() -> None:
    stored = load("alice", "session-15550000003.1")
    record = session_record(stored)
    assert record.current is not None
    opened = [e for e in stored["_sessions"].values() if e["indexInfo"]["closed"] == -1]
    base = base64.b64decode(opened[0]["indexInfo"]["baseKey"])[1:]
    assert record.current.base_key == base
    assert len(record.archived) == len(stored["_sessions"]) - 1 == 1


def test_closed_session_used_last_is_the_first_of_the_archive() -> None:
    stored = load("alice", "session-15550000003.1")
    entries = list(stored["_sessions"].values())
    for used, entry in enumerate(entries, start=1):
        entry["indexInfo"].update(closed=1, used=used)
    newest_first = [e["indexInfo"]["baseKey"] for e in reversed(entries)]
    read = [
        base64.b64encode(b"\x05" + s.base_key).decode() for s in session_record(stored).states()
    ]
    assert read == newest_first


def test_last_sender_key_of_the_list_is_the_one_to_send_with() -> None:
    (own,) = sender_states("alice", "100000000000001_1--7")
    former = own | {"senderKeyId": own["senderKeyId"] - 1}
    record = sender_key_record([former, own])
    assert [state.id for state in record.states] == [own["senderKeyId"], former["senderKeyId"]]


def test_record_with_nothing_but_closed_sessions_reads_but_does_not_send() -> None:
    stored = load("alice", "session-200000000000002_1.3")
    for entry in stored["_sessions"].values():
        entry["indexInfo"]["closed"] = 1
    record = session_record(stored)
    assert record.current is None
    data = base64.b64decode(VECTORS["to_alice_dm"][0]["ciphertext"])
    _, plaintext = session.decrypt_message(record, identity("alice"), data)
    assert conversation(plaintext) == "same-chain"


def test_of_hundreds_of_chains_that_baileys_never_drops_the_newest_are_kept() -> None:
    stored = load("alice", "session-200000000000002_1.3")
    (entry,) = stored["_sessions"].values()
    newest = [name for name, chain in entry["_chains"].items() if chain["chainType"] == 2][-1]
    closed = {"chainKey": {"counter": 0}, "chainType": 2, "messageKeys": {}}
    many = {base64.b64encode(b"\x05" + os.urandom(32)).decode(): closed for _ in range(200)}
    entry["_chains"] = many | entry["_chains"]
    record = session_record(stored)
    assert record.current is not None
    assert len(record.current.receiver_chains) == MAX_RECEIVER_CHAINS
    assert record.current.receiver_chains[-1].ratchet_key == base64.b64decode(newest)[1:]


def test_previous_counter_of_a_chain_never_used_is_none() -> None:
    stored = load("alice", "session-15550000004.0")
    (entry,) = stored["_sessions"].values()
    entry["currentRatchet"]["previousCounter"] = -1
    current = session_record(stored).current
    assert current is not None
    assert replace(current).previous_counter == 0


def test_bytes_are_read_in_each_form_that_baileys_writes() -> None:
    states = sender_states("alice", "200000000000002_1--3")
    expected = sender_key_record(states)
    signing = states[0]["senderSigningKey"]
    listed = signing["public"]["data"]
    for form in (
        {"type": "Buffer", "data": base64.b64encode(bytes(listed)).decode()},
        {str(at): value for at, value in enumerate(listed)},
        base64.b64encode(bytes(listed)).decode(),
    ):
        signing["public"] = form
        assert sender_key_record(states) == expected


@pytest.mark.parametrize(
    "stored", [{}, {"_sessions": []}, {"_sessions": {"x": {}}}, {"_sessions": {"x": 1}}]
)
def test_session_of_another_layout_is_named_so(stored: Any) -> None:
    with pytest.raises(BaileysRecordError):
        session_record(stored)


@pytest.mark.parametrize("part", ["rootKey", "ephemeralKeyPair"])
def test_session_without_a_part_is_named_so(part: str) -> None:
    stored = load("alice", "session-15550000004.0")
    (entry,) = stored["_sessions"].values()
    for broken in ("AAAA", "no base64!", None):
        entry["currentRatchet"][part] = broken
        with pytest.raises(BaileysRecordError):
            session_record(stored)


def test_session_whose_sending_chain_is_closed_is_named_so() -> None:
    """Sending on without its key would use a key that everybody knows."""
    stored = load("alice", "session-15550000004.0")
    (entry,) = stored["_sessions"].values()
    for chain in entry["_chains"].values():
        del chain["chainKey"]["key"]
    with pytest.raises(BaileysRecordError):
        session_record(stored)


def test_sender_key_of_another_layout_is_named_so() -> None:
    with pytest.raises(BaileysRecordError):
        sender_key_record([{"senderKeyId": 1}])
