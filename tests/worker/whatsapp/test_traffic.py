"""Traffic both ways at once, through restarts and cuts: nothing lost, doubled, or asked again."""

import asyncio
from pathlib import Path

from shared import link_pb2
from tests.simulator import FaultKind, Phone, Simulator

from .rig import Rig, rig

ANN = "15550000001@s.whatsapp.net"
BOB = "15550000002@s.whatsapp.net"
SENT = link_pb2.SendResult.SENT


async def couple(sim: Simulator) -> tuple[Phone, Phone]:
    return await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")


def heard(ours: Rig) -> list[str]:
    """Return the texts that others wrote."""
    return [message.text for message in ours.listener.messages if not message.from_me]


async def until_sent(ours: Rig, to: str, text: str, message_id: str) -> None:
    """Send as the outbox does: again under the same id, until it is through."""
    while (await ours.send(to, text, message_id)).outcome != SENT:
        await ours.listener.wait_state(link_pb2.CONNECTED)


async def test_both_sides_begin_at_the_same_time(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        bob.offline()
        await ours.send(BOB, "ours crosses")
        bob.send(ann, "theirs crosses")
        bob.online()
        await ours.listener.wait_for(lambda: heard(ours))
        await bob.wait_received("ours crosses")
        for turn in range(4):
            await ours.send(BOB, f"ours {turn}")
            bob.send(ann, f"theirs {turn}")
            await bob.wait_received(f"ours {turn}")
        await ours.listener.wait_for(lambda: len(heard(ours)) == 5)
        assert heard(ours) == ["theirs crosses", *(f"theirs {turn}" for turn in range(4))]
    assert bob.unreadable == []
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


async def test_two_of_ours_write_to_each_other_at_once(sim: Simulator, tmp_path: Path) -> None:
    ann, bob = await couple(sim)
    async with (
        rig(sim, tmp_path / "a" / "session.db") as anns,
        rig(sim, tmp_path / "b" / "session.db") as bobs,
    ):
        await anns.pair(ann)
        await bobs.pair(bob)
        texts = [f"{i}" for i in range(60)]
        results = await asyncio.gather(
            *(anns.send(BOB, text, f"3EB0A{text}") for text in texts),
            *(bobs.send(ANN, text, f"3EB0B{text}") for text in texts),
        )
        assert {result.outcome for result in results} == {SENT}
        await anns.listener.wait_for(lambda: len(heard(anns)) == 60)
        await bobs.listener.wait_for(lambda: len(heard(bobs)) == 60)
        assert (heard(anns), heard(bobs)) == (texts, texts)
    assert (ann.unreadable, bob.unreadable) == ([], [])
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


async def test_a_restart_in_the_middle_loses_and_doubles_nothing(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await couple(sim)
    texts: list[str] = []
    async with rig(sim, session) as ours:
        await ours.pair(ann)
    for life in range(3):
        async with rig(sim, session) as ours:
            await ours.listener.wait_state(link_pb2.CONNECTED)
            for i in range(15):
                bob.send(ann, f"{life}.{i}")
                await until_sent(ours, BOB, f"{life}.{i}", f"3EB0{life}{i:02}")
            await ours.stop()  # wherever it is
        texts += heard(ours)
    async with rig(sim, session) as ours:
        await ours.listener.wait_state(link_pb2.CONNECTED)
        ours.listener.store()
        await sim.wait_settled()
        texts += heard(ours)
    wanted = [f"{life}.{i}" for life in range(3) for i in range(15)]
    assert texts == wanted
    await bob.wait_received("2.14")
    assert [got.text for got in bob.received] == wanted
    assert bob.unreadable == []
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []


async def test_cuts_in_the_middle_lose_and_double_nothing(sim: Simulator, session: Path) -> None:
    ann, bob = await couple(sim)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        for number in (7, 12, 9, 15):
            sim.faults.plan(FaultKind.DROP_AFTER, number, phone=ann.number)
        sim.disconnect(ann.companions[0])  # the first of them is for the next connection
        for i in range(30):
            bob.send(ann, f"{i}")
            await until_sent(ours, BOB, f"{i}", f"3EB0{i:02}")
        await ours.listener.wait_for(lambda: len(heard(ours)) >= 30)
        await sim.wait_settled()
        assert heard(ours) == [f"{i}" for i in range(30)]
        await bob.wait_received("29")
        assert [got.text for got in bob.received] == [f"{i}" for i in range(30)]
    assert sim.record.overlaps() == []
