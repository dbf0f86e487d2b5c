import asyncio
from typing import Any

import pytest

from shared import link_pb2 as pb
from supervisor.events import EventBus, MessageChanged
from supervisor.store.contract import Store
from supervisor.store.records import MessageStatus, Page
from tests.supervisor.api.conftest import Call
from tests.supervisor.outbox.fakes import MemoryFleet
from tests.supervisor.store.samples import (
    ACCOUNT,
    ALICE,
    BOB,
    GROUP,
    NOW_MS,
    OTHER_ACCOUNT,
    account,
    from_phone,
    message,
)

PATH = "/api/whatsapp/mark-read"
THREAD = f"{ACCOUNT}__{ALICE}"


@pytest.fixture(autouse=True)
async def _account(store: Store, fleet: MemoryFleet) -> None:
    await store.accounts.create(account(jid="40000000001:3@s.whatsapp.net"))
    await store.accounts.create(account(account_id=OTHER_ACCOUNT, phone=None))
    received = [message(wa_message_id=f"M{number}", at_ms=NOW_MS + number) for number in range(3)]
    await store.conversations.record(ACCOUNT, received, at_ms=NOW_MS)
    fleet.connect(ACCOUNT)


def asked(**changes: Any) -> dict[str, Any]:
    return {"accountId": ACCOUNT, "threadId": THREAD, **changes}


async def statuses(store: Store, chat: str = ALICE) -> dict[str, str]:
    found = await store.conversations.messages(ACCOUNT, f"{ACCOUNT}__{chat}", Page(100))
    return {each.wa_message_id: each.status.value for each in found}


async def test_what_is_unread_is_told_to_the_sender_once(
    call: Call, store: Store, fleet: MemoryFleet, bus: EventBus
) -> None:
    async with asyncio.timeout(10), bus.subscribe() as events:
        status, body = await call("POST", PATH, json=asked())
        heard = [await anext(events) for _ in range(3)]

    assert (status, body["success"], body["count"]) == (200, True, 3)
    assert fleet.read_marks == [(ACCOUNT, pb.MarkRead(chat=ALICE, ids=["M2", "M1", "M0"]))]
    assert set((await statuses(store)).values()) == {"read"}
    assert all(isinstance(each, MessageChanged) and not each.created for each in heard)

    status, body = await call("POST", PATH, json=asked())
    assert (status, body["messageIds"], len(fleet.read_marks)) == (200, [], 1)


async def test_only_the_named_messages_are_marked(
    call: Call, store: Store, fleet: MemoryFleet
) -> None:
    _, body = await call("POST", PATH, json=asked(messageIds=["M1", "unknown"]))

    assert body["messageIds"] == ["M1"]
    assert fleet.read_marks == [(ACCOUNT, pb.MarkRead(chat=ALICE, ids=["M1"]))]
    assert await statuses(store) == {"M0": "delivered", "M1": "read", "M2": "delivered"}


async def test_in_a_group_each_sender_is_told_of_his_own(
    call: Call, store: Store, fleet: MemoryFleet
) -> None:
    received = [
        message(wa_message_id="G1", chat=GROUP, sender=ALICE, at_ms=NOW_MS + 3),
        message(wa_message_id="G2", chat=GROUP, sender=BOB, at_ms=NOW_MS + 2),
        message(wa_message_id="G3", chat=GROUP, sender=ALICE, at_ms=NOW_MS + 1),
    ]
    await store.conversations.record(ACCOUNT, received, at_ms=NOW_MS)

    await call("POST", PATH, json=asked(threadId=f"{ACCOUNT}__{GROUP}"))

    assert [mark for _, mark in fleet.read_marks] == [
        pb.MarkRead(chat=GROUP, participant=ALICE, ids=["G1", "G3"]),
        pb.MarkRead(chat=GROUP, participant=BOB, ids=["G2"]),
    ]


async def test_our_own_messages_and_unreadable_ones_are_not_marked(
    call: Call, store: Store, fleet: MemoryFleet
) -> None:
    await call("POST", PATH, json=asked())
    others = [
        from_phone(wa_message_id="OURS"),
        message(wa_message_id="LOCKED", undecryptable="no session"),
    ]
    await store.conversations.record(ACCOUNT, others, at_ms=NOW_MS)

    _, body = await call("POST", PATH, json=asked(messageIds=["OURS", "LOCKED"]))

    assert (body["count"], len(fleet.read_marks)) == (0, 1)


async def test_without_a_connection_nothing_is_marked(
    call: Call, store: Store, fleet: MemoryFleet
) -> None:
    fleet.lose(ACCOUNT)

    status, body = await call("POST", PATH, json=asked())

    assert (status, body["error"]) == (503, "worker_unavailable")
    assert MessageStatus.READ.value not in (await statuses(store)).values()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"accountId": None}, 400),
        ({"accountId": "account_prod_unknown"}, 404),
        ({"accountId": OTHER_ACCOUNT}, 403),
        ({"threadId": None}, 400),
        ({"threadId": f"{ACCOUNT}__nobody"}, 404),
        ({"messageIds": "M1"}, 400),
        ({"messageIds": []}, 400),
        ({"messageIds": [7]}, 400),
        ({"messageIds": ["M1"] * 101}, 400),
    ],
)
async def test_a_request_that_can_not_be_met_is_explained(
    call: Call, fleet: MemoryFleet, changes: dict[str, Any], status: int
) -> None:
    found, body = await call("POST", PATH, json=asked(**changes))

    assert (found, body["success"]) == (status, False)
    assert fleet.read_marks == []
