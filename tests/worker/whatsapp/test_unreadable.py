"""Messages that can't be read: asked for again, within bounds, and healed."""

from pathlib import Path

from shared import link_pb2
from tests.simulator import Direction, FaultKind, Phone, Simulator
from worker.proto import e2e_pb2
from worker.wire import Node

from .rig import Rig, answers, rig, seal, stanza_from

BOB_PN = "15550000002@s.whatsapp.net"


async def couple(sim: Simulator) -> tuple[Phone, Phone]:
    return await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")


def retries(sim: Simulator, message_id: str) -> list[Node]:
    return [node for node in sim.record.retry_receipts() if node.attrs["id"] == message_id]


def counts(sim: Simulator, message_id: str) -> list[str]:
    found = [node.child("retry") for node in retries(sim, message_id)]
    return [retry.attrs["count"] for retry in found if retry is not None]


def garbage(bob: Phone, kind: str = "msg", **attrs: str) -> Node:
    return stanza_from(bob, [Node("enc", {"v": "2", "type": kind}, b"\x33" + b"no" * 30)], **attrs)


async def text(ours: Rig, wanted: str) -> None:
    await ours.listener.wait_for(lambda: wanted in ours.listener.texts)


async def test_a_tampered_message_is_asked_for_and_comes_again(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        sim.faults.plan(FaultKind.CORRUPT_MESSAGE, phone=ann.number, device=1)
        message_id = bob.send(ann, "heals")
        await text(ours, "heals")
        await sim.wait_settled()
        assert counts(sim, message_id) == ["1"]
        assert bob.retried == [message_id]
        (asked,) = retries(sim, message_id)
        assert asked.attrs["to"] == str(bob.lid)
        assert asked.child("keys") is None
        registration = asked.child("registration")
        assert registration is not None
        assert len(registration.bytes()) == 4

        (place,) = ours.listener.missing
        assert (place.id, place.chat, place.from_me) == (message_id, BOB_PN, False)
        kinds = [event.WhichOneof("body") for event in ours.listener.events]
        assert kinds.index("undecryptable") < kinds.index("message")
        bob.send(ann, "and on")
        await text(ours, "and on")
    assert sim.record.broken() == []


async def test_the_true_message_after_a_tampered_one_is_read(sim: Simulator, session: Path) -> None:
    """A forgery must not use up the key of the message that it imitates."""
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        true = seal(bob, device, e2e_pb2.Message(conversation="true"))
        (enc,) = true.children("enc")
        spoilt = bytearray(enc.bytes())
        spoilt[-12] ^= 1
        forged = Node(
            "message", {**true.attrs, "id": "3AF0"}, [Node("enc", enc.attrs, bytes(spoilt))]
        )
        device.mailbox.post(forged)
        device.mailbox.post(true)
        await text(ours, "true")


async def test_keys_go_with_the_second_request_and_there_are_four_at_most(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        stanza = garbage(bob)
        for _ in range(6):
            device.mailbox.post(stanza)
            await sim.wait_settled()
        assert len(answers(sim, stanza.attrs["id"])) == 6
        asked = retries(sim, stanza.attrs["id"])
        assert counts(sim, stanza.attrs["id"]) == ["1", "2", "3", "4"]
        assert [node.child("keys") is not None for node in asked] == [False, True, True, True]
        assert len(ours.listener.missing) == 1, "one place, however often it came"
        assert device.mailbox.pending == []


async def test_the_sender_s_own_count_bounds_ours_too(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        enc = Node("enc", {"v": "2", "type": "msg", "count": "4"}, b"\x33" + b"no" * 30)
        stanza = stanza_from(bob, [enc])
        device.mailbox.post(stanza)
        await sim.wait_for(lambda: answers(sim, stanza.attrs["id"]))
        assert retries(sim, stanza.attrs["id"]) == []


async def test_the_keys_we_send_begin_a_new_session(sim: Simulator, session: Path) -> None:
    """Our side of the session is gone: only keys of ours bring the two together again."""
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        bob.send(ann, "warm")
        await text(ours, "warm")
        await ours.send(BOB_PN, "answered")
        await bob.wait_received("answered")
        with ours.file.unit() as unit:
            for at in unit.sessions.addresses(f"{bob.account.lid}_1"):
                unit.sessions.delete(at)
        message_id = bob.send(ann, "lost, asked for, begun anew")
        await text(ours, "lost, asked for, begun anew")
        assert [node.child("keys") is not None for node in retries(sim, message_id)][-1]
        assert len(retries(sim, message_id)) <= 2
        bob.send(ann, "and on")
        await text(ours, "and on")
        assert len(ours.listener.missing) == 1
    assert sim.record.broken() == []


async def test_no_session_at_all_is_asked_for(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        stanza = garbage(bob)
        ann.companions[0].mailbox.post(stanza)
        await sim.wait_for(lambda: retries(sim, stanza.attrs["id"]))
        (place,) = await ours.listener.wait_for(lambda: ours.listener.missing)
        assert place.reason
        await sim.wait_settled()
        (answer,) = answers(sim, stanza.attrs["id"])
        assert (answer.tag, answer.attrs.get("error")) == ("ack", None)


async def test_a_message_that_says_hide_leaves_no_place(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        attrs = {"v": "2", "type": "msg", "decrypt-fail": "hide"}
        stanza = stanza_from(bob, [Node("enc", attrs, b"\x33" + b"no" * 30)])
        ann.companions[0].mailbox.post(stanza)
        await sim.wait_for(lambda: retries(sim, stanza.attrs["id"]))
        await sim.wait_settled()
        assert ours.listener.missing == []


async def test_garbage_as_a_start_is_asked_for_and_changes_nothing(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        stanza = garbage(bob, "pkmsg")
        ann.companions[0].mailbox.post(stanza)
        await sim.wait_for(lambda: retries(sim, stanza.attrs["id"]))
        with ours.file.unit() as unit:
            assert unit.sessions.addresses(f"{bob.account.lid}_1") == []
        bob.send(ann, "an honest start")
        await text(ours, "an honest start")
    assert sim.record.broken() == []


async def test_a_peer_with_a_new_identity_is_believed_and_noted(
    sim: Simulator, session: Path, log_lines: list[str]
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        bob.send(ann, "before")
        await text(ours, "before")
        changed = Node(
            "notification",
            {"from": str(bob.lid), "type": "encrypt", "id": "id-1", "t": "1"},
            [Node("identity")],
        )
        ann.companions[0].mailbox.post(changed)
        await sim.wait_settled()
        with ours.file.unit() as unit:
            assert unit.sessions.addresses(f"{bob.account.lid}_1") == []
        result = await ours.send(BOB_PN, "to the new one")
        assert result.outcome == link_pb2.SendResult.SENT
        await bob.wait_received("to the new one")
        assert any("identity_changed" in line for line in log_lines)
        starts = [
            enc.attrs["type"]
            for node in sim.record.nodes("message", direction=Direction.RECEIVED)
            for participants in node.children("participants")
            for to in participants.children("to")
            for enc in to.children("enc")
        ]
        assert set(starts) == {"pkmsg"}
    assert sim.record.broken() == []


async def test_bodies_keys_and_numbers_stay_out_of_the_log(
    sim: Simulator, session: Path, log_lines: list[str]
) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        sim.faults.plan(FaultKind.CORRUPT_MESSAGE, phone=ann.number, device=1)
        bob.send(ann, "a body like no other")
        await text(ours, "a body like no other")
        await ours.send(BOB_PN, "an answer like no other")
        await ours.send("19990000000@s.whatsapp.net", "to nobody")
        with ours.file.unit() as unit:
            keys = unit.credentials.get()
    whole = "\n".join(log_lines)
    for secret in (
        "like no other",
        "15550000001",
        "15550000002",
        "19990000000",
        keys.adv_secret.hex(),
        keys.identity_key.private.hex(),
    ):
        assert secret not in whole
