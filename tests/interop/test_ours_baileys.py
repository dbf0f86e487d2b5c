"""Our worker and Baileys 7.0.0-rc14, which nobody here wrote, in every direction.

Baileys verifies every signature (`clients/strict.mjs`). What is tolerated of it, by name:

- ONE_LOCK: it keeps the two directions of a session under different locks, and with traffic both
  ways at once uses message keys twice. `clients/onelock.mjs` puts both under one lock.
- NO_KEYS_AT_FIRST: it asks for a message a first time without keys, whatever is wrong; if its
  session is lost, only its second request can heal that. (The real apps do the same.)
- WARM_UP: a session that both sides start at the same moment damages its own store. So one side
  of each pair writes first here; who that is differs.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from shared import link_pb2
from tests.interop import courses
from tests.interop.courses import Client, Table, heard, kinds_of, numbered, pn
from tests.interop.ours import Ours
from tests.interop.witness import Witness, baileys_command
from tests.log_guard import KnownSecrets
from tests.simulator import Phone, Simulator
from worker.wire.jid import LID, PN

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(170),
    pytest.mark.asyncio(loop_scope="module"),
]

ANN, BOB, CAT, DAN = "15550000001", "15550000002", "15550000003", "15550000004"
EACH_WAY = 100


@dataclass(kw_only=True)
class House(Table):
    """Beside our worker and Bob's Baileys: another on Ann's own phone, Cat's, and Dan's phone."""

    twin: Witness
    cat: Witness
    cats: Phone
    dan: Phone
    folder: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Pair everybody with simulated phones, and let the first words be exchanged."""
    folder = tmp_path_factory.mktemp("house")
    async with contextlib.AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator())
        phones = [
            await sim.phone(number, name)
            for number, name in ((ANN, "Ann"), (BOB, "Bob"), (CAT, "Cat"), (DAN, "Dan"))
        ]
        ours = await stack.enter_async_context(Ours.running(sim, folder / "ours"))
        names = ("bob", "twin", "cat")
        bob, twin, cat = [
            await stack.enter_async_context(Witness.running(baileys_command(sim, folder / name)))
            for name in names
        ]
        ann, bobs, cats, dan = phones
        await ours.pair(ann)
        for witness, phone in ((bob, bobs), (cat, cats), (twin, ann)):
            await witness.pair(sim, phone)
        yield House(
            sim=sim,
            ours=ours,
            ann=ann,
            peer=bob,
            bob=bobs,
            watched=[bob, twin, cat],
            twin=twin,
            cat=cat,
            cats=cats,
            dan=dan,
            folder=folder,
        )


@pytest.fixture(autouse=True)
def nothing_private_is_logged(known_secrets: KnownSecrets) -> None:
    """Have the worker's log lines searched for numbers and for what people wrote."""
    for phone in (ANN, BOB, CAT, DAN):
        known_secrets.add_phone(phone)
    for text in ("writes first", "many ours", "many peer", "killed peer", "damaged on the way"):
        known_secrets.add(text, "what somebody wrote")


@pytest_asyncio.fixture(loop_scope="module")
async def met(house: House) -> House:
    """Give a house whose people have written each other before, so that sessions stand."""
    await bob_and_ours_meet(house)
    await cat_and_ours_meet(house)
    return house


async def bob_and_ours_meet(house: House) -> None:
    """Bob's Baileys writes first, and we answer; nothing if that was done."""
    if heard(house.peer, "ours answers bob"):
        return
    await house.peer.send(pn(house.ann), "bob writes first")
    await house.ours.wait_text("bob writes first")
    await house.ours.send(pn(house.bob), "ours answers bob")
    await house.peer.wait_message("ours answers bob")


async def cat_and_ours_meet(house: House) -> None:
    """We write to Cat's Baileys first, and it answers; nothing if that was done."""
    if house.ours.texts("cat answers"):
        return
    await house.ours.send(pn(house.cats), "ours writes first")
    await house.cat.wait_message("ours writes first")
    await house.cat.send(pn(house.ann), "cat answers")
    await house.ours.wait_text("cat answers")


