"""Groups: who gets our sender key, who loses it, and what members see."""

import asyncio
from pathlib import Path

import pytest

from shared import link_pb2
from tests.simulator import Direction, FaultKind, Phone, Simulator, groups
from worker.proto import e2e_pb2
from worker.wire import Node, encode
from worker.wire.jid import LID, PN

from .rig import Rig, rig

SENT = link_pb2.SendResult.SENT
REFUSED = link_pb2.SendResult.REFUSED
BOB = "15550000002@s.whatsapp.net"


async def people(sim: Simulator, count: int = 4) -> list[Phone]:
    names = ["Ann", "Bob", "Cleo", "Dan", "Eve"]
    return [await sim.phone(f"1555000000{i + 1}", names[i]) for i in range(count)]


def stanza(sim: Simulator, message_id: str) -> Node:
    """Return the first group message that came from us with this id."""
    return next(
        node
        for node in sim.record.nodes("message", direction=Direction.RECEIVED)
        if node.attrs["id"] == message_id
    )


def given_keys(sim: Simulator, message_id: str) -> list[str]:
    """Return to whom a message of ours brought the sender key."""
    participants = stanza(sim, message_id).child("participants")
    if participants is None:
        return []
    return sorted(to.attrs["jid"] for to in participants.children("to"))


async def text(ours: Rig, wanted: str) -> link_pb2.Message:
    def look() -> link_pb2.Message | None:
        return next((each for each in ours.listener.messages if each.text == wanted), None)

    return await ours.listener.wait_for(look)


