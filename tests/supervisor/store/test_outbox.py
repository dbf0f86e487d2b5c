from dataclasses import replace
from typing import Any

import pytest

from supervisor.store.contract import SendConflict, Store
from supervisor.store.records import (
    Direction,
    MessageRecord,
    MessageStatus,
    OutboxRecord,
    OutboxState,
    Page,
    StatusAdvance,
)
from tests.supervisor.store.samples import (
    ACCOUNT,
    ALICE,
    BOB,
    NOW_MS,
    OTHER_ACCOUNT,
    from_phone,
    message,
    send,
    stored,
)

LEASE_MS = 1000


async def claim(store: Store, owner: str = "me", at_ms: int = NOW_MS) -> OutboxRecord | None:
    return await store.outbox.claim(ACCOUNT, owner, at_ms=at_ms, lease_ms=LEASE_MS)


async def claimed(store: Store, owner: str = "me", at_ms: int = NOW_MS) -> OutboxRecord:
    found = await claim(store, owner, at_ms)
    assert found is not None
    return found


async def messages(store: Store, chat: str = ALICE) -> list[MessageRecord]:
    return await store.conversations.messages(ACCOUNT, f"{ACCOUNT}__{chat}", Page(100))


async def test_a_message_is_shown_as_queued_before_it_is_sent(store: Store) -> None:
    record, shown, created = await store.outbox.enqueue(ACCOUNT, send())

    assert created
    assert await messages(store) == [shown]
    assert (shown.doc_id, shown.status) == (record.request_id, MessageStatus.QUEUED)
    assert (shown.client_message_id, shown.wa_message_id) == ("client-1", record.wa_message_id)
    found = await store.conversations.thread(record.thread_id)
    assert found is not None
    assert found.last_message_text == "hello Alice"


async def test_the_same_id_keeps_the_first_whatsapp_id(store: Store) -> None:
    first, _, _ = await store.outbox.enqueue(ACCOUNT, send())
    again, _, created = await store.outbox.enqueue(ACCOUNT, send(wa_message_id="3EB0OTHER"))

    assert (again, created) == (first, False)
    assert len(await messages(store)) == 1


@pytest.mark.parametrize("changes", [{"chat": BOB}, {"body": "another text"}])
async def test_the_same_id_for_something_else_is_refused(
    store: Store, changes: dict[str, str]
) -> None:
    await store.outbox.enqueue(ACCOUNT, send())

    with pytest.raises(SendConflict):
        await store.outbox.enqueue(ACCOUNT, send(**changes))

    assert len(await store.outbox.pending(ACCOUNT)) == 1


async def test_ids_belong_to_their_account(store: Store) -> None:
    await store.outbox.enqueue(ACCOUNT, send())
    _, _, created = await store.outbox.enqueue(OTHER_ACCOUNT, send(body="another text"))

    assert created


async def test_ids_that_look_alike_when_cleaned_stay_apart(store: Store) -> None:
    first, _, _ = await store.outbox.enqueue(ACCOUNT, send(client_message_id="a b"))
    second, _, _ = await store.outbox.enqueue(ACCOUNT, send(client_message_id="a_b", body="2"))

    assert first.request_id == "a_b"
    assert second.request_id != first.request_id
    assert len(await messages(store)) == 2


async def test_a_contacts_message_with_our_document_id_does_not_stand_in_the_way(
    store: Store,
) -> None:
    await store.conversations.record(ACCOUNT, [message(wa_message_id="client-1")], at_ms=NOW_MS)

    await store.outbox.enqueue(ACCOUNT, send())

    assert {each.body for each in await messages(store)} == {"hello", "hello Alice"}


async def test_claims_come_in_order_and_once(store: Store) -> None:
    for number in range(3):
        chat = f"4071000000{number}@s.whatsapp.net"
        await store.outbox.enqueue(ACCOUNT, send(client_message_id=f"c{number}", chat=chat))

    found = [await claim(store) for _ in range(4)]

    assert [each and each.client_message_id for each in found] == ["c0", "c1", "c2", None]


async def test_nothing_overtakes_within_a_conversation(store: Store) -> None:
    await store.outbox.enqueue(ACCOUNT, send(client_message_id="first"))
    await store.outbox.enqueue(ACCOUNT, send(client_message_id="second"))
    await store.outbox.enqueue(ACCOUNT, send(client_message_id="elsewhere", chat=BOB))

    first = await claimed(store)
    assert (await claimed(store)).client_message_id == "elsewhere"
    later_ms = NOW_MS + 500
    await store.outbox.settle(
        first, OutboxState.QUEUED, at_ms=NOW_MS, next_attempt_at_ms=later_ms, error="away"
    )

    assert await claim(store) is None
    assert await store.outbox.next_due_ms(ACCOUNT) == later_ms
    assert (await claimed(store, at_ms=later_ms)).client_message_id == "first"


