"""A session file that was restored from a backup never takes a step of a ratchet twice."""

from pathlib import Path

from shared import link_pb2
from shared.clock import SystemClock
from tests.simulator import Direction, Phone, Simulator
from worker.session import SessionFile
from worker.wire import Jid, Node

from .rig import rig

BOB = "15550000002@s.whatsapp.net"


async def couple(sim: Simulator) -> tuple[Phone, Phone]:
    return await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")


def ciphers(sim: Simulator, message_id: str) -> dict[str, str]:
    """Return how a message of ours was encrypted for whom."""
    found: dict[str, str] = {}
    for node in sim.record.nodes("message", direction=Direction.RECEIVED):
        participants = node.child("participants")
        if node.attrs["id"] == message_id and participants is not None:
            for to in participants.children("to"):
                enc = to.child("enc")
                assert enc is not None
                found[to.attrs["jid"]] = enc.attrs["type"]
    return found


def restore(snapshot: Path, to: Path) -> None:
    """Do what a worker does with a backup before it connects."""
    with (
        SessionFile.restore(to, SystemClock(), snapshot.read_bytes()) as file,
        file.unit() as unit,
    ):
        own = unit.credentials.get()
        assert own.jid is not None
        assert own.lid is not None
        names = [Jid.parse(each).signal_name for each in (own.jid, own.lid)]
        unit.start_lineage("another", names)


async def test_the_first_message_after_a_restore_begins_new_sessions(
    sim: Simulator, tmp_path: Path
) -> None:
    ann, bob = await couple(sim)
    snapshot = tmp_path / "snapshot"
    async with rig(sim, tmp_path / "old" / "session.db") as ours:
        await ours.pair(ann)
        bob.send(ann, "warm")
        await ours.listener.wait_for(lambda: ours.listener.texts)
        await ours.send(BOB, "one")
        ours.file.snapshot(snapshot)
        for i in range(3):
            await ours.send(BOB, f"after the backup {i}")
        await bob.wait_received("after the backup 2")
        await sim.wait_settled()

    restored = tmp_path / "new" / "session.db"
    restore(snapshot, restored)
    bob.send(ann, "while it was away")
    async with rig(sim, restored) as again:
        await again.listener.wait_for(lambda: "while it was away" in again.listener.texts)
        await again.send(BOB, "first of the new branch", "3EB0AA")
        assert (await bob.wait_received("first of the new branch")).text
        assert ciphers(sim, "3EB0AA") == {str(bob.lid): "pkmsg", str(ann.lid): "pkmsg"}
        bob.send(ann, "understood")
        await again.listener.wait_for(lambda: "understood" in again.listener.texts)
        await again.send(BOB, "second", "3EB0AB")
        await bob.wait_received("second")
        assert ciphers(sim, "3EB0AB")[str(bob.lid)] == "msg"
    assert bob.unreadable == []
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


async def test_reading_is_not_enough_to_send_in_a_restored_session(
    sim: Simulator, tmp_path: Path
) -> None:
    ann, bob = await couple(sim)
    session = tmp_path / "session.db"
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        bob.send(ann, "warm")
        await ours.listener.wait_for(lambda: ours.listener.texts)
        await ours.send(BOB, "one")
        await bob.wait_received("one")
        with ours.file.unit() as unit:
            unit.sessions.mark_all_stale()
        bob.send(ann, "read in the old one")
        await ours.listener.wait_for(lambda: "read in the old one" in ours.listener.texts)
        await ours.send(BOB, "in a new one", "3EB0AA")
        assert ciphers(sim, "3EB0AA")[str(bob.lid)] == "pkmsg"
        await bob.wait_received("in a new one")
    assert sim.record.retry_receipts() == []


async def test_a_retry_is_not_answered_in_a_restored_session(
    sim: Simulator, tmp_path: Path
) -> None:
    """Also when there are no keys for a new one: better no answer than a step taken twice."""
    ann, bob = await couple(sim)
    async with (
        rig(sim, tmp_path / "a" / "session.db") as ours,
        rig(sim, tmp_path / "b" / "session.db") as bobs,
    ):
        await ours.pair(ann)
        await bobs.pair(bob)
        await ours.send(BOB, "one", "3EB0AA")
        await bobs.listener.wait_for(lambda: bobs.listener.texts)
        bob.unlink()  # so the server has no keys of it
        await sim.wait_settled()
        with ours.file.unit() as unit:
            unit.sessions.mark_all_stale()
        retry = Node("retry", {"count": "1", "id": "3EB0AA", "t": "1", "v": "1"})
        attrs = {"from": f"{bob.account.lid}:1@lid", "id": "3EB0AA", "type": "retry", "t": "1"}
        before = len(key_queries(sim))
        ann.companions[0].mailbox.post(Node("receipt", attrs, [retry]))
        await sim.wait_for(lambda: len(key_queries(sim)) > before)
        await ours.send(BOB, "goes on", "3EB0AB")
        await bob.wait_received("goes on")
        alone = [
            node
            for node in sim.record.nodes("message", direction=Direction.RECEIVED)
            if node.attrs["id"] == "3EB0AA" and node.child("participants") is None
        ]
        assert alone == []


def key_queries(sim: Simulator) -> list[Node]:
    found = sim.record.nodes("iq", direction=Direction.RECEIVED)
    return [n for n in found if n.attrs.get("xmlns") == "encrypt" and n.child("key") is not None]


async def test_a_group_gets_a_new_sender_key_after_a_restore(
    sim: Simulator, tmp_path: Path
) -> None:
    ann, bob = await couple(sim)
    snapshot = tmp_path / "snapshot"
    async with rig(sim, tmp_path / "old" / "session.db") as ours:
        await ours.pair(ann)
        group = ann.create_group("Sailors", [bob])
        await ours.send(str(group.jid), "one")
        ours.file.snapshot(snapshot)
        await ours.send(str(group.jid), "two, after the backup")
        await bob.wait_received("two, after the backup")
        await sim.wait_settled()

    restored = tmp_path / "new" / "session.db"
    restore(snapshot, restored)
    async with rig(sim, restored) as again:
        await again.listener.wait_state(link_pb2.CONNECTED)
        await again.send(str(group.jid), "three", "3EB0AA")
        assert (await bob.wait_received("three")).text
        assert set(ciphers(sim, "3EB0AA")) == {str(bob.lid), str(ann.lid)}
    assert bob.unreadable == []
    assert sim.record.broken() == []