@pytest.mark.parametrize("addressing", [LID, PN])
async def test_a_group_reads_us_and_we_read_it(
    sim: Simulator, session: Path, addressing: str
) -> None:
    ann, bob, cleo, _ = await people(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        group = bob.create_group("Sailors", [ann, cleo], addressing=addressing)
        bob.send(group, "welcome")
        got = await text(ours, "welcome")
        assert (got.chat, got.chat_lid, got.from_me) == (str(group.jid), "", False)
        assert (got.sender, got.sender_lid) == (BOB, str(bob.lid))
        assert got.push_name == "Bob"

        result = await ours.send(str(group.jid), "hello all", "3EB0AA")
        assert (result.outcome, result.chat) == (SENT, str(group.jid))
        for phone in (bob, cleo):
            assert (await phone.wait_received("hello all")).chat == str(group.jid)
        assert (await ann.wait_received("hello all", from_me=True)).chat == str(group.jid)
        assert stanza(sim, "3EB0AA").attrs["addressing_mode"] == group.mode
        cleo.send(group, "and me")
        await text(ours, "and me")
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


@pytest.mark.parametrize("addressing", [LID, PN])
async def test_the_key_goes_to_those_who_lack_it(
    sim: Simulator, session: Path, addressing: str
) -> None:
    ann, bob, cleo, dan = await people(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        group = ann.create_group("Sailors", [bob, cleo], addressing=addressing)
        server = group.server
        await ours.send(str(group.jid), "first", "3EB0A1")
        await ours.send(str(group.jid), "second", "3EB0A2")
        own = str(ann.account.jid(server))
        everybody = sorted([own, str(bob.account.jid(server)), str(cleo.account.jid(server))])
        assert given_keys(sim, "3EB0A1") == everybody
        assert given_keys(sim, "3EB0A2") == []

        ann.add_to_group(group, [dan])
        await sim.wait_settled()
        await ours.send(str(group.jid), "with Dan", "3EB0A3")
        assert given_keys(sim, "3EB0A3") == [str(dan.account.jid(server))]
        assert (await dan.wait_received("with Dan")).text
        assert [got.text for got in dan.received] == ["with Dan"]
        dan.send(group, "thank you")
        await text(ours, "thank you")
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


@pytest.mark.parametrize("leaves_by_himself", [True, False])
async def test_who_leaves_can_not_read_on(
    sim: Simulator, session: Path, *, leaves_by_himself: bool
) -> None:
    ann, bob, cleo, dan = await people(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        group = ann.create_group("Sailors", [bob, cleo, dan])
        await ours.send(str(group.jid), "with Dan", "3EB0A1")
        await dan.wait_received("with Dan")
        if leaves_by_himself:
            dan.leave_group(group)
        else:
            ann.remove_from_group(group, [dan])
        await sim.wait_settled()
        await ours.send(str(group.jid), "without Dan", "3EB0A2")
        assert given_keys(sim, "3EB0A2") == sorted(str(p.lid) for p in (ann, bob, cleo))
        assert (await bob.wait_received("without Dan")).text
        assert key_id(sim, "3EB0A1") != key_id(sim, "3EB0A2")
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


def key_id(sim: Simulator, message_id: str) -> bytes:
    """Return the first bytes of a group message: version and key id."""
    enc = stanza(sim, message_id).child("enc")
    assert enc is not None
    return enc.bytes()[:6]


async def test_a_leaver_whose_leaving_we_did_not_hear_of_still_loses_the_key(
    sim: Simulator, session: Path
) -> None:
    """The metadata is asked for anew: what counts is who is there, not what we were told."""
    ann, bob, cleo, dan = await people(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        group = ann.create_group("Sailors", [bob, cleo, dan])
        await ours.send(str(group.jid), "with Dan", "3EB0A1")
        group.members.pop(dan.account)
        with ours.file.unit() as unit:
            unit.groups.delete(str(group.jid))
        await ours.send(str(group.jid), "without Dan", "3EB0A2")
        assert key_id(sim, "3EB0A1") != key_id(sim, "3EB0A2")
        assert str(dan.lid) not in given_keys(sim, "3EB0A2")
        await cleo.wait_received("without Dan")
    assert sim.record.retry_receipts() == []


async def test_a_device_that_was_unlinked_loses_the_key_too(sim: Simulator, tmp_path: Path) -> None:
    ann, bob, cleo, _ = await people(sim)
    async with (
        rig(sim, tmp_path / "a" / "session.db") as ours,
        rig(sim, tmp_path / "b" / "session.db") as bobs,
    ):
        await ours.pair(ann)
        await bobs.pair(bob)
        group = ann.create_group("Sailors", [bob, cleo])
        await ours.send(str(group.jid), "with both of Bob's", "3EB0A1")
        await text(bobs, "with both of Bob's")
        bob.unlink()
        await sim.wait_settled()
        await ours.send(str(group.jid), "with the phone alone", "3EB0A2")
        assert key_id(sim, "3EB0A1") != key_id(sim, "3EB0A2")
        await bob.wait_received("with the phone alone")
    assert sim.record.retry_receipts() == []


async def test_a_member_who_leaves_while_keys_are_given_out_can_not_read_on(
    sim: Simulator, session: Path
) -> None:
    """Nobody may be counted as having a key that was thrown away meanwhile."""
    ann, bob, cleo, dan = await people(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        group = ann.create_group("Sailors", [bob, cleo, dan])
        await ours.send(str(group.jid), "so that devices and members are known")
        with ours.file.unit() as unit:
            unit.sender_key_memory.clear(str(group.jid))
            unit.sessions.mark_all_stale()  # keys are asked for again
        sim.faults.hold(ann.number)
        before = len(key_queries(sim))
        sending = asyncio.create_task(ours.send(str(group.jid), "who reads?", "3EB0A1"))
        await sim.wait_for(lambda: len(key_queries(sim)) > before)
        ann.remove_from_group(group, [dan])  # comes right behind the answer
        sim.faults.release(ann.number)
        assert (await sending).outcome == SENT
        for phone in (bob, cleo):
            await phone.wait_received("who reads?")
        await ours.send(str(group.jid), "and on", "3EB0A2")
        await bob.wait_received("and on")
        assert str(dan.lid) not in given_keys(sim, "3EB0A2")
    assert sim.record.retry_receipts() == []


def key_queries(sim: Simulator) -> list[Node]:
    found = sim.record.nodes("iq", direction=Direction.RECEIVED)
    return [n for n in found if n.attrs.get("xmlns") == "encrypt" and n.child("key") is not None]


async def test_a_message_before_its_key_is_asked_for_with_keys_and_heals(
    sim: Simulator, session: Path
) -> None:
    ann, bob, cleo, _ = await people(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        group = bob.create_group("Sailors", [ann, cleo])
        bob.send(group, "first")
        await text(ours, "first")
        with ours.file.unit() as unit:
            unit.sender_keys.delete(str(group.jid), f"{bob.account.lid}_1.0")
        message_id = bob.send(group, "keyless")
        got = await text(ours, "keyless")
        assert got.id == message_id
        (asked,) = sim.record.retry_receipts()
        assert asked.child("keys") is not None
        assert asked.attrs["participant"] == str(bob.lid)
        (place,) = ours.listener.missing
        assert (place.id, place.chat, place.sender) == (message_id, str(group.jid), BOB)
        bob.send(group, "and on")
        await text(ours, "and on")
        assert len(sim.record.retry_receipts()) == 1
    assert sim.record.broken() == []


async def test_a_member_who_can_not_read_us_gets_message_and_key_again(
    sim: Simulator, session: Path
) -> None:
    ann, bob, cleo, _ = await people(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        group = ann.create_group("Sailors", [bob, cleo])
        await ours.send(str(group.jid), "first")
        await bob.wait_received("first")
        bob._outbox.keyring.sender_keys.clear()
        await ours.send(str(group.jid), "lost", "3EB0A2")
        assert (await bob.wait_received("lost")).text
        await ours.send(str(group.jid), "and on", "3EB0A3")
        assert (await bob.wait_received("and on")).text
        assert given_keys(sim, "3EB0A3") == []
        assert bob.unreadable == ["3EB0A2"]
        assert cleo.unreadable == []
    assert sim.record.broken() == []


async def test_a_refused_message_does_not_count_as_having_brought_the_key(
    sim: Simulator, session: Path
) -> None:
    ann, bob, cleo, _ = await people(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        group = ann.create_group("Sailors", [bob, cleo])
        sim.faults.plan(FaultKind.NACK, 479)
        assert (await ours.send(str(group.jid), "refused")).outcome == REFUSED
        assert (await ours.send(str(group.jid), "taken")).outcome == SENT
        assert (await bob.wait_received("taken")).text
        assert (await cleo.wait_received("taken")).text
    assert sim.record.retry_receipts() == []
    assert bob.unreadable == []


async def test_a_group_of_others_is_refused(sim: Simulator, session: Path) -> None:
    ann, bob, cleo, _ = await people(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        group = bob.create_group("Elsewhere", [cleo])
        assert (await ours.send(str(group.jid), "let me in")).outcome == REFUSED
        nowhere = await ours.send("120363999999999999@g.us", "is anybody there?")
        assert nowhere.outcome == REFUSED


async def test_a_subject_is_told_when_made_and_when_changed(sim: Simulator, session: Path) -> None:
    ann, bob, cleo, _ = await people(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        group = bob.create_group("Sailors", [ann, cleo])
        groups.rename(sim.hub, group, bob.account, "Old Sailors")

        def subjects() -> list[tuple[str, str]]:
            told = [e.group_subject for e in ours.listener.events if e.HasField("group_subject")]
            return [(each.chat, each.subject) for each in told]

        await ours.listener.wait_for(lambda: len(subjects()) == 2)
        assert subjects() == [(str(group.jid), "Sailors"), (str(group.jid), "Old Sailors")]
    assert sim.record.broken() == []


async def test_a_group_teaches_who_has_which_number(sim: Simulator, session: Path) -> None:
    ann, bob, cleo, _ = await people(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        bob.create_group("Sailors", [ann, cleo])
        await sim.wait_settled()

        with ours.file.unit() as unit:
            assert unit.lids.pn_of(cleo.account.lid) == cleo.number


async def test_a_hash_that_differs_in_a_group_has_all_its_devices_asked_for_anew(
    sim: Simulator, tmp_path: Path
) -> None:
    """The device that was missed belongs to a member who has the key on the devices we knew."""
    ann, bob, cleo, _ = await people(sim)
    async with rig(sim, tmp_path / "a" / "session.db") as ours:
        await ours.pair(ann)
        group = ann.create_group("Sailors", [bob, cleo])
        await ours.send(str(group.jid), "first")
        sim.hub.interested.clear()  # the news of Bob's new device gets lost
        async with rig(sim, tmp_path / "b" / "session.db") as bobs:
            await bobs.pair(bob)
            await ours.send(str(group.jid), "to the devices we knew", "3EB0A2")
            with ours.file.unit() as unit:
                assert unit.groups.get(str(group.jid)) is None
                assert [unit.devices.get(str(p.lid)) for p in (ann, bob, cleo)] == [None] * 3
            await ours.send(str(group.jid), "to the new one too", "3EB0A3")
            await text(bobs, "to the new one too")


async def test_a_second_try_of_a_group_message_is_the_same_stanza(
    sim: Simulator, session: Path
) -> None:
    ann, bob, cleo, _ = await people(sim)
    async with rig(sim, session, send_ack_timeout_s=0.2) as ours:
        await ours.pair(ann)
        group = ann.create_group("Sailors", [bob, cleo])
        sim.faults.plan(FaultKind.DROP_ACK, "message")
        first = await ours.send(str(group.jid), "once", "3EB0A1")
        assert first.outcome == link_pb2.SendResult.UNAVAILABLE
        assert (await ours.send(str(group.jid), "once", "3EB0A1")).outcome == SENT
        whole = [
            encode(node)
            for node in sim.record.nodes("message", direction=Direction.RECEIVED)
            if node.attrs["id"] == "3EB0A1" and "participant" not in node.attrs
        ]
        assert len(whole) == 2
        assert len(set(whole)) == 1


async def test_a_key_meant_for_another_group_is_not_taken(
    sim: Simulator, session: Path, log_lines: list[str]
) -> None:
    ann, bob, cleo, _ = await people(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        group = bob.create_group("Sailors", [ann, cleo])
        foreign = e2e_pb2.Message(conversation="look")
        skdm = foreign.sender_key_distribution_message
        skdm.group_id = "120363000000000099@g.us"
        skdm.axolotl_sender_key_distribution_message = bob._outbox.keyring.sender_key(
            skdm.group_id, bob._outbox.address
        )
        bob.send_message(group, foreign)
        await text(ours, "look")
        with ours.file.unit() as unit:
            assert unit.sender_keys.get(skdm.group_id, f"{bob.account.lid}_1.0") is None
        assert any("sender_key_for_another_group" in line for line in log_lines)


@pytest.mark.parametrize("addressing", [LID, PN])
async def test_reading_in_a_group_names_the_sender_as_the_group_does(
    sim: Simulator, session: Path, addressing: str
) -> None:
    ann, bob, cleo, _ = await people(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        group = bob.create_group("Sailors", [ann, cleo], addressing=addressing)
        message_id = bob.send(group, "seen?")
        got = await text(ours, "seen?")
        await ours.send(str(group.jid), "yes")  # so the group is known
        wish = link_pb2.MarkRead(chat=got.chat, participant=got.sender, ids=[message_id])
        ours.account.mark_read(wish)
        await bob.wait_receipt(message_id, "read")
        (told,) = sim.record.nodes("receipt", where=lambda node: node.attrs.get("type") == "read")
        assert told.attrs["to"] == str(group.jid)
        assert told.attrs["participant"] == str(bob.account.jid(group.server))
    assert sim.record.broken() == []