async def test_a_first_message_from_baileys_and_our_answer(house: House) -> None:
    await bob_and_ours_meet(house)
    await house.peer.send(pn(house.ann), "bob again")
    await house.ours.wait_text("bob again")

    assert kinds_of(house.sim, house.peer.device, house.ours.device) == ["pkmsg", "msg"]
    assert kinds_of(house.sim, house.ours.device, house.peer.device) == ["msg"]
    assert (await house.ours.wait_text("bob writes first")).push_name == "Bob"
    await house.clean()


async def test_a_first_message_of_ours_and_the_answer_of_baileys(house: House) -> None:
    await cat_and_ours_meet(house)
    await house.ours.send(pn(house.cats), "ours again")
    await house.cat.wait_message("ours again")

    assert kinds_of(house.sim, house.ours.device, house.cat.device) == ["pkmsg", "msg"]
    assert kinds_of(house.sim, house.cat.device, house.ours.device) == ["msg"]
    await house.clean()


async def test_every_address_of_a_person_leads_into_the_same_conversation(met: House) -> None:
    for address in (pn(met.ann), str(met.ann.lid)):
        await met.peer.send(address, f"bob to {address}")
        stored = await met.ours.wait_text(f"bob to {address}")
        assert (stored.chat, stored.chat_lid) == (pn(met.bob), str(met.bob.lid))
    for address in (pn(met.bob), str(met.bob.lid)):
        await met.ours.send(address, f"ours to {address}")
        await met.peer.wait_message(f"ours to {address}")
        copy = await met.ann.wait_received(f"ours to {address}", from_me=True)
        assert copy.chat in (pn(met.bob), str(met.bob.lid))
    for server in (PN, LID):
        met.dan.addressing = server
        met.dan.send(met.ann, f"dan by {server}")
        stored = await met.ours.wait_text(f"dan by {server}")
        assert (stored.chat, stored.chat_lid) == (pn(met.dan), str(met.dan.lid))
    await met.clean()


async def test_two_hundred_messages_both_ways_at_once(met: House) -> None:
    await courses.interleave(met, "many", EACH_WAY)

    copies = numbered("many ours", EACH_WAY)
    await met.twin.wait_message(copies[-1])
    assert heard(met.twin, "many ours", from_me=True) == copies
    await met.clean()


async def test_messages_wait_for_baileys_while_it_is_away(met: House) -> None:
    await courses.while_peer_is_away(met, "away")
    await met.clean()


async def test_messages_wait_for_us_while_our_worker_does_not_run(met: House) -> None:
    await courses.while_ours_is_away(met, "stopped")
    await met.clean()


async def test_our_worker_is_killed_in_the_middle_and_goes_on_without_a_new_pairing(
    met: House,
) -> None:
    await courses.killed_in_the_middle(met, "killed", ours=30, peer=30)
    await met.clean()


async def test_a_message_whose_ack_was_lost_with_our_worker_arrives_once(met: House) -> None:
    await courses.killed_before_the_ack(met, "written, not acked")
    await met.clean()


async def test_a_message_that_is_delivered_twice_is_stored_once(met: House) -> None:
    await courses.delivered_twice(met, "delivered twice")
    await met.clean()


async def test_each_device_of_an_account_sees_what_the_other_sends(met: House) -> None:
    sent = await met.ours.send(pn(met.bob), "from our worker")
    copy = await met.twin.wait_message("from our worker")
    assert (copy["id"], copy["from_me"]) == (sent, True)
    assert copy["chat"] in (pn(met.bob), str(met.bob.lid))

    sent = await met.twin.send(pn(met.bob), "from the other device")
    stored = await met.ours.wait_text("from the other device")
    assert (stored.id, stored.from_me, stored.chat) == (sent, True, pn(met.bob))
    assert (stored.sender, stored.sender_device) == (pn(met.ann), number_of(met.twin))
    await met.peer.wait_message("from the other device")
    await met.clean()


