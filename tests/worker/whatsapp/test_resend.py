"""Somebody could not read us: the message goes again, for that device alone, within bounds."""

import os
from pathlib import Path

import pytest

from shared import link_pb2
from tests.simulator import Direction, FaultKind, Phone, Simulator
from worker.proto import e2e_pb2
from worker.whatsapp.retry import MAX_ANSWERED
from worker.wire import Node
from worker.wire.curve import KeyPair

from .rig import Rig, answers, rig

BOB = "15550000002@s.whatsapp.net"


async def couple(sim: Simulator) -> tuple[Phone, Phone]:
    return await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")


def resent(sim: Simulator, message_id: str) -> list[Node]:
    """Return what went out for one device alone."""
    found = sim.record.nodes("message", direction=Direction.RECEIVED)
    return [n for n in found if n.attrs["id"] == message_id and n.child("participants") is None]


def enc(stanza: Node) -> Node:
    child = stanza.child("enc")
    assert child is not None
    return child


def request(bob: Phone, message_id: str, count: int = 1, **attrs: str) -> Node:
    retry = Node("retry", {"count": str(count), "id": message_id, "t": "1", "v": "1"})
    registration = Node("registration", {}, b"\0\0\0\1")
    usual = {"from": str(bob.lid), "id": message_id, "type": "retry", "t": "1"}
    return Node("receipt", {**usual, **attrs}, [retry, registration])


async def asked(sim: Simulator, ours: Rig, ann: Phone, stanza: Node) -> None:
    """Deliver a request, and wait until it and what follows from it are through."""
    ann.companions[0].mailbox.post(stanza)
    await sim.wait_settled()
    stream = ours.account.stream
    assert stream is not None
    await stream.ask(Node("iq", {"xmlns": "w:p", "type": "get", "to": "@s.whatsapp.net"}))


