"""Errands are asked once, a few at a time, and none of them costs the connection."""

import asyncio
from pathlib import Path

from tests.simulator import FaultKind, Simulator
from worker.whatsapp.errands import MAX_WAITING, RUNNERS, ErrandDesk
from worker.whatsapp.queries import QueryTimeout
from worker.whatsapp.reaction import AnswerRetry, AskGroup, Errand, RefillPreKeys
from worker.wire import Jid, Node

from .rig import rig

GROUP = Jid.parse("120363000000000001@g.us")


async def test_the_same_errand_waits_once_but_every_retry_is_answered() -> None:
    done: list[Errand] = []
    finished = asyncio.Event()

    async def run(errand: Errand) -> None:
        done.append(errand)
        if errand == AnswerRetry(Node("receipt", {"id": "last"})):
            finished.set()

    desk = ErrandDesk(run)
    for _ in range(50):
        desk.put(AskGroup(GROUP))
        desk.put(RefillPreKeys())
    retries = [AnswerRetry(Node("receipt", {"id": each})) for each in ("one", "one", "last")]
    for retry in retries:
        desk.put(retry)
    working = asyncio.create_task(desk.work())
    async with asyncio.timeout(5):
        await finished.wait()
    working.cancel()

    assert done == [AskGroup(GROUP), RefillPreKeys(), *retries]


async def test_an_unanswered_errand_is_let_go_and_the_next_is_done() -> None:
    done = asyncio.Event()

    async def run(errand: Errand) -> None:
        if isinstance(errand, AskGroup):
            raise QueryTimeout("no answer")
        done.set()

    desk = ErrandDesk(run)
    desk.put(AskGroup(GROUP))
    desk.put(RefillPreKeys())
    working = asyncio.create_task(desk.work())
    async with asyncio.timeout(5):
        await done.wait()
    assert not working.done()
    working.cancel()


async def test_a_flood_of_errands_is_bounded() -> None:
    desk = ErrandDesk(lambda _: asyncio.sleep(0))
    for number in range(MAX_WAITING + 10):
        desk.put(AnswerRetry(Node("receipt", {"id": str(number)})))

    assert len(desk._waiting) == MAX_WAITING


async def test_hundreds_of_group_changes_ask_for_the_group_a_few_times(
    sim: Simulator, tmp_path: Path
) -> None:
    ann, bob = await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")
    async with rig(sim, tmp_path / "session.db") as ours:
        await ours.pair(ann)
        group = ann.create_group("Sailors", [bob])
        await sim.wait_settled()
        before = len(queries(sim))
        sim.faults.hold(ann.number)
        for _ in range(40):
            ann.remove_from_group(group, [bob])
            ann.add_to_group(group, [bob])
        sim.faults.release(ann.number)
        await sim.wait_settled()
        asked = len(queries(sim)) - before

        assert asked <= RUNNERS + 4  # one that is under way, one that waits, per batch read
        bob.send(ann, "still here")
        await ours.listener.wait_for(lambda: "still here" in ours.listener.texts)


async def test_a_group_query_without_an_answer_does_not_cost_the_connection(
    sim: Simulator, tmp_path: Path
) -> None:
    ann, bob = await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")
    async with rig(sim, tmp_path / "session.db") as ours:
        await ours.pair(ann)
        sim.faults.plan(FaultKind.MUTE_IQ, "w:g2", phone=ann.number, times=100)
        ann.create_group("Sailors", [bob])
        bob.send(ann, "hello")
        await ours.listener.wait_for(lambda: "hello" in ours.listener.texts)
        dials = len(sim.record.connections)
        await sim.wait_settled()

        assert len(sim.record.connections) == dials


def queries(sim: Simulator) -> list[Node]:
    return [node for node in sim.record.nodes("iq") if node.attrs.get("xmlns") == "w:g2"]


async def test_a_pair_learned_by_asking_is_told_without_waiting_for_a_stanza(
    sim: Simulator, tmp_path: Path
) -> None:
    ann, bob = await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")
    async with rig(sim, tmp_path / "session.db") as ours:
        await ours.pair(ann)
        stream = ours.account.stream
        assert stream is not None
        await stream._logged_in.result().directory.lid_of(bob.jid)

        pair = await ours.listener.wait_for(
            lambda: [event.lid_pair for event in ours.listener.events if event.lid_pair.pn]
        )
        assert (pair[0].pn, pair[0].lid) == (str(bob.jid), str(bob.lid))
