"""Clients that nobody here wrote, among themselves: they prove that the simulated service is right.

Both verify every signature: whatsmeow by itself, Baileys through `clients/strict.mjs`. Their own
faults are kept out, each for a reason:

- Baileys keeps the two directions of a session under different locks (`clients/onelock.mjs` puts
  them under one), and a session that both sides start at the same moment damages its store: one
  side writes first.
- whatsmeow loads sessions before it encrypts and stores them afterwards, whatever it decrypted
  meanwhile: with traffic both ways at once it uses message keys twice (the simulator's books show
  it: `Rule.MESSAGE_KEY_REUSED`). It gets its messages while it isn't sending.
"""

import asyncio
import contextlib
import functools
import shutil
from pathlib import Path

import pytest

from tests.interop.conftest import StartAny, StartWitness
from tests.interop.witness import Witness, WitnessError
from tests.simulator import CertificateDefect, Rule, ScanRefusedError, Simulator

pytestmark = [pytest.mark.interop, pytest.mark.timeout(170)]

ANN, BOB, CAT, DAN = "15550000001", "15550000002", "15550000003", "15550000004"
MESSAGES_EACH_WAY = 25
BACKLOG = 250
FIRST_UPLOAD = 812
BOTH = ["baileys", "whatsmeow"]

NOT_CHECKED_BY_BAILEYS = (
    CertificateDefect.OTHER_LEAF_KEY,
    CertificateDefect.EXPIRED,
    CertificateDefect.NOT_YET_VALID,
    CertificateDefect.WRONG_LEAF_ISSUER,
)
"""Baileys looks at neither the dates nor the key that the leaf names."""


def pn(phone: str) -> str:
    return f"{phone}@s.whatsapp.net"


def assert_clean(sim: Simulator, *witnesses: Witness) -> None:
    """Nothing was asked for twice, nothing broke a rule, and nobody got what he could not read."""
    assert sim.record.retry_receipts() == []
    assert sim.record.violations == []
    assert [witness.problems() for witness in witnesses] == [[] for _ in witnesses]


async def pair_both(sim: Simulator, ann: Witness, bob: Witness) -> None:
    """Pair one after the other: where the machine is busy, two pairings only slow each other."""
    await ann.pair(sim, await sim.phone(ANN, "Ann"))
    await bob.pair(sim, await sim.phone(BOB, "Bob"))


async def write_many(writer: Witness, reader: Witness, to: str, name: str) -> None:
    """Send many messages at once, and see that all of them are read."""
    texts = [f"from {name} {i}" for i in range(MESSAGES_EACH_WAY)]
    await asyncio.gather(*(writer.send(pn(to), text) for text in texts))
    for text in texts:
        await reader.wait_message(text)


async def converse(sim: Simulator, ann: Witness, bob: Witness, *, at_once: bool) -> None:
    """Exchange a first message, an answer, and many both ways; phones keep copies."""
    await ann.send(pn(BOB), "first")
    await bob.wait_message("first")
    await bob.send(pn(ANN), "answer")
    await ann.wait_message("answer")
    ways = write_many(ann, bob, BOB, "ann"), write_many(bob, ann, ANN, "bob")
    if at_once:
        await asyncio.gather(*ways)
    else:
        for way in ways:
            await way
    copy = await (await sim.phone(ANN)).wait_received("first", from_me=True)
    assert copy.chat in (pn(BOB), str((await sim.phone(BOB)).lid))
    await sim.wait_settled()


async def miss_and_catch_up(sim: Simulator, ann: Witness, bob: Witness) -> None:
    """See that what was sent while Bob was away comes when he is back, without a new pairing."""
    await bob.disconnect(sim)
    for i in range(5):
        await ann.send(pn(BOB), f"while away {i}")
    await bob.reconnect(sim)
    for i in range(5):
        await bob.wait_message(f"while away {i}")
    await bob.send(pn(ANN), "back")
    await ann.wait_message("back")
    await sim.wait_settled()


async def test_baileys_and_baileys_write_each_other_and_catch_up(
    sim: Simulator, baileys: StartWitness
) -> None:
    ann, bob = await baileys("ann"), await baileys("bob")
    await pair_both(sim, ann, bob)

    await converse(sim, ann, bob, at_once=True)
    await miss_and_catch_up(sim, ann, bob)

    assert_clean(sim, ann, bob)
    assert sim.record.connections[-1].routing_info == sim.hub.options.routing_info


