"""Sending: to every device, once, in order, and the same bytes however often it takes."""

import asyncio
from pathlib import Path

import pytest

from shared import link_pb2
from tests.simulator import Direction, FaultKind, Phone, Rule, Simulator
from worker.wire import Node, encode

from .rig import Rig, rig

BOB = "15550000002@s.whatsapp.net"
SENT = link_pb2.SendResult.SENT
REFUSED = link_pb2.SendResult.REFUSED
UNAVAILABLE = link_pb2.SendResult.UNAVAILABLE


async def couple(sim: Simulator) -> tuple[Phone, Phone]:
    return await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")


def stanzas(sim: Simulator, message_id: str) -> list[Node]:
    """Return every stanza that came from us with this id, answers to retry receipts aside."""
    return list(
        sim.record.nodes(
            "message",
            direction=Direction.RECEIVED,
            where=lambda node: (
                node.attrs.get("id") == message_id and node.child("participants") is not None
            ),
        )
    )


def addressed(stanza: Node) -> list[str]:
    participants = stanza.child("participants")
    return [to.attrs["jid"] for to in participants.children("to")] if participants else []


def queries(sim: Simulator, xmlns: str) -> int:
    found = sim.record.nodes("iq", direction=Direction.RECEIVED)
    return len([n for n in found if (n.attrs.get("xmlns"), n.attrs["type"]) == (xmlns, "get")])


async def test_a_number_is_written_to_by_its_lid_on_all_devices_and_ours(
    sim: Simulator, tmp_path: Path
) -> None:
    ann, bob = await couple(sim)
    async with (
        rig(sim, tmp_path / "a" / "session.db") as ours,
        rig(sim, tmp_path / "b" / "session.db") as bobs,
        rig(sim, tmp_path / "c" / "session.db") as second,
    ):
        await ours.pair(ann)
        await bobs.pair(bob)
        await second.pair(ann)
        result = await ours.send(BOB, "to everybody", "3EB0AA")
        assert (result.outcome, result.chat) == (SENT, BOB)
        assert result.timestamp_ms % 1000 == 0
        assert (await bob.wait_received("to everybody")).text

        (stanza,) = stanzas(sim, "3EB0AA")
        assert stanza.attrs["to"] == str(bob.lid)
        assert stanza.attrs["peer_recipient_pn"] == BOB
        assert sorted(addressed(stanza)) == sorted(
            [str(bob.lid), f"{bob.account.lid}:1@lid", str(ann.lid), f"{ann.account.lid}:2@lid"]
        )
        assert stanza.child("device-identity") is not None

        await bobs.listener.wait_for(lambda: bobs.listener.texts)
        await second.listener.wait_for(lambda: second.listener.texts)
        assert [(m.text, m.from_me) for m in bobs.listener.messages] == [("to everybody", False)]
        (own,) = second.listener.messages
        assert (own.text, own.from_me, own.chat) == ("to everybody", True, BOB)
        copy = await ann.wait_received("to everybody", from_me=True)
        assert copy.chat in (BOB, str(bob.lid))
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