@pytest.mark.parametrize("addressing", [LID, PN])
async def test_a_group_of_four_with_a_late_joiner_and_a_leaver(met: House, addressing: str) -> None:
    group = met.dan.create_group("Four", [met.ann, met.bob], addressing=addressing)
    at_first, joined = courses.devices_of(met, group), len(met.cats.account.devices)
    first: dict[str, Client] = {"ours": met.ours, "twin": met.twin, "dan": met.dan, "bob": met.peer}
    await met.sim.wait_settled()
    await courses.everybody_writes(group, "three", first)
    met.dan.add_to_group(group, [met.cats])
    await met.sim.wait_settled()
    await courses.everybody_writes(group, "four", {**first, "cat": met.cat})
    await met.peer.do("leave", group=str(group.jid))
    await met.sim.wait_settled()
    remaining = {**first, "cat": met.cat}
    del remaining["bob"]
    await courses.everybody_writes(group, "without bob", remaining)
    renewed = courses.devices_of(met, group)
    assert courses.keys_given(met, group) == [at_first, 0, joined, 0, renewed, 0]

    assert heard(met.peer, f"{addressing} without bob") == []
    assert heard(met.cat, f"{addressing} three") == []
    await met.clean()


def number_of(witness: Witness) -> int:
    """Return a client's device number."""
    assert witness.device is not None
    return witness.device.number


async def test_group_messages_wait_for_our_worker(met: House) -> None:
    group = met.dan.create_group("Later", [met.ann, met.bob])
    await met.sim.wait_settled()
    await met.ours.stop()
    for text in numbered("group away", 3):
        await met.peer.send(str(group.jid), text)
    await met.ours.restart()
    await courses.reads(met.ours, numbered("group away", 3), own=False)
    await met.clean()


async def test_a_damaged_message_to_us_is_asked_for_once_and_read(met: House) -> None:
    assert met.ours.device is not None
    met.sim.faults.plan("corrupt_message", phone=ANN, device=met.ours.device.number)
    sent = await met.peer.send(pn(met.ann), "damaged on the way to us")

    await met.ours.wait_text("damaged on the way to us")
    await met.clean(sent)
    await courses.interleave(met, "after damage to us", 3)
    await met.clean()


async def test_a_damaged_message_of_ours_is_sent_again_and_read(met: House) -> None:
    met.sim.faults.plan("corrupt_message", phone=BOB, device=number_of(met.peer))
    sent = await met.ours.send(pn(met.bob), "damaged on the way to bob")

    await met.peer.wait_message("damaged on the way to bob")
    await met.clean(sent)
    await courses.interleave(met, "after damage to bob", 3)
    await met.clean()


async def test_our_lost_session_is_healed_by_one_retry(met: House) -> None:
    await met.ours.stop()
    with met.ours.session() as unit:
        for address in unit.sessions.addresses():
            unit.sessions.delete(address)
    await met.ours.restart()
    sent = await met.peer.send(pn(met.ann), "for a session that we lost")

    await met.ours.wait_text("for a session that we lost")
    await met.clean(sent)
    await courses.interleave(met, "after our loss", 3)
    await met.clean()


async def test_a_session_that_baileys_lost_is_healed_by_the_request_with_keys(met: House) -> None:
    await met.peer.disconnect(met.sim)
    for file in (met.folder / "bob").glob(f"session-{met.ann.lid.user}*"):
        file.unlink()
    await met.peer.reconnect(met.sim)
    sent = await met.ours.send(pn(met.bob), "for a session that bob lost")

    await met.peer.wait_message("for a session that bob lost")
    await met.clean(sent, sent)  # NO_KEYS_AT_FIRST
    await courses.interleave(met, "after bob's loss", 3)
    await met.clean()


async def test_what_we_got_and_what_others_got_and_read_is_told(met: House) -> None:
    theirs = await met.peer.send(pn(met.ann), "got it?")
    await met.ours.wait_text("got it?")
    await met.sim.wait_for(lambda: courses.is_confirmed(met, theirs))
    sent = await met.ours.send(pn(met.bob), "tell me")
    event = await met.peer.wait_message("tell me")
    await met.ours.wait_for(lambda: sent in met.ours.receipts(link_pb2.Receipt.DELIVERED))
    await met.peer.do("read", chat=event["chat"], message=event["id"])
    await met.ours.wait_for(lambda: sent in met.ours.receipts(link_pb2.Receipt.READ))
    await met.clean()