async def test_baileys_and_whatsmeow_write_each_other_and_catch_up(
    sim: Simulator, baileys: StartWitness, whatsmeow: StartWitness
) -> None:
    ann, bob = await baileys("ann"), await whatsmeow("bob")
    await pair_both(sim, ann, bob)

    await converse(sim, ann, bob, at_once=False)
    await miss_and_catch_up(sim, ann, bob)

    assert_clean(sim, ann, bob)


async def test_group_with_a_late_joiner_and_a_leaver(
    sim: Simulator, baileys: StartWitness, whatsmeow: StartWitness
) -> None:
    ann, bob = await baileys("ann"), await whatsmeow("bob")
    await pair_both(sim, ann, bob)
    cat, dan = await sim.phone(CAT, "Cat"), await sim.phone(DAN, "Dan")

    group = await ann.do("create_group", subject="Four", members=[pn(BOB), pn(CAT)])
    await ann.send(group, "to three")
    await bob.wait_message("to three")
    await cat.wait_received("to three")
    await bob.send(group, "from bob")
    await ann.wait_message("from bob")
    await cat.wait_received("from bob")
    await ann.do("members", group=group, action="add", members=[pn(DAN)])
    await sim.wait_settled()
    await ann.send(group, "to four")
    assert (await dan.wait_received("to four")).chat == group
    dan.send_group(group, "late but here")
    for witness in (ann, bob):
        await witness.wait_message("late but here")
    cat.leave_group(sim.group(group))
    await sim.wait_settled()
    await bob.send(group, "without cat")
    await ann.wait_message("without cat")
    await dan.wait_received("without cat")
    await sim.wait_settled()

    assert_clean(sim, ann, bob)
    assert "without cat" not in [received.text for received in cat.received]


async def test_two_linked_devices_of_one_phone_see_what_the_other_sends(
    sim: Simulator, baileys: StartWitness, whatsmeow: StartWitness
) -> None:
    first, second = await baileys("first"), await whatsmeow("second")
    ann, bob = await sim.phone(ANN, "Ann"), await sim.phone(BOB, "Bob")
    await first.pair(sim, ann)
    await first.send(pn(BOB), "alone")
    await bob.wait_received("alone")

    await second.pair(sim, ann)
    await sim.wait_settled()
    await first.send(pn(BOB), "from the first")
    copy = await second.wait_message("from the first")
    bob.send(ANN, "to both")
    await asyncio.gather(first.wait_message("to both"), second.wait_message("to both"))
    await second.send(pn(BOB), "from the second")
    other_copy = await first.wait_message("from the second")
    ann.send(BOB, "from the phone")
    for witness in (first, second):
        assert (await witness.wait_message("from the phone"))["from_me"]
    await sim.wait_settled()

    assert (copy["from_me"], other_copy["from_me"]) == (True, True)
    assert [received.text for received in bob.received] == [
        "alone",
        "from the first",
        "from the second",
        "from the phone",
    ]
    assert_clean(sim, first, second)


@pytest.mark.parametrize("who", BOTH)
async def test_a_message_that_was_damaged_is_asked_for_again_and_read(
    who: str, sim: Simulator, witness: StartAny
) -> None:
    ann = await witness(who, "ann")
    device = await ann.pair(sim, await sim.phone(ANN, "Ann"))
    bob = await sim.phone(BOB, "Bob")
    bob.send(ANN, "sound")
    await ann.wait_message("sound")
    await ann.send(pn(BOB), "answer")
    await bob.wait_received("answer")

    sim.faults.plan("corrupt_message", phone=ANN, device=device.number)
    message_id = bob.send(ANN, "damaged")
    await ann.wait_message("damaged")

    assert bob.retried == [message_id]
    assert [node.attrs["id"] for node in sim.record.retry_receipts()] == [message_id]


@pytest.mark.parametrize("who", BOTH)
async def test_a_device_hosted_by_the_service_can_be_linked(
    who: str, sim: Simulator, witness: StartAny
) -> None:
    ann, phone = await witness(who, "ann"), await sim.phone(ANN, "Ann")
    await ann.do("connect")

    device = await phone.scan((await ann.wait("qr"))["qr"], hosted=True)
    opened = await ann.wait("open")

    assert opened["jid"] == device.name


@pytest.mark.parametrize("fault", ["pair_hmac", "pair_signature"])
@pytest.mark.parametrize("who", BOTH)
async def test_a_pairing_that_the_phone_did_not_vouch_for_is_refused(
    who: str, fault: str, sim: Simulator, witness: StartAny
) -> None:
    ann, phone = await witness(who, "ann"), await sim.phone(ANN, "Ann")
    sim.faults.plan(fault)
    await ann.do("connect")

    with pytest.raises(ScanRefusedError):
        await phone.scan((await ann.wait("qr"))["qr"])

    assert phone.companions == []


