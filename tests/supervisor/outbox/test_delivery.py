import asyncio
from dataclasses import replace

import pytest

from shared import link_pb2 as pb
from shared.accounts import AccountStatus
from shared.clock import SystemClock
from supervisor.api.doors import WorkerUnavailable
from supervisor.events import EventBus, MessageChanged
from supervisor.outbox import Outbox
from supervisor.outbox_policy import EXPIRED
from supervisor.store.contract import SendConflict, Store, UnknownAccount
from supervisor.store.records import MessageStatus, OutboxRecord, OutboxState, Page
from tests.log_guard import KnownSecrets
from tests.supervisor.outbox.conftest import QUICK, StartOutbox
from tests.supervisor.outbox.fakes import MemoryFleet, refused, unavailable
from tests.supervisor.store.samples import ACCOUNT, ALICE, BOB, OTHER_ACCOUNT, account


async def until_settled(bus: EventBus, store: Store, client_id: str) -> OutboxRecord:
    """Wait for the outbox's word that a message is sent or failed."""
    async with asyncio.timeout(10), bus.subscribe() as events:
        while True:
            record = await store.outbox.get(ACCOUNT, client_id)
            assert record is not None
            if record.state in (OutboxState.SENT, OutboxState.FAILED):
                return record
            await anext(events)


async def test_a_message_of_a_connected_account_is_sent_while_the_caller_waits(
    outbox: Outbox, fleet: MemoryFleet, store: Store
) -> None:
    report = await outbox.send(ACCOUNT, ALICE, "hello", "c1")

    assert (report.record.state, report.repeated) == (OutboxState.SENT, False)
    [(account_id, send)] = fleet.sends
    assert account_id == ACCOUNT
    assert (send.to, send.text, send.message_id) == (ALICE, "hello", report.record.wa_message_id)
    [shown] = await store.conversations.messages(ACCOUNT, f"{ACCOUNT}__{ALICE}", Page(10))
    assert (shown.status, shown.sender) == (MessageStatus.SENT, "40000000001@s.whatsapp.net")


async def test_a_repeated_call_sends_nothing_twice(outbox: Outbox, fleet: MemoryFleet) -> None:
    first = await outbox.send(ACCOUNT, ALICE, "hello", "c1")
    again = await outbox.send(ACCOUNT, ALICE, "hello", "c1")

    assert again.repeated
    assert again.record.wa_message_id == first.record.wa_message_id
    assert again.record.state is OutboxState.SENT
    assert len(fleet.sends) == 1


async def test_three_calls_at_once_send_one_message(outbox: Outbox, fleet: MemoryFleet) -> None:
    reports = await asyncio.gather(*(outbox.send(ACCOUNT, ALICE, "hello", "c1") for _ in range(3)))

    assert sorted(report.repeated for report in reports) == [False, True, True]
    assert len(fleet.sends) == 1


async def test_an_id_that_stands_for_another_text_is_refused(outbox: Outbox) -> None:
    await outbox.send(ACCOUNT, ALICE, "hello", "c1")

    with pytest.raises(SendConflict):
        await outbox.send(ACCOUNT, ALICE, "something else", "c1")


async def test_calls_without_an_id_are_messages_of_their_own(
    outbox: Outbox, fleet: MemoryFleet
) -> None:
    await outbox.send(ACCOUNT, ALICE, "hello", None)
    await outbox.send(ACCOUNT, ALICE, "hello", None)

    ids = {send.message_id for _, send in fleet.sends}
    assert len(ids) == 2
    assert all(len(each) == 22 and each.startswith("3EB0") for each in ids)


async def test_an_unknown_or_deleted_account_is_refused(outbox: Outbox, store: Store) -> None:
    await store.accounts.create(account(account_id="gone", status=AccountStatus.DELETED))

    for unknown in ("nobody", "gone"):
        with pytest.raises(UnknownAccount):
            await outbox.send(unknown, ALICE, "hello", None)


async def test_a_refused_message_is_not_tried_again(outbox: Outbox, fleet: MemoryFleet) -> None:
    fleet.answers.append(refused("not on WhatsApp", 404))

    report = await outbox.send(ACCOUNT, ALICE, "hello", "c1")

    assert report.record.state is OutboxState.FAILED
    assert report.record.error == "not on WhatsApp (code 404)"
    assert len(fleet.sends) == 1


async def test_every_retry_carries_the_same_whatsapp_id(outbox: Outbox, fleet: MemoryFleet) -> None:
    fleet.answers += [unavailable(), WorkerUnavailable("no worker"), unavailable()]

    report = await outbox.send(ACCOUNT, ALICE, "hello", "c1")

    assert report.record.state is OutboxState.SENT
    assert len(fleet.sends) == 4
    assert len({send.message_id for _, send in fleet.sends}) == 1