async def test_a_message_that_was_damaged_on_its_way_comes_again(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        sim.faults.plan(FaultKind.CORRUPT_MESSAGE, phone=bob.number)
        result = await ours.send(BOB, "heals", "3EB0AA")
        assert result.outcome == link_pb2.SendResult.SENT
        assert (await bob.wait_received("heals")).text
        assert bob.unreadable == ["3EB0AA"]
        (again,) = resent(sim, "3EB0AA")
        assert again.attrs["to"] == str(bob.lid)
        assert again.attrs["device_fanout"] == "false"
        assert enc(again).attrs["count"] == "1"
        await sim.wait_settled()
        assert len(answers(sim, "3EB0AA")) >= 1, "the request was acknowledged"
    assert sim.record.broken() == []


async def test_a_peer_that_lost_its_session_gets_a_new_one_with_its_keys(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        await ours.send(BOB, "warm")
        await bob.wait_received("warm")
        bob.send(ann, "answered")
        await ours.listener.wait_for(lambda: ours.listener.texts)
        bob._outbox.keyring.sessions.clear()
        await ours.send(BOB, "lost", "3EB0AA")
        assert (await bob.wait_received("lost")).text
        assert [enc(node).attrs["count"] for node in resent(sim, "3EB0AA")] == ["1", "2"]
        assert [enc(node).attrs["type"] for node in resent(sim, "3EB0AA")] == ["msg", "pkmsg"]
        await ours.send(BOB, "and on")
        assert (await bob.wait_received("and on")).text
    assert sim.record.broken() == []


async def test_a_message_nobody_knows_is_answered_with_nothing(
    sim: Simulator, session: Path, log_lines: list[str]
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        await asked(sim, ours, ann, request(bob, "3EB0FF"))
        assert resent(sim, "3EB0FF") == []
        assert len(answers(sim, "3EB0FF")) == 1
        assert any("retry_for_unknown_message" in line for line in log_lines)


async def test_a_message_of_another_chat_is_not_handed_to_who_asks(
    sim: Simulator, session: Path
) -> None:
    ann, _ = await couple(sim)
    eve = await sim.phone("15550000003", "Eve")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        await ours.send(BOB, "for Bob alone", "3EB0AA")
        await asked(sim, ours, ann, request(eve, "3EB0AA"))
        assert resent(sim, "3EB0AA") == []


async def test_after_nine_times_it_is_enough(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        await ours.send(BOB, "again and again", "3EB0AA")
        await bob.wait_received("again and again")
        for turn in range(MAX_ANSWERED + 3):
            await asked(sim, ours, ann, request(bob, "3EB0AA", t=str(turn)))
        assert len(resent(sim, "3EB0AA")) == MAX_ANSWERED == 9


async def test_a_session_is_begun_anew_once_an_hour_at_most(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        await ours.send(BOB, "warm", "3EB0AA")
        await bob.wait_received("warm")
        stock = len(bob.account.devices[0].keys.one_time)
        for count in (2, 3, 4):
            await asked(sim, ours, ann, request(bob, "3EB0AA", count))
        assert stock - len(bob.account.devices[0].keys.one_time) == 1
        assert len(resent(sim, "3EB0AA")) == 3


async def test_our_other_device_gets_the_copy_that_is_meant_for_it(
    sim: Simulator, tmp_path: Path
) -> None:
    ann, bob = await couple(sim)
    async with (
        rig(sim, tmp_path / "a" / "session.db") as ours,
        rig(sim, tmp_path / "b" / "session.db") as second,
    ):
        await ours.pair(ann)
        await second.pair(ann)
        sim.faults.plan(FaultKind.CORRUPT_MESSAGE, phone=ann.number, device=2)
        await ours.send(BOB, "a copy for us", "3EB0AA")
        (copy,) = await second.listener.wait_for(lambda: second.listener.messages)
        assert (copy.text, copy.from_me, copy.chat) == ("a copy for us", True, BOB)
        (again,) = resent(sim, "3EB0AA")
        assert again.attrs["recipient"] == str(bob.lid)
        await bob.wait_received("a copy for us")
    assert sim.record.broken() == []


@pytest.mark.parametrize(
    "content",
    [
        [],
        [Node("retry", {"count": "1"})],
        [Node("retry", {"count": "many", "id": "3EB0AA"})],
        [
            Node("retry", {"count": "2", "id": "3EB0AA"}),
            Node("registration", {}, b"\1"),
            Node("keys", {}, [Node("identity", {}, b"short")]),
        ],
    ],
    ids=["empty", "no id", "no count", "broken keys"],
)
async def test_a_malformed_request_is_acknowledged_and_answered_with_nothing(
    sim: Simulator, session: Path, content: list[Node]
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        await ours.send(BOB, "kept", "3EB0AA")
        await bob.wait_received("kept")
        bad = request(bob, "3EB0AA")
        await asked(sim, ours, ann, Node("receipt", bad.attrs, content))
        assert resent(sim, "3EB0AA") == []
        assert sim.online(ann.companions[0])


async def test_forged_keys_in_a_request_change_nothing(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        await ours.send(BOB, "warm", "3EB0AA")
        await bob.wait_received("warm")
        at = f"{bob.account.lid}_1.0"
        with ours.file.unit() as unit:
            before = unit.sessions.get(at)
        key = KeyPair.generate(os.urandom).public
        signed = [
            Node("id", {}, b"\0\0\1"),
            Node("value", {}, key),
            Node("signature", {}, b"x" * 64),
        ]
        keys = [
            Node("type", {}, b"\5"),
            Node("identity", {}, bob.account.identity.public),
            Node("key", {}, [Node("id", {}, b"\0\0\2"), Node("value", {}, key)]),
            Node("skey", {}, signed),
        ]
        forged = request(bob, "3EB0AA", 2)
        assert isinstance(forged.content, list)
        forged.content.append(Node("keys", {}, keys))
        await asked(sim, ours, ann, forged)
        assert resent(sim, "3EB0AA") == []
        with ours.file.unit() as unit:
            assert unit.sessions.get(at) == before
        await ours.send(BOB, "and on")
        assert (await bob.wait_received("and on")).text
    assert sim.record.broken() == []


async def test_what_goes_again_is_what_went(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        sim.faults.plan(FaultKind.CORRUPT_MESSAGE, phone=bob.number, times=2)
        await ours.send(BOB, "the very words", "3EB0AA")
        got = await bob.wait_received("the very words")
        assert got.message_id == "3EB0AA"
        assert got.message == e2e_pb2.Message(conversation="the very words")
    assert sim.record.broken() == []


async def test_a_request_that_comes_after_a_restart_is_answered(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        await ours.send(BOB, "kept on disk", "3EB0AA")
        await bob.wait_received("kept on disk")
    ann.companions[0].mailbox.post(request(bob, "3EB0AA"))
    async with rig(sim, session) as again:
        await again.listener.wait_state(link_pb2.CONNECTED)
        await sim.wait_for(lambda: resent(sim, "3EB0AA"))
