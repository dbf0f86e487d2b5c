"""Every stanza is settled exactly once, after it is durable, and never when it is not."""

import os
from pathlib import Path

import pytest

from shared import link_pb2
from tests.simulator import FaultKind, Phone, Simulator
from worker.proto import e2e_pb2
from worker.wire import Node

from .rig import answers, rig, seal, stanza_from

TEXT = e2e_pb2.Message(conversation="hello")


async def couple(sim: Simulator) -> tuple[Phone, Phone]:
    return await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")


async def settled_once(sim: Simulator, stanza: Node) -> Node:
    """Wait until a stanza is settled, and return the one answer there is."""
    await sim.wait_settled()
    found = answers(sim, stanza.attrs["id"])
    assert len(found) == 1, (stanza, found)
    return found[0]


def notification(kind: str, content: list[Node] | None = None, **attrs: str) -> Node:
    usual = {"from": "@s.whatsapp.net", "type": kind, "id": os.urandom(4).hex(), "t": "1"}
    return Node("notification", {**usual, **attrs}, content)


async def test_every_class_of_stanza_is_settled_once(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        stanzas = [
            seal(bob, device, TEXT),
            Node("receipt", {"from": str(bob.lid), "id": "3EB0AA", "type": "read", "t": "5"}),
            Node("receipt", {"from": str(bob.lid), "id": "3EB0AB", "type": "retry", "t": "5"}),
            Node("receipt", {"from": str(bob.lid), "id": "3EB0AC", "type": "no such", "t": "5"}),
            notification("encrypt", [Node("count", {"value": "500"})]),
            notification("mediaretry"),
            notification("no such kind"),
            notification("account_sync", [Node("devices", {"dhash": "2:x"})]),
            notification("w:gp2", [Node("subject", {"subject": "x"})], **{"from": "1-2@g.us"}),
            Node("call", {"from": str(bob.lid), "id": "call-1", "t": "1"}, [Node("offer")]),
        ]
        for stanza in stanzas:
            device.mailbox.post(stanza)
        for stanza in stanzas:
            answer = await settled_once(sim, stanza)
            assert answer.attrs["to"] == stanza.attrs["from"]
            assert "error" not in answer.attrs
            if answer.tag == "ack":
                assert answer.attrs["class"] == stanza.tag
    assert sim.record.broken() == []


@pytest.mark.parametrize(
    ("attrs", "code"),
    [
        ({"from": "nonsense@@"}, "487"),
        ({"t": "yesterday"}, "487"),
        ({"t": "9" * 18}, "500"),  # no clock shows that: a handler fails on it
    ],
)
async def test_a_stanza_that_can_not_be_handled_is_refused_with_its_code(
    sim: Simulator, session: Path, attrs: dict[str, str], code: str
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        bad = seal(bob, ann.companions[0], TEXT, **attrs)
        ann.companions[0].mailbox.post(bad)
        answer = await settled_once(sim, bad)
        assert (answer.tag, answer.attrs["class"], answer.attrs["error"]) == (
            "ack",
            "message",
            code,
        )
        assert ours.listener.events == []


async def test_one_bad_stanza_does_not_spoil_its_batch(
    sim: Simulator, session: Path, log_lines: list[str]
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        sim.faults.hold(ann.number)  # so that they arrive together
        before = [seal(bob, device, e2e_pb2.Message(conversation=f"b{i}")) for i in range(5)]
        bad = seal(bob, device, TEXT, t="9" * 18)
        after = [seal(bob, device, e2e_pb2.Message(conversation=f"a{i}")) for i in range(5)]
        for stanza in [*before, bad, *after]:
            device.mailbox.post(stanza)
        sim.faults.release(ann.number)
        await ours.listener.wait_for(lambda: len(ours.listener.messages) == 10)
        for stanza in [*before, *after]:
            assert (await settled_once(sim, stanza)).tag == "receipt"
        assert (await settled_once(sim, bad)).attrs["error"] == "500"
        assert ours.listener.texts == [f"b{i}" for i in range(5)] + [f"a{i}" for i in range(5)]
        refused = [line for line in log_lines if "stanza_refused" in line]
        assert len(refused) == 1, "logged once"
    assert sim.record.broken() == []


@pytest.mark.parametrize("missing", ["from", "id"])
async def test_a_stanza_that_nobody_can_answer_is_passed_over(
    sim: Simulator, session: Path, missing: str
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        whole = notification("no such kind")
        line = sim.hub.lines[device]
        line.push(Node(whole.tag, {k: v for k, v in whole.attrs.items() if k != missing}))
        bob.send(ann, "still there")
        await ours.listener.wait_for(lambda: ours.listener.texts == ["still there"])
        assert sim.online(device)


async def test_a_stanza_delivered_twice_is_stored_once_and_answered_twice(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        sim.faults.plan(FaultKind.DUPLICATE)
        message_id = bob.send(ann, "once")
        await sim.wait_for(lambda: len(answers(sim, message_id)) == 2)
        bob.send(ann, "and on")
        await ours.listener.wait_for(lambda: len(ours.listener.messages) == 2)
        assert ours.listener.texts == ["once", "and on"]
        assert ours.listener.missing == []
    assert sim.record.retry_receipts() == []


async def test_a_disk_that_fails_acknowledges_nothing_and_loses_nothing(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        bob.send(ann, "before")
        await ours.listener.wait_for(lambda: ours.listener.texts == ["before"])
        await sim.wait_settled()

        ours.break_disk()
        ids = [bob.send(ann, f"kept {i}") for i in range(3)]
        lost = await ours.listener.wait_state(link_pb2.RECONNECTING)
        assert "session file" in lost.reason
        assert [answers(sim, each) for each in ids] == [[], [], []]

        ours.mend_disk()
        await ours.listener.wait_for(lambda: len(ours.listener.texts) == 4)
        await sim.wait_settled()
        assert ours.listener.texts == ["before", "kept 0", "kept 1", "kept 2"]
        assert [len(answers(sim, each)) for each in ids] == [1, 1, 1]
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


async def test_the_ack_waits_for_the_store(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session, store_ack_wait_s=60.0) as ours:
        await ours.pair(ann)
        await sim.wait_settled()
        ours.listener.store_open = False
        message_id = bob.send(ann, "held")
        await ours.listener.wait_for(lambda: ours.listener.waiting)
        assert answers(sim, message_id) == []
        stream = ours.account.stream
        assert stream is not None
        assert stream.oldest_unsettled_s() >= 0
        assert ours.account.stream is not None

        ours.listener.store()
        await sim.wait_settled()
        assert len(answers(sim, message_id)) == 1
        assert stream.oldest_unsettled_s() == 0


async def test_the_ack_waits_only_so_long(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session, store_ack_wait_s=0.05) as ours:
        await ours.pair(ann)
        ours.listener.store_open = False
        message_id = bob.send(ann, "durable here")
        await sim.wait_settled()
        assert len(answers(sim, message_id)) == 1
        assert ours.listener.waiting == ["durable here"]


async def test_a_repeat_of_what_waits_in_the_spool_waits_for_the_store_too(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session, store_ack_wait_s=60.0) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        ours.listener.store_open = False
        message_id = bob.send(ann, "held")
        await ours.listener.wait_for(lambda: ours.listener.waiting)
        sim.disconnect(device)
        await sim.wait_for(lambda: not sim.online(device))
        await ours.listener.wait_state(link_pb2.CONNECTED)
        barrier = notification("no such kind")
        device.mailbox.post(barrier)
        await sim.wait_for(lambda: answers(sim, barrier.attrs["id"]))
        assert answers(sim, message_id) == []

        ours.listener.store()
        await sim.wait_settled()
        assert len(answers(sim, message_id)) == 1
        assert ours.listener.texts == ["held"]
    assert sim.record.broken() == []


async def test_what_was_spooled_but_not_acked_is_known_after_a_restart(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session, store_ack_wait_s=60.0) as ours:
        await ours.pair(ann)
        ours.listener.store_open = False
        bob.send(ann, "survives")
        await ours.listener.wait_for(lambda: ours.listener.waiting)

    async with rig(sim, session) as again:
        again.listener.store()  # what the reporter does at its start
        await again.listener.wait_state(link_pb2.CONNECTED)
        await sim.wait_settled()
        assert again.listener.texts == ["survives"]
        assert again.listener.missing == []
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


async def test_three_hundred_waiting_messages_come_once_and_in_order(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
    ids = [bob.send(ann, f"{i}") for i in range(300)]
    async with rig(sim, session) as again:
        await again.listener.wait_for(lambda: len(again.listener.messages) >= 300, 30)
        await sim.wait_settled()
        assert again.listener.texts == [f"{i}" for i in range(300)]
        assert all(message.offline for message in again.listener.messages)
        assert [len(answers(sim, each)) for each in ids] == [1] * 300
        asked = [n for n in sim.record.nodes("ib") if n.child("offline_batch") is not None]
        assert len(asked) >= 2
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


async def test_a_connection_lost_in_the_middle_of_the_backlog_repeats_only_what_is_owed(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
    for i in range(120):
        bob.send(ann, f"{i}")
    sim.faults.plan(FaultKind.DROP_AFTER, 20, phone=ann.number)
    async with rig(sim, session) as again:
        await again.listener.wait_for(lambda: len(again.listener.messages) >= 120, 30)
        await sim.wait_settled()
        assert again.listener.texts == [f"{i}" for i in range(120)]
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


async def test_garbage_for_a_message_is_answered_and_the_account_goes_on(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        nothing = stanza_from(bob, [])
        odd = stanza_from(bob, [Node("enc", {"v": "2", "type": "hsmsg"}, b"x")])
        for stanza in (nothing, odd):
            device.mailbox.post(stanza)
            answer = await settled_once(sim, stanza)
            assert answer.attrs["error"] == "488"
        assert sim.online(device)
    assert sim.record.broken() == []