async def test_a_worker_that_does_not_answer_does_not_hold_the_caller(
    outbox: Outbox, fleet: MemoryFleet, store: Store, bus: EventBus
) -> None:
    release = asyncio.Event()

    async def slow(_: pb.Send) -> pb.SendResult:
        await release.wait()
        return pb.SendResult(outcome=pb.SendResult.SENT)

    fleet.answers.append(slow)
    report = await outbox.send(ACCOUNT, ALICE, "hello", "c1")
    assert report.record.state is OutboxState.PROCESSING

    release.set()
    assert (await until_settled(bus, store, "c1")).attempts == 1


async def test_a_message_waits_for_the_connection(
    outbox: Outbox, fleet: MemoryFleet, store: Store, bus: EventBus
) -> None:
    fleet.lose(ACCOUNT)
    async with asyncio.timeout(0.25):  # less than the caller would wait for an ack
        report = await outbox.send(ACCOUNT, ALICE, "hello", "c1")
    assert report.record.state is OutboxState.QUEUED
    assert fleet.sends == []

    fleet.connect(ACCOUNT)

    assert (await until_settled(bus, store, "c1")).state is OutboxState.SENT


async def test_a_connection_ends_the_wait_for_the_next_try(
    start_outbox: StartOutbox, fleet: MemoryFleet, store: Store, bus: EventBus
) -> None:
    patient = replace(QUICK, retry_min_s=600, retry_max_s=600)
    async with start_outbox(policy=patient) as outbox:
        fleet.answers.append(unavailable())
        await outbox.send(ACCOUNT, ALICE, "hello", "c1")
        assert len(fleet.sends) == 1

        fleet.lose(ACCOUNT)
        fleet.connect(ACCOUNT)

        assert (await until_settled(bus, store, "c1")).attempts == 2


async def test_a_message_that_fails_again_and_again_over_one_connection_is_given_up(
    outbox: Outbox, fleet: MemoryFleet
) -> None:
    fleet.answers += [unavailable("no session with this device")] * 99

    first, second = await asyncio.gather(
        outbox.send(ACCOUNT, ALICE, "hello", "c1"), outbox.send(ACCOUNT, BOB, "hello", "c2")
    )

    for report in (first, second):
        assert report.record.state is OutboxState.FAILED
        assert report.record.error == "no session with this device"
    assert len(fleet.sends) == 2 * QUICK.max_failures


async def test_tries_that_lost_their_connection_are_not_held_against_the_message(
    outbox: Outbox, fleet: MemoryFleet, store: Store, bus: EventBus
) -> None:
    async def cut(_: pb.Send) -> pb.SendResult:
        fleet.lose(ACCOUNT)
        return unavailable()

    tries = QUICK.max_failures + 2
    fleet.answers += [cut] * tries
    await outbox.send(ACCOUNT, ALICE, "hello", "c1")
    for number in range(1, tries + 1):
        await fleet.until_sends(number)
        fleet.connect(ACCOUNT)

    settled = await until_settled(bus, store, "c1")
    assert (settled.state, settled.failures) == (OutboxState.SENT, 0)


async def test_what_waits_for_too_long_is_given_up_without_a_connection(
    start_outbox: StartOutbox, fleet: MemoryFleet, store: Store, bus: EventBus
) -> None:
    fleet.lose(ACCOUNT)
    async with start_outbox(policy=replace(QUICK, message_life_s=0.1)) as outbox:
        await outbox.send(ACCOUNT, ALICE, "hello", "c1")
        settled = await until_settled(bus, store, "c1")
        fleet.connect(ACCOUNT)
        async with start_outbox("next", policy=QUICK):
            pass

    assert (settled.state, settled.error) == (OutboxState.FAILED, EXPIRED)
    [shown] = await store.conversations.messages(ACCOUNT, f"{ACCOUNT}__{ALICE}", Page(10))
    assert (shown.status, shown.error) == (MessageStatus.FAILED, EXPIRED)
    assert fleet.sends == []


async def test_a_caller_whose_message_waits_is_answered_when_the_outbox_stops(
    start_outbox: StartOutbox, fleet: MemoryFleet
) -> None:
    patient = replace(QUICK, answer_wait_s=600, retry_min_s=600, retry_max_s=600)
    fleet.answers.append(unavailable("try later"))
    async with start_outbox(policy=patient) as outbox:
        call = asyncio.create_task(outbox.send(ACCOUNT, ALICE, "hello", "c1"))
        await fleet.until_sends(1)
        outbox.stop()
        async with asyncio.timeout(10):
            report = await call

    assert (report.record.state, report.record.attempts) == (OutboxState.QUEUED, 1)


async def test_messages_of_a_chat_go_out_in_order_past_a_failing_one(
    outbox: Outbox, fleet: MemoryFleet, store: Store, bus: EventBus
) -> None:
    fleet.lose(ACCOUNT)
    for number in range(5):
        await outbox.send(ACCOUNT, ALICE, f"{number}", f"c{number}")
    fleet.answers += [unavailable(), unavailable(), refused("no")]

    fleet.connect(ACCOUNT)
    await until_settled(bus, store, "c4")

    assert [send.text for _, send in fleet.sends] == ["0", "0", "0", "1", "2", "3", "4"]