async def test_devices_and_keys_are_asked_for_once(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        await ours.send(BOB, "first")
        asked = queries(sim, "usync"), queries(sim, "encrypt")
        for i in range(5):
            await ours.send(BOB, f"more {i}")
        assert (queries(sim, "usync"), queries(sim, "encrypt")) == asked
        await bob.wait_received("more 4")


async def test_a_number_that_is_not_on_whatsapp_is_refused(sim: Simulator, session: Path) -> None:
    ann, _ = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        result = await ours.send("19990000042@s.whatsapp.net", "anybody?", "3EB0BB")
        assert result.outcome == REFUSED
        assert "…42" in result.reason
        assert "not on WhatsApp" in result.reason
        assert stanzas(sim, "3EB0BB") == []
    assert sim.record.broken() == []


@pytest.mark.parametrize(
    "to", ["", "@", "nonsense", "a b@s.whatsapp.net@", "120363@newsletter", "status@broadcast"]
)
async def test_an_address_that_nobody_has_is_refused_for_good(
    sim: Simulator, session: Path, to: str
) -> None:
    ann, _ = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        result = await ours.send(to, "to whom?")
        assert result.outcome == REFUSED
        assert result.reason


async def test_a_device_whose_keys_are_forged_is_left_out(
    sim: Simulator, tmp_path: Path, log_lines: list[str]
) -> None:
    ann, bob = await couple(sim)
    async with (
        rig(sim, tmp_path / "a" / "session.db") as ours,
        rig(sim, tmp_path / "b" / "session.db") as bobs,
    ):
        await ours.pair(ann)
        await bobs.pair(bob)
        sim.faults.plan(FaultKind.BUNDLE_SIGNATURE, phone=bob.number, device=1)
        result = await ours.send(BOB, "to the phone alone", "3EB0AA")
        assert result.outcome == SENT
        assert (await bob.wait_received("to the phone alone")).text
        (stanza,) = stanzas(sim, "3EB0AA")
        assert f"{bob.account.lid}:1@lid" not in addressed(stanza)
        with ours.file.unit() as unit:
            assert unit.sessions.find(f"{bob.account.lid}_1.1") is None
        assert any("device_left_out" in line for line in log_lines)

        await ours.send(BOB, "and with true keys to both")
        await bobs.listener.wait_for(lambda: bobs.listener.texts)
        assert bobs.listener.texts == ["and with true keys to both"]
    assert {broken.rule for broken in sim.record.broken()} == {Rule.INCOMPLETE_FANOUT}


async def test_only_forged_keys_mean_that_nothing_is_sent_yet(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        sim.faults.plan(FaultKind.BUNDLE_SIGNATURE, phone=bob.number)
        first = await ours.send(BOB, "later", "3EB0AA")
        assert first.outcome == UNAVAILABLE
        assert stanzas(sim, "3EB0AA") == []
        again = await ours.send(BOB, "later", "3EB0AA")
        assert again.outcome == SENT
        assert (await bob.wait_received("later")).text
    assert sim.record.broken() == []


async def test_no_one_time_key_is_no_obstacle(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        sim.faults.plan(FaultKind.NO_ONE_TIME_KEY, phone=bob.number)
        assert (await ours.send(BOB, "three keys do")).outcome == SENT
        assert (await bob.wait_received("three keys do")).text
    assert sim.record.broken() == []


@pytest.mark.parametrize("code", [463, 479, 400])
async def test_what_the_server_refuses_is_refused_with_its_code_and_never_sent_again(
    sim: Simulator, session: Path, code: int
) -> None:
    ann, _ = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        sim.faults.plan(FaultKind.NACK, code)
        first = await ours.send(BOB, "unwanted", "3EB0AA")
        assert (first.outcome, first.code) == (REFUSED, code)
        assert str(code) in first.reason
        again = await ours.send(BOB, "unwanted", "3EB0AA")
        assert again.outcome == REFUSED
        assert len(stanzas(sim, "3EB0AA")) == 1


@pytest.mark.parametrize("xmlns", ["usync", "encrypt"])
async def test_a_service_that_stumbles_is_asked_again_later(
    sim: Simulator, session: Path, xmlns: str
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        sim.faults.plan(FaultKind.FAIL_IQ, xmlns)
        assert (await ours.send(BOB, "patience", "3EB0AA")).outcome == UNAVAILABLE
        assert (await ours.send(BOB, "patience", "3EB0AA")).outcome == SENT
        assert (await bob.wait_received("patience")).text


async def test_without_an_ack_the_same_bytes_go_again(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session, send_ack_timeout_s=0.2) as ours:
        await ours.pair(ann)
        sim.faults.plan(FaultKind.DROP_ACK, "message")
        first = await ours.send(BOB, "only once", "3EB0AA")
        assert first.outcome == UNAVAILABLE
        second = await ours.send(BOB, "only once", "3EB0AA")
        assert second.outcome == SENT
        one, two = stanzas(sim, "3EB0AA")
        assert encode(one) == encode(two)
        bob_s = [got for got in bob.received if got.text == "only once"]
        assert len(bob_s) <= 1
    assert sim.record.broken(Rule.PRE_KEY_REUSED) == []


async def test_a_second_try_after_a_reconnect_and_after_a_restart_is_the_same_stanza(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session, send_ack_timeout_s=30.0) as ours:
        await ours.pair(ann)
        sim.faults.plan(FaultKind.DROP_ACK, "message", times=2)
        sending = asyncio.create_task(ours.send(BOB, "sturdy", "3EB0AA"))
        await sim.wait_for(lambda: stanzas(sim, "3EB0AA"))
        await reconnect(sim, ann, ours)
        assert (await sending).outcome == UNAVAILABLE
        sending = asyncio.create_task(ours.send(BOB, "sturdy", "3EB0AA"))
        await sim.wait_for(lambda: len(stanzas(sim, "3EB0AA")) == 2)
        await ours.stop()
        await asyncio.gather(sending, return_exceptions=True)

    async with rig(sim, session) as again:
        await again.listener.wait_state(link_pb2.CONNECTED)
        assert (await again.send(BOB, "sturdy", "3EB0AA")).outcome == SENT
        assert (await again.send(BOB, "sturdy", "3EB0AA")).outcome == SENT
    sent = stanzas(sim, "3EB0AA")
    assert len(sent) == 3, "acknowledged means never written again"
    assert len({encode(node) for node in sent}) == 1
    assert (await bob.wait_received("sturdy")).text


async def reconnect(sim: Simulator, ann: Phone, ours: Rig) -> None:
    count = len(ours.listener.states)
    sim.disconnect(ann.companions[0])
    await ours.listener.wait_for(lambda: len(ours.listener.states) > count)
    await ours.listener.wait_state(link_pb2.CONNECTED)


async def test_one_id_asked_for_twice_at_once_is_sent_once(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        results = await asyncio.gather(*(ours.send(BOB, "one", "3EB0AA") for _ in range(3)))
        assert [result.outcome for result in results] == [SENT] * 3
        assert [result.request_id for result in results] == ["r1", "r2", "r3"]
        assert len(stanzas(sim, "3EB0AA")) == 1
        await bob.wait_received("one")


async def test_not_connected_is_unavailable(sim: Simulator, session: Path) -> None:
    async with rig(sim, session) as ours:
        result = await ours.send(BOB, "too early")
        assert result.outcome == UNAVAILABLE
        assert "not connected" in result.reason


async def test_a_broken_disk_sends_nothing(sim: Simulator, session: Path) -> None:
    """A step of a ratchet that is not durable would be taken twice."""
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        await ours.send(BOB, "before")
        ours.break_disk()
        result = await ours.send(BOB, "lost?", "3EB0AA")
        assert result.outcome == UNAVAILABLE
        assert stanzas(sim, "3EB0AA") == []
        ours.mend_disk()
        assert (await ours.send(BOB, "lost?", "3EB0AA")).outcome in (SENT, UNAVAILABLE)
        await bob.wait_received("before")
    assert sim.record.retry_receipts() == []


async def test_two_hundred_at_once_keep_their_order(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        texts = [f"{i}" for i in range(200)]
        results = await asyncio.gather(*(ours.send(BOB, text) for text in texts))
        assert {result.outcome for result in results} == {SENT}
        await bob.wait_received("199")
        assert [got.text for got in bob.received] == texts
        ids = [result.message_id for result in results]
        wire = [
            node.attrs["id"] for node in sim.record.nodes("message", direction=Direction.RECEIVED)
        ]
        assert wire == ids
    assert bob.unreadable == []
    assert sim.record.broken() == []


async def test_a_new_device_gets_the_next_message(sim: Simulator, tmp_path: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, tmp_path / "a" / "session.db") as ours:
        await ours.pair(ann)
        await ours.send(BOB, "before")
        async with rig(sim, tmp_path / "b" / "session.db") as bobs:
            await bobs.pair(bob)
            await sim.wait_settled()
            await ours.send(BOB, "to both")
            await bobs.listener.wait_for(lambda: bobs.listener.texts)
            assert bobs.listener.texts == ["to both"]
        bob.unlink()
        await sim.wait_settled()
        await ours.send(BOB, "to one again", "3EB0AA")
        (stanza,) = stanzas(sim, "3EB0AA")
        assert sorted(addressed(stanza)) == sorted([str(bob.lid), str(ann.lid)])
    assert sim.record.broken() == []


async def test_a_hash_that_differs_has_the_devices_asked_for_anew(
    sim: Simulator, tmp_path: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, tmp_path / "a" / "session.db") as ours:
        await ours.pair(ann)
        await ours.send(BOB, "before")
        sim.hub.interested.clear()  # the news of Bob's new device gets lost
        async with rig(sim, tmp_path / "b" / "session.db") as bobs:
            await bobs.pair(bob)
            assert (await ours.send(BOB, "to the old list")).outcome == SENT
            await ours.send(BOB, "to the new one")
            await bobs.listener.wait_for(lambda: bobs.listener.texts)
            assert bobs.listener.texts == ["to the new one"]
    assert {broken.rule for broken in sim.record.broken()} == {Rule.INCOMPLETE_FANOUT}


async def test_a_message_to_ourselves_reaches_our_phone(sim: Simulator, session: Path) -> None:
    ann, _ = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        assert (await ours.send(str(ann.jid), "a note")).outcome == SENT
        assert (await ann.wait_received("a note", from_me=True)).text
    assert sim.record.broken() == []


async def test_receipts_come_back_by_kind(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        result = await ours.send(BOB, "seen?")
        received = await bob.wait_received("seen?")
        bob.read(received)
        await ours.listener.wait_for(lambda: ours.listener.receipts(link_pb2.Receipt.READ))
        delivered = ours.listener.receipts(link_pb2.Receipt.DELIVERED)
        assert result.message_id in delivered
        chats = {e.receipt.chat for e in ours.listener.events if e.HasField("receipt")}
        assert BOB in chats


async def test_reading_is_told_to_the_sender(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        ids = [bob.send(ann, f"{i}") for i in range(3)]
        await ours.listener.wait_for(lambda: len(ours.listener.messages) == 3)
        ours.account.mark_read(link_pb2.MarkRead(chat=BOB, ids=ids))
        receipt = await bob.wait_receipt(ids[0], "read")
        listed = receipt.child("list")
        assert listed is not None
        assert [item.attrs["id"] for item in listed.children("item")] == ids[1:]
        (told,) = sim.record.nodes("receipt", where=lambda node: node.attrs.get("type") == "read")
        assert told.attrs["to"] == str(bob.lid), "as the messages were addressed"
    assert sim.record.broken() == []


@pytest.mark.parametrize(("chat", "participant"), [("nonsense@@", ""), (BOB, "nonsense@@")])
async def test_a_reading_of_nowhere_is_passed_over(
    sim: Simulator, session: Path, chat: str, participant: str
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        wish = link_pb2.MarkRead(chat=chat, participant=participant, ids=["3A01"])
        ours.account.mark_read(wish)
        await ours.send(BOB, "and on")
        await bob.wait_received("and on")
    assert sim.record.broken() == []
