"""Phones among themselves: sessions, groups, and what happens when something is lost."""

import pytest

from tests.simulator import Simulator
from worker.wire.jid import LID, PN

ANN, BOB, CAT, DAN = "15550000001", "15550000002", "15550000003", "15550000004"


async def test_a_text_is_received_answered_and_confirmed(sim: Simulator) -> None:
    ann, bob = await sim.phone(ANN, "Ann"), await sim.phone(BOB, "Bob")
    bob.echo()

    message_id = ann.send(BOB, "hello")
    received = await bob.wait_received("hello")
    answer = await ann.wait_received("echo: hello")
    bob.read(received)

    assert (received.message_id, received.name, received.chat) == (message_id, "Ann", str(ann.lid))
    assert answer.chat == str(bob.lid)
    assert (await ann.wait_receipt(message_id, "read")).attrs["from"] == str(bob.lid)


@pytest.mark.parametrize("addressing", [LID, PN])
async def test_a_group_with_a_late_joiner_and_a_leaver(addressing: str, sim: Simulator) -> None:
    ann, bob, cat, dan = [await sim.phone(number) for number in (ANN, BOB, CAT, DAN)]
    group = ann.create_group("Three", [bob, cat], addressing=addressing)

    ann.send_group(group, "one")
    await bob.wait_received("one")
    ann.add_to_group(group, [dan])
    ann.send_group(group, "two")
    await dan.wait_received("two")
    cat.leave_group(group)
    ann.send_group(group, "three")
    await bob.wait_received("three")

    assert [received.text for received in cat.received] == ["one", "two"]
    assert [received.text for received in dan.received] == ["two", "three"]
    assert sim.record.violations == []


async def test_a_damaged_message_is_asked_for_again(sim: Simulator) -> None:
    ann, bob = await sim.phone(ANN), await sim.phone(BOB)
    sim.faults.plan("corrupt_message", phone=BOB, device=0)

    message_id = ann.send(BOB, "hello")
    await bob.wait_received("hello")

    assert bob.unreadable == [message_id]
    assert ann.retried == [message_id]


async def test_what_came_while_a_phone_was_off_waits_for_it(sim: Simulator) -> None:
    ann, bob = await sim.phone(ANN), await sim.phone(BOB)
    bob.offline()
    texts = [f"message {i}" for i in range(5)]
    for text in texts:
        ann.send(BOB, text)

    bob.online()
    await bob.wait_received(texts[-1])

    assert [received.text for received in bob.received] == texts