async def test_another_chat_does_not_wait_for_a_chat_in_trouble(
    outbox: Outbox, fleet: MemoryFleet
) -> None:
    fleet.lose(ACCOUNT)
    await outbox.send(ACCOUNT, ALICE, "in trouble", "c1")
    await outbox.send(ACCOUNT, BOB, "fine", "c2")
    fleet.answers.append(unavailable())
    fleet.connect(ACCOUNT)

    sends = await fleet.until_sends(3)
    assert [send.text for send in sends[:2]] == ["in trouble", "fine"]


async def test_accounts_do_not_wait_for_each_other(outbox: Outbox, fleet: MemoryFleet) -> None:
    release = asyncio.Event()

    async def slow(_: pb.Send) -> pb.SendResult:
        await release.wait()
        return pb.SendResult(outcome=pb.SendResult.SENT)

    fleet.connect(OTHER_ACCOUNT)
    fleet.answers.append(slow)
    stuck = asyncio.create_task(outbox.send(ACCOUNT, ALICE, "slow", "c1"))
    await fleet.until_sends(1)

    report = await outbox.send(OTHER_ACCOUNT, ALICE, "quick", "c1")
    assert report.record.state is OutboxState.SENT

    release.set()
    assert (await stuck).record.state is OutboxState.SENT


async def test_what_a_dead_supervisor_had_claimed_is_sent_by_the_next(
    start_outbox: StartOutbox, fleet: MemoryFleet, store: Store, bus: EventBus
) -> None:
    fleet.lose(ACCOUNT)
    async with start_outbox("first") as first:
        queued = (await first.send(ACCOUNT, ALICE, "hello", "c1")).record
    await store.outbox.claim(ACCOUNT, "died", at_ms=queued.created_at_ms, lease_ms=600_000)
    fleet.connect(ACCOUNT)

    async with start_outbox("second"):
        settled = await until_settled(bus, store, "c1")

    assert settled.state is OutboxState.SENT
    [(_, send)] = fleet.sends
    assert send.message_id == queued.wa_message_id


async def test_stopping_finishes_what_is_being_sent_and_claims_nothing_more(
    start_outbox: StartOutbox, fleet: MemoryFleet, store: Store
) -> None:
    release = asyncio.Event()

    async def slow(_: pb.Send) -> pb.SendResult:
        await release.wait()
        return pb.SendResult(outcome=pb.SendResult.SENT)

    fleet.answers.append(slow)
    async with start_outbox() as outbox:
        calls = [
            asyncio.create_task(outbox.send(ACCOUNT, ALICE, f"{each}", f"c{each}"))
            for each in range(2)
        ]
        await fleet.until_sends(1)
        outbox.stop()
        release.set()
        await asyncio.gather(*calls)

    states = [await store.outbox.get(ACCOUNT, f"c{each}") for each in range(2)]
    assert [each and each.state for each in states] == [OutboxState.SENT, OutboxState.QUEUED]


async def test_stopping_does_not_wait_for_a_store_that_is_gone(
    fleet: MemoryFleet, store: Store, bus: EventBus, log_lines: list[str]
) -> None:
    await store.close()
    outbox = Outbox(store, fleet, bus, SystemClock(), owner="me")
    running = asyncio.create_task(outbox.run())
    await asyncio.sleep(0)  # its first try has failed now, and it pauses before the next
    outbox.stop()

    async with asyncio.timeout(1):
        await running

    assert any("outbox_store_failed" in line for line in log_lines)


async def test_listeners_hear_of_the_message_and_of_its_status(
    outbox: Outbox, bus: EventBus
) -> None:
    async with asyncio.timeout(10), bus.subscribe() as events:
        await outbox.send(ACCOUNT, ALICE, "hello", "c1")
        first, second = await anext(events), await anext(events)

    assert isinstance(first, MessageChanged)
    assert isinstance(second, MessageChanged)
    assert (first.created, first.message.status) == (True, MessageStatus.QUEUED)
    assert (second.created, second.message.status) == (False, MessageStatus.SENT)


async def test_a_repeated_call_is_no_news(outbox: Outbox, bus: EventBus) -> None:
    await outbox.send(ACCOUNT, ALICE, "hello", "c1")

    async with asyncio.timeout(10), bus.subscribe() as events:
        await outbox.send(ACCOUNT, ALICE, "hello", "c1")
        events.close()
        assert [event async for event in events] == []


async def test_texts_do_not_reach_the_log(outbox: Outbox, known_secrets: KnownSecrets) -> None:
    known_secrets.add("the secret text")

    await outbox.send(ACCOUNT, ALICE, "the secret text", "c1")