async def test_a_claim_runs_out_with_its_lease(store: Store) -> None:
    await store.outbox.enqueue(ACCOUNT, send())
    first = await claimed(store)

    assert await claim(store, "other", NOW_MS + LEASE_MS - 1) is None
    again = await claimed(store, "other", NOW_MS + LEASE_MS)

    assert (again.wa_message_id, again.attempts) == (first.wa_message_id, 2)
    assert await store.outbox.settle(first, OutboxState.SENT, at_ms=NOW_MS) is None
    assert [each.claimed_by for each in await store.outbox.pending(ACCOUNT)] == ["other"]


async def test_the_next_supervisor_takes_over_what_the_dead_one_claimed(store: Store) -> None:
    await store.outbox.enqueue(ACCOUNT, send())
    first = await claimed(store, "dead")

    assert await store.outbox.take_over("alive", at_ms=NOW_MS) == 1
    assert (await claimed(store, "alive")).wa_message_id == first.wa_message_id
    assert await store.outbox.take_over("alive", at_ms=NOW_MS) == 0


async def test_a_sent_message_says_so(store: Store) -> None:
    await store.outbox.enqueue(ACCOUNT, send())
    shown = await store.outbox.settle(await claimed(store), OutboxState.SENT, at_ms=NOW_MS + 1)

    assert shown is not None
    assert [each.status for each in await messages(store)] == [MessageStatus.SENT]
    record = await store.outbox.get(ACCOUNT, "client-1")
    assert record is not None
    assert (record.state, record.sent_at_ms) == (OutboxState.SENT, NOW_MS + 1)
    assert await store.outbox.next_due_ms(ACCOUNT) is None
    assert await store.outbox.waiting_accounts() == []


async def test_a_refused_message_keeps_the_reason(store: Store) -> None:
    await store.outbox.enqueue(ACCOUNT, send())
    await store.outbox.settle(
        await claimed(store), OutboxState.FAILED, at_ms=NOW_MS, error="not on WhatsApp"
    )

    [found] = await messages(store)
    assert (found.status, found.error) == (MessageStatus.FAILED, "not on WhatsApp")


async def test_a_receipt_that_overtakes_the_ack_stays(store: Store) -> None:
    record, _, _ = await store.outbox.enqueue(ACCOUNT, send())
    first = await claimed(store)
    read = StatusAdvance(ALICE, (record.wa_message_id,), Direction.OUTBOUND, MessageStatus.READ)
    await store.conversations.record(ACCOUNT, [read], at_ms=NOW_MS)

    assert await store.outbox.settle(first, OutboxState.SENT, at_ms=NOW_MS) is None
    assert [each.status for each in await messages(store)] == [MessageStatus.READ]
    assert await store.outbox.pending(ACCOUNT) == []


async def test_an_echo_of_our_message_is_our_message(store: Store) -> None:
    record, _, _ = await store.outbox.enqueue(ACCOUNT, send())
    echo = from_phone(wa_message_id=record.wa_message_id, body="hello Alice")

    [outcome] = stored(await store.conversations.record(ACCOUNT, [echo], at_ms=NOW_MS))

    assert (outcome.created, outcome.message.doc_id) == (False, record.request_id)
    assert [each.status for each in await messages(store)] == [MessageStatus.SENT]


async def test_a_connection_makes_everything_due(store: Store) -> None:
    await store.outbox.enqueue(ACCOUNT, send())
    await store.outbox.settle(
        await claimed(store),
        OutboxState.QUEUED,
        at_ms=NOW_MS,
        next_attempt_at_ms=NOW_MS + 60_000,
    )
    assert await claim(store) is None

    await store.outbox.hasten(ACCOUNT, at_ms=NOW_MS)

    assert await claim(store) is not None
    assert await store.outbox.waiting_accounts() == [ACCOUNT]


async def test_what_is_too_old_is_given_up_unless_it_is_being_sent(store: Store) -> None:
    for number in range(3):
        await store.outbox.enqueue(
            ACCOUNT, send(client_message_id=f"c{number}", chat=f"4070000001{number}@s.whatsapp.net")
        )
    await claimed(store)
    old: dict[str, Any] = {"before_ms": NOW_MS, "error": "too old"}

    assert await store.outbox.oldest_ms(ACCOUNT) == NOW_MS
    assert (
        await store.outbox.expire(ACCOUNT, **{**old, "before_ms": NOW_MS - 1}, at_ms=NOW_MS) == []
    )
    shown = await store.outbox.expire(ACCOUNT, **old, at_ms=NOW_MS + 1)
    assert [(each.status, each.error) for each in shown] == [(MessageStatus.FAILED, "too old")] * 2
    [left] = await store.outbox.pending(ACCOUNT)
    assert left.state is OutboxState.PROCESSING

    assert len(await store.outbox.expire(ACCOUNT, **old, at_ms=NOW_MS + LEASE_MS)) == 1
    assert await store.outbox.oldest_ms(ACCOUNT) is None


async def test_failures_are_kept_from_try_to_try(store: Store) -> None:
    await store.outbox.enqueue(ACCOUNT, send())
    failed = replace(await claimed(store), failures=3)

    await store.outbox.settle(failed, OutboxState.QUEUED, at_ms=NOW_MS, next_attempt_at_ms=NOW_MS)

    assert (await claimed(store)).failures == 3
