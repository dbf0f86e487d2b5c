import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from shared import link_pb2 as pb
from shared.clock import SystemClock
from shared.errors import StoreError
from supervisor.events import EventBus, MessageChanged, ThreadChanged
from supervisor.inbox import PLACEHOLDER_TEXT, Inbox, message_time_ms
from supervisor.lease.guard import NotHolding
from supervisor.store.contract import Store
from supervisor.store.records import (
    Change,
    Direction,
    MessageRecord,
    MessageStatus,
    NewMessage,
    Outcome,
    Page,
)
from tests.log_guard import KnownSecrets
from tests.supervisor.store.samples import ACCOUNT, ALICE, ALICE_LID, BOB, GROUP

AT_MS = int(time.time() * 1000) - 60_000
OURS = "40000000001@s.whatsapp.net"


def message(**changes: Any) -> pb.Event:
    fields: dict[str, Any] = {
        "id": "AAA1",
        "chat": ALICE,
        "sender": ALICE,
        "timestamp_ms": AT_MS,
        "push_name": "Alice",
        "kind": "text",
        "text": "hello",
        "content": b"\x0a\x05hello",
    }
    return pb.Event(message=pb.Message(**{**fields, **changes}))


def unreadable(**changes: Any) -> pb.Event:
    fields: dict[str, Any] = {
        "id": "AAA1",
        "chat": ALICE,
        "sender": ALICE,
        "timestamp_ms": AT_MS,
        "reason": "no session",
    }
    return pb.Event(undecryptable=pb.Undecryptable(**{**fields, **changes}))


def receipt(kind: pb.Receipt.Kind, *ids: str, chat: str = ALICE) -> pb.Event:
    return pb.Event(receipt=pb.Receipt(kind=kind, ids=ids, chat=chat, timestamp_ms=AT_MS))


def batch(*events: pb.Event) -> pb.Inbound:
    return pb.Inbound(batch_id=1, events=events)


async def messages(store: Store, chat: str = ALICE) -> list[MessageRecord]:
    return await store.conversations.messages(ACCOUNT, f"{ACCOUNT}__{chat}", Page(100))


async def test_a_message_is_stored_when_accept_returns(inbox: Inbox, store: Store) -> None:
    await inbox.accept(ACCOUNT, batch(message()))

    [found] = await messages(store)
    assert (found.body, found.at_ms, found.status) == ("hello", AT_MS, MessageStatus.DELIVERED)
    assert (found.direction, found.sender_name) == (Direction.INBOUND, "Alice")


async def test_a_batch_may_come_again(inbox: Inbox, store: Store, bus: EventBus) -> None:
    given = batch(message(), receipt(pb.Receipt.READ, "unknown"), message(id="AAA2"))
    await inbox.accept(ACCOUNT, given)

    async with bus.subscribe() as events:
        await inbox.accept(ACCOUNT, given)
        events.close()
        assert [event async for event in events] == []

    assert len(await messages(store)) == 2


async def test_what_the_phone_sent_is_stored_too(inbox: Inbox, store: Store) -> None:
    await inbox.accept(ACCOUNT, batch(message(from_me=True, sender=OURS, push_name="Me")))

    [found] = await messages(store)
    assert (found.direction, found.status) == (Direction.OUTBOUND, MessageStatus.SENT)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (pb.Receipt.SENDER, MessageStatus.SENT),
        (pb.Receipt.DELIVERED, MessageStatus.DELIVERED),
        (pb.Receipt.READ, MessageStatus.READ),
        (pb.Receipt.PLAYED, MessageStatus.READ),
        (pb.Receipt.READ_SELF, MessageStatus.SENT),
        (pb.Receipt.SERVER_ERROR, MessageStatus.SENT),
    ],
)
async def test_what_a_receipt_makes_of_a_message_we_sent(
    inbox: Inbox, store: Store, kind: pb.Receipt.Kind, status: MessageStatus
) -> None:
    await inbox.accept(ACCOUNT, batch(message(from_me=True, sender=OURS)))

    await inbox.accept(ACCOUNT, batch(receipt(kind, "AAA1")))

    assert [each.status for each in await messages(store)] == [status]


async def test_reading_on_the_phone_marks_what_was_received(inbox: Inbox, store: Store) -> None:
    await inbox.accept(ACCOUNT, batch(message(), receipt(pb.Receipt.READ_SELF, "AAA1")))

    assert [each.status for each in await messages(store)] == [MessageStatus.READ]


async def test_an_unreadable_message_shows_until_it_can_be_read(inbox: Inbox, store: Store) -> None:
    await inbox.accept(ACCOUNT, batch(unreadable()))
    [shown] = await messages(store)
    await inbox.accept(ACCOUNT, batch(message()))
    [filled] = await messages(store)

    assert (shown.body, shown.undecryptable) == (PLACEHOLDER_TEXT, "no session")
    assert (filled.body, filled.undecryptable) == ("hello", None)
    assert filled.doc_id == shown.doc_id


async def test_an_unreadable_message_of_a_lid_is_filled_under_the_phone_number(
    inbox: Inbox, store: Store
) -> None:
    await inbox.accept(ACCOUNT, batch(unreadable(chat=ALICE_LID, sender=ALICE_LID)))
    await inbox.accept(ACCOUNT, batch(message(chat_lid=ALICE_LID, sender_lid=ALICE_LID)))

    assert [each.body for each in await messages(store)] == ["hello"]


