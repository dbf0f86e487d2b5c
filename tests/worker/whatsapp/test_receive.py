"""What arrives: from whom, into which chat, of which kind, and once."""

from pathlib import Path

import pytest

from shared import link_pb2
from tests.simulator import Direction, FaultKind, Phone, Simulator
from worker.proto import e2e_pb2
from worker.session import SessionFile
from worker.wire import Node
from worker.wire.jid import LID, PN

from .rig import Rig, answers, rig, seal, stanza_from

BOB_PN = "15550000002@s.whatsapp.net"


async def couple(sim: Simulator) -> tuple[Phone, Phone]:
    return await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")


async def message(ours: Rig, text: str) -> link_pb2.Message:
    """Wait for the message with this text."""

    def look() -> link_pb2.Message | None:
        return next((each for each in ours.listener.messages if each.text == text), None)

    return await ours.listener.wait_for(look)


def enc_types(sim: Simulator, message_id: str) -> list[str]:
    """Return how a message to our devices was encrypted."""
    sent = sim.record.nodes("message", direction=Direction.SENT)
    return [
        enc.attrs["type"]
        for node in sent
        if node.attrs["id"] == message_id
        for enc in node.children("enc")
    ]


async def test_a_text_from_a_person_says_who_wrote_it_where_and_when(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        first = bob.send(ann, "first")
        got = await message(ours, "first")
        assert got.id == first
        assert (got.chat, got.chat_lid) == (BOB_PN, str(bob.lid))
        assert (got.sender, got.sender_lid, got.sender_device) == (BOB_PN, str(bob.lid), 0)
        assert (got.kind, got.from_me, got.offline, got.push_name) == ("text", False, False, "Bob")
        assert got.timestamp_ms % 1000 == 0
        assert got.timestamp_ms == pytest.approx(sim.hub.now_s() * 1000, abs=5000)
        assert e2e_pb2.Message.FromString(got.content).conversation == "first"

        second = bob.send(ann, "second")
        await message(ours, "second")
        assert (enc_types(sim, first), enc_types(sim, second)) == (["pkmsg"], ["pkmsg"])
        await ours.send(BOB_PN, "an answer ends the start")
        await bob.wait_received("an answer ends the start")
        third = bob.send(ann, "third")
        await message(ours, "third")
        assert enc_types(sim, third) == ["msg"]
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


async def test_messages_of_one_session_may_come_in_any_order(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        stanzas = [seal(bob, device, e2e_pb2.Message(conversation=f"{i}")) for i in range(8)]
        for i in (7, 3, 0, 6, 1, 2, 5, 4):
            device.mailbox.post(stanzas[i])
        await ours.listener.wait_for(lambda: len(ours.listener.messages) == 8)
        assert ours.listener.texts == list("73061254")
    assert sim.record.retry_receipts() == []


async def test_a_replayed_ciphertext_is_not_stored_again_whatever_its_id(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        honest = seal(bob, device, e2e_pb2.Message(conversation="pay me"))
        device.mailbox.post(honest)
        await message(ours, "pay me")
        replayed = Node("message", {**honest.attrs, "id": "3AFFFF"}, honest.content)
        device.mailbox.post(replayed)
        bob.send(ann, "after")
        await message(ours, "after")
        await sim.wait_settled()
        assert ours.listener.texts == ["pay me", "after"]
        assert ours.listener.missing == []
        assert len(answers(sim, "3AFFFF")) == 1
    # It might be a message whose sender used a key twice: he is asked, and never wrote it.
    assert [node.attrs["id"] for node in sim.record.retry_receipts()] == ["3AFFFF"]


async def test_two_people_may_use_one_message_id(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    eve = await sim.phone("15550000003", "Eve")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        for phone in (bob, eve):
            text = e2e_pb2.Message(conversation=f"from {phone.account.name}")
            device.mailbox.post(seal(phone, device, text, id="3ASAME"))
        await ours.listener.wait_for(lambda: len(ours.listener.messages) == 2)
        assert sorted(ours.listener.texts) == ["from Bob", "from Eve"]


async def test_both_addresses_of_a_person_are_one_chat_and_one_session(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        texts = []
        for number, server in enumerate((PN, LID, PN, LID)):
            bob.addressing = server
            bob.send(ann, f"{number} by {server}")
            texts.append(f"{number} by {server}")
            await message(ours, texts[-1])
        await ours.send(BOB_PN, "by number")
        await ours.send(str(bob.lid), "by lid")
        assert (await bob.wait_received("by number")).text
        assert (await bob.wait_received("by lid")).text
        bob.send(ann, "and back")
        await message(ours, "and back")

        assert {got.chat for got in ours.listener.messages} == {BOB_PN}
        with ours.file.unit() as unit:
            addresses = [at for at in unit.sessions.addresses() if at.startswith(bob.account.lid)]
            assert addresses == [f"{bob.account.lid}_1.0"]
            assert not [a for a in unit.sessions.addresses() if a.startswith(bob.number)]
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


async def test_a_session_begun_by_number_moves_when_the_lid_is_learned(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        nameless = seal(bob, device, e2e_pb2.Message(conversation="by number only"))
        attrs = {k: v for k, v in nameless.attrs.items() if k != "sender_pn"}
        device.mailbox.post(
            Node(
                "message",
                {**attrs, "from": str(bob.jid), "addressing_mode": "pn"},
                nameless.content,
            )
        )
        first = await message(ours, "by number only")
        assert (first.chat, first.chat_lid) == (BOB_PN, "")
        with ours.file.unit() as unit:
            assert unit.sessions.addresses(bob.number) == [f"{bob.number}.0"]

        device.mailbox.post(seal(bob, device, e2e_pb2.Message(conversation="by lid")))
        second = await message(ours, "by lid")
        assert (second.chat, second.chat_lid) == (BOB_PN, str(bob.lid))
        with ours.file.unit() as unit:
            assert unit.sessions.addresses(bob.number) == []
        pairs = [e.lid_pair for e in ours.listener.events if e.HasField("lid_pair")]
        assert (str(bob.lid), BOB_PN) in [(pair.lid, pair.pn) for pair in pairs]
    assert sim.record.retry_receipts() == []


async def test_a_lid_learned_later_does_not_double_or_move_a_repeated_message(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        whole = seal(bob, device, e2e_pb2.Message(conversation="once"))
        unknown = {k: v for k, v in whole.attrs.items() if k != "sender_pn"}
        device.mailbox.post(Node("message", unknown, whole.content))
        first = await message(ours, "once")
        assert first.chat == str(bob.lid)

        device.mailbox.post(whole)  # the same, now with the number beside it
        await sim.wait_settled()
        by_number = {**unknown, "from": str(bob.jid), "sender_lid": str(bob.lid)}
        device.mailbox.post(Node("message", by_number, whole.content))
        await sim.wait_settled()
        assert ours.listener.texts == ["once"]
        assert ours.listener.missing == []
    assert sim.record.retry_receipts() == []


async def test_what_our_own_phone_sends_stands_in_the_chat_it_went_to(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        message_id = ann.send(bob, "from the phone")
        got = await message(ours, "from the phone")
        assert got.from_me
        assert (got.chat, got.chat_lid) == (BOB_PN, str(bob.lid))
        assert got.sender == str(ann.jid)
        assert got.sender_device == 0
        await sim.wait_settled()
        receipt = answers(sim, message_id)[0]  # then come acks of Bob's receipts for it
        assert receipt.attrs["type"] == "sender"
        assert receipt.attrs["recipient"] == str(bob.lid)
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


async def test_a_stranger_can_not_speak_in_our_name(
    sim: Simulator, session: Path, log_lines: list[str]
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        forged = e2e_pb2.Message()
        forged.device_sent_message.destination_jid = "15550000009@s.whatsapp.net"
        forged.device_sent_message.message.conversation = "I quit"
        bob.send_message(ann, forged)
        bob.send(ann, "after")
        await message(ours, "after")
        assert ours.listener.texts == ["after"]
        assert any("device_sent_by_stranger" in line for line in log_lines)


KEY_SHARE = e2e_pb2.Message(
    protocol_message=e2e_pb2.ProtocolMessage(
        type=e2e_pb2.APP_STATE_SYNC_KEY_SHARE,
        app_state_sync_key_share=e2e_pb2.AppStateSyncKeyShare(
            keys=[
                e2e_pb2.AppStateSyncKey(
                    key_id=e2e_pb2.AppStateSyncKeyId(key_id=b"\0\0\0\0\0\1"),
                    key_data=e2e_pb2.AppStateSyncKeyData(key_data=b"k" * 32, timestamp=1),
                )
            ]
        ),
    )
)
HISTORY = e2e_pb2.Message(
    protocol_message=e2e_pb2.ProtocolMessage(
        type=e2e_pb2.HISTORY_SYNC_NOTIFICATION,
        history_sync_notification=e2e_pb2.HistorySyncNotification(file_length=5),
    )
)


def kept_keys(ours: Rig) -> int:
    with ours.file.unit() as unit:
        return len(unit.carried.all("app-state-sync-key"))


@pytest.mark.parametrize("housekeeping", [KEY_SHARE, HISTORY], ids=["key share", "history"])
async def test_housekeeping_of_a_stranger_is_dropped(
    sim: Simulator, session: Path, housekeeping: e2e_pb2.Message
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        message_id = bob.send_message(ann, housekeeping)
        bob.send(ann, "after")
        await message(ours, "after")
        await sim.wait_settled()
        assert ours.listener.texts == ["after"]
        assert kept_keys(ours) == 0
        types = [answer.attrs.get("type") for answer in answers(sim, message_id)]
        assert types == [None]
    assert sim.record.broken() == []


async def test_housekeeping_of_our_own_phone_is_kept_and_shown_to_nobody(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        to_us = {"from": str(ann.lid), "category": "peer"}
        share = seal(ann, device, KEY_SHARE, **to_us)
        history = seal(ann, device, HISTORY, **to_us)
        for stanza in (share, history):
            device.mailbox.post(stanza)
        bob.send(ann, "after")
        await message(ours, "after")
        await sim.wait_settled()
        assert ours.listener.texts == ["after"]
        assert kept_keys(ours) == 1
        (told,) = answers(sim, share.attrs["id"])
        assert told.attrs["type"] == "peer_msg"
        both = [answer.attrs["type"] for answer in answers(sim, history.attrs["id"])]
        assert both == ["peer_msg", "hist_sync"]
    assert sim.record.broken() == []


async def test_a_message_that_is_no_protobuf_is_refused_as_such(
    sim: Simulator, session: Path, log_lines: list[str]
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        bad = seal(bob, device, b"\xff\xff\xff\xff")
        device.mailbox.post(bad)
        bob.send(ann, "after")
        await message(ours, "after")
        await sim.wait_settled()
        (answer,) = answers(sim, bad.attrs["id"])
        assert (answer.tag, answer.attrs["error"]) == ("ack", "491")
        assert len([line for line in log_lines if "message_not_understood" in line]) == 1
        assert ours.listener.texts == ["after"]
    assert sim.record.retry_receipts() == []


async def test_what_only_the_phone_may_show_leaves_a_place(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        hidden = stanza_from(bob, [Node("unavailable", {"type": "view_once"})])
        ann.companions[0].mailbox.post(hidden)
        (place,) = await ours.listener.wait_for(lambda: ours.listener.missing)
        assert (place.id, place.chat, place.reason) == (hidden.attrs["id"], BOB_PN, "Unavailable")
        await sim.wait_settled()
        (answer,) = answers(sim, hidden.attrs["id"])
        assert (answer.tag, answer.attrs.get("error")) == ("ack", None)
    assert sim.record.broken() == []


async def test_what_a_bot_answers_leaves_a_place(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        answered = stanza_from(bob, [Node("enc", {"v": "2", "type": "msmsg"}, b"x")])
        ann.companions[0].mailbox.post(answered)
        (place,) = await ours.listener.wait_for(lambda: ours.listener.missing)
        assert place.reason == "MessageOfABot"
        await sim.wait_settled()
        (answer,) = answers(sim, answered.attrs["id"])
        assert answer.attrs["error"] == "495"
    assert sim.record.retry_receipts() == []


async def test_a_newsletter_is_acknowledged_and_not_kept(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        news = stanza_from(bob, [Node("plaintext", {}, b"news")], **{"from": "12036300@newsletter"})
        ann.companions[0].mailbox.post(news)
        await sim.wait_settled()
        (answer,) = answers(sim, news.attrs["id"])
        assert (answer.tag, answer.attrs.get("error")) == ("ack", None)
        assert ours.listener.events == []


async def test_a_status_is_told_apart_from_a_chat(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        honest = seal(bob, device, e2e_pb2.Message(conversation="my status"))
        attrs = {**honest.attrs, "from": "status@broadcast", "participant": str(bob.lid)}
        device.mailbox.post(Node("message", attrs, honest.content))
        got = await message(ours, "my status")
        assert got.chat == "status@broadcast"
        assert got.sender in (BOB_PN, str(bob.lid))


async def test_a_session_file_opened_later_has_what_arrived(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session, store_open=False, store_ack_wait_s=0.05) as ours:
        await ours.pair(ann)
        bob.send(ann, "on disk")
        await ours.listener.wait_for(lambda: ours.listener.waiting)
        clock = ours.file._clock
    with SessionFile.open(session, clock) as file, file.unit() as unit:
        events = [link_pb2.Event.FromString(row.payload) for row in unit.spool.waiting(10)]
    assert "on disk" in [event.message.text for event in events]


async def test_a_message_sent_again_after_a_lost_receipt_is_known(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        bob.send(ann, "warm")
        await message(ours, "warm")
        await sim.wait_settled()
        sim.faults.plan(FaultKind.DROP_AFTER, 1, phone=ann.number)
        stanza = seal(bob, device, e2e_pb2.Message(conversation="repeated"))
        device.mailbox.post(stanza)
        await message(ours, "repeated")
        device.mailbox.post(stanza)
        await sim.wait_settled()
        bob.send(ann, "after")
        await message(ours, "after")
        assert ours.listener.texts == ["warm", "repeated", "after"]
    assert sim.record.retry_receipts() == []


async def test_a_pair_learned_by_writing_is_told_to_the_store(
    sim: Simulator, session: Path
) -> None:
    """Or the conversation that began under a LID would never be joined with the number's."""
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        whole = seal(bob, device, e2e_pb2.Message(conversation="who am I?"))
        nameless = {k: v for k, v in whole.attrs.items() if k != "sender_pn"}
        device.mailbox.post(Node("message", nameless, whole.content))
        assert (await message(ours, "who am I?")).chat == str(bob.lid)
        await ours.send(BOB_PN, "now I know")
        bob.send(ann, "good")
        assert (await message(ours, "good")).chat == BOB_PN
        pairs = [e.lid_pair for e in ours.listener.events if e.HasField("lid_pair")]
        assert (str(bob.lid), BOB_PN) in [(pair.lid, pair.pn) for pair in pairs]
    assert sim.record.retry_receipts() == []