@pytest.mark.parametrize("who", BOTH)
async def test_an_unlinked_device_is_told_so(who: str, sim: Simulator, witness: StartAny) -> None:
    ann = await witness(who, "ann")
    phone = await sim.phone(ANN, "Ann")
    await ann.pair(sim, phone)

    phone.unlink()
    closed = await ann.wait("close")

    assert closed["code"] == 401
    assert sim.record.broken(Rule.STALE_BYTES) == []


async def test_a_second_login_of_one_device_replaces_the_first(
    sim: Simulator, baileys: StartWitness, tmp_path: Path
) -> None:
    ann = await baileys("ann")
    device = await ann.pair(sim, await sim.phone(ANN, "Ann"))
    shutil.copytree(tmp_path / "ann", tmp_path / "again")
    again = await baileys("again")
    again.device = device

    await again.do("connect")
    closed = await ann.wait("close")
    await again.wait("open")

    assert closed["code"] == 440
    assert [log.close_reason for log in sim.record.connections[1:]] == ["replaced", ""]
    assert len(sim.record.overlaps()) == 1


@pytest.mark.parametrize("who", BOTH)
async def test_a_server_with_bad_certificates_is_given_no_qr_code(
    who: str, sim: Simulator, witness: StartAny
) -> None:
    ann = await witness(who, "ann")
    for defect in CertificateDefect:
        if who == "baileys" and defect in NOT_CHECKED_BY_BAILEYS:
            continue
        sim.faults.plan("certificate", defect.value)
        before = len(sim.record.connections)
        await ann.do("connect")
        await sim.wait_for(functools.partial(_closed_since, sim, before))

    assert not [event for event in ann.events if event["event"] == "qr"]
    assert list(sim.record.nodes("iq")) == []


def _closed_since(sim: Simulator, before: int) -> bool:
    fresh = sim.record.connections[before:]
    return bool(fresh) and all(log.closed_s is not None for log in fresh)


@pytest.mark.parametrize("who", BOTH)
async def test_a_bundle_with_a_bad_signature_is_not_written_to(
    who: str, sim: Simulator, witness: StartAny
) -> None:
    ann = await witness(who, "ann")
    await ann.pair(sim, await sim.phone(ANN, "Ann"))
    bob = await sim.phone(BOB, "Bob")
    sim.faults.plan("bundle_signature", phone=BOB, times=9)

    with contextlib.suppress(WitnessError):
        await ann.send(pn(BOB), "to a stranger")
    sim.faults.clear()
    await ann.send(pn(BOB), "to Bob")
    await bob.wait_received("to Bob")

    assert [received.text for received in bob.received] == ["to Bob"]


@pytest.mark.parametrize("who", BOTH)
async def test_pre_keys_that_run_low_are_replenished(
    who: str, sim: Simulator, witness: StartAny
) -> None:
    ann = await witness(who, "ann")
    device = await ann.pair(sim, await sim.phone(ANN, "Ann"))
    await sim.wait_for(lambda: len(device.keys.one_time) >= FIRST_UPLOAD)
    for key_id in list(device.keys.one_time)[: FIRST_UPLOAD - 5]:
        del device.keys.one_time[key_id]

    bob = await sim.phone(BOB, "Bob")
    bob.send(ANN, "one key fewer")
    await ann.wait_message("one key fewer")

    await sim.wait_for(lambda: len(device.keys.one_time) >= 5)
    assert_clean(sim, ann)


async def test_a_long_backlog_comes_in_lots_and_in_order(
    sim: Simulator, baileys: StartWitness
) -> None:
    ann = await baileys("ann")
    device = await ann.pair(sim, await sim.phone(ANN, "Ann"))
    bob = await sim.phone(BOB, "Bob")
    bob.send(ANN, "warm up")
    await ann.wait_message("warm up")
    await ann.disconnect(sim)
    texts = [f"backlog {i}" for i in range(BACKLOG)]
    for text in texts:
        bob.send(ANN, text)

    await ann.reconnect(sim)
    await ann.wait_message(texts[-1])
    await sim.wait_settled()

    assert [e["text"] for e in ann.messages() if e["text"] in texts] == texts
    assert_clean(sim, ann)
    assert device.mailbox.pending == []