async def test_names_subjects_and_pairs_reach_their_threads(inbox: Inbox, store: Store) -> None:
    await inbox.accept(
        ACCOUNT,
        batch(
            message(chat=ALICE_LID, sender=ALICE_LID, push_name=""),
            pb.Event(lid_pair=pb.LidPair(lid=ALICE_LID, pn=ALICE)),
            pb.Event(push_name=pb.PushName(jid=ALICE, name="Alice P.")),
            pb.Event(group_subject=pb.GroupSubject(chat=GROUP, subject="Party")),
        ),
    )

    found = await store.conversations.threads(ACCOUNT, Page(10))
    assert [(each.chat, each.name, each.subject) for each in found] == [
        (ALICE, "Alice P.", None),
        (GROUP, None, "Party"),
    ]


@pytest.mark.parametrize(
    "event",
    [
        pb.Event(spool_id=7),
        message(id=""),
        message(chat=""),
        unreadable(id=""),
        receipt(pb.Receipt.READ),
        receipt(pb.Receipt.UNSPECIFIED, "AAA1"),
        pb.Event(push_name=pb.PushName(name="Nobody")),
        pb.Event(group_subject=pb.GroupSubject(chat=BOB, subject="no group")),
        pb.Event(lid_pair=pb.LidPair(lid=ALICE_LID)),
    ],
)
async def test_an_event_that_means_nothing_is_logged_and_does_not_stop_the_rest(
    inbox: Inbox, store: Store, log_lines: list[str], event: pb.Event
) -> None:
    await inbox.accept(ACCOUNT, batch(event, message(id="AAA2")))

    assert [each.wa_message_id for each in await messages(store)] == ["AAA2"]
    assert sum("inbound_event_unusable" in line for line in log_lines) == 1


async def test_a_store_that_fails_is_the_workers_to_know(inbox: Inbox, store: Store) -> None:
    await store.close()

    with pytest.raises(StoreError):
        await inbox.accept(ACCOUNT, batch(message()))


class Choosy:
    """A store that fails at one message, by a fault of its own."""

    def __init__(self, store: Store, error: Exception) -> None:
        self._store = store
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return self if name == "conversations" else getattr(self._store, name)

    async def record(
        self, account_id: str, changes: Sequence[Change], *, at_ms: int
    ) -> list[Outcome]:
        """Fail as a whole when the message is among them, else do as the real one."""
        if any(isinstance(each, NewMessage) and each.body == "poison" for each in changes):
            raise self._error
        return await self._store.conversations.record(account_id, changes, at_ms=at_ms)


async def test_an_event_that_we_fail_at_does_not_hold_back_the_others(
    store: Store, bus: EventBus, log_lines: list[str], known_secrets: KnownSecrets
) -> None:
    known_secrets.add("poison")
    inbox = Inbox(Choosy(store, ValueError("can't read 'poison'")), bus, SystemClock())
    spoiled = message(id="BAD", text="poison")
    spoiled.spool_id = 7

    await inbox.accept(ACCOUNT, batch(message(), spoiled, message(id="AAA2")))

    assert {each.wa_message_id for each in await messages(store)} == {"AAA1", "AAA2"}
    [line] = [line for line in log_lines if "inbound_event_unusable" in line]
    assert '"spool_id":7' in line.replace(" ", "")
    assert "ValueError" in line


@pytest.mark.parametrize("error", [StoreError("away"), OSError("away"), NotHolding("not here")])
async def test_nothing_is_dropped_for_a_trouble_that_passes(
    store: Store, bus: EventBus, error: Exception
) -> None:
    inbox = Inbox(Choosy(store, error), bus, SystemClock())

    with pytest.raises(type(error)):
        await inbox.accept(ACCOUNT, batch(message(), message(id="BAD", text="poison")))

    assert await messages(store) == []


async def test_listeners_hear_what_changed(inbox: Inbox, bus: EventBus) -> None:
    async with asyncio.timeout(10), bus.subscribe() as events:
        await inbox.accept(
            ACCOUNT,
            batch(message(), pb.Event(push_name=pb.PushName(jid=ALICE, name="Alice P."))),
        )
        heard = [await anext(events), await anext(events)]

    assert isinstance(heard[0], MessageChanged)
    assert isinstance(heard[1], ThreadChanged)
    assert (heard[0].created, heard[0].message.body) == (True, "hello")
    assert heard[1].thread.name == "Alice P."


@pytest.mark.parametrize(
    ("given_ms", "expected_ms"), [(0, 5000), (-1, 5000), (4000, 4000), (2**62, 5000), (6000, 6000)]
)
def test_a_time_that_can_not_be_is_replaced_by_now(given_ms: int, expected_ms: int) -> None:
    assert message_time_ms(given_ms, now_ms=5000) == expected_ms


async def test_bodies_and_names_do_not_reach_the_log(
    inbox: Inbox, known_secrets: KnownSecrets
) -> None:
    known_secrets.add("the secret text")
    known_secrets.add("Secret Name")

    await inbox.accept(
        ACCOUNT, batch(message(text="the secret text", push_name="Secret Name"), message(id=""))
    )
