import pytest

from supervisor.store.contract import Store
from supervisor.store.records import Change, Direction, StatusAdvance, SubjectLearned
from supervisor.store.records import MessageStatus as Status
from tests.supervisor.api.conftest import Call
from tests.supervisor.store.samples import (
    ACCOUNT,
    ALICE,
    ALICE_LID,
    GROUP,
    NOW_MS,
    OTHER_ACCOUNT,
    account,
    from_phone,
    message,
)

THREADS = f"/api/whatsapp/threads/{ACCOUNT}"
MESSAGES = f"/api/whatsapp/messages/{ACCOUNT}/{ACCOUNT}__{ALICE}"
AT = {"_seconds": 1_790_000_000, "_nanoseconds": 123_000_000}


@pytest.fixture(autouse=True)
async def _account(store: Store) -> None:
    await store.accounts.create(account(jid="40000000001:3@s.whatsapp.net"))
    await store.conversations.record(ACCOUNT, [message(at_ms=NOW_MS + 123)], at_ms=NOW_MS + 500)


async def test_a_conversation_has_the_fields_that_clients_read(call: Call) -> None:
    status, body = await call("GET", THREADS)

    [thread] = body["threads"]
    assert (status, body["success"], body["count"]) == (200, True, 1)
    assert thread == {
        "id": f"{ACCOUNT}__{ALICE}",
        "accountId": ACCOUNT,
        "clientJid": ALICE,
        "isLid": False,
        "displayName": "Alice",
        "groupSubject": None,
        "phoneE164": "+40711111111",
        "phone": "+40711111111",
        "phoneNumber": "+40711111111",
        "normalizedPhone": "+40711111111",
        "lastMessageAt": AT,
        "lastMessageAtMs": NOW_MS + 123,
        "lastMessageText": "hello",
        "lastMessagePreview": "hello",
        "lastMessageDirection": "inbound",
        "lastMessageSenderName": "Alice",
        "redirectTo": None,
        "canonicalThreadId": None,
        "createdAt": {"_seconds": 1_790_000_000, "_nanoseconds": 500_000_000},
        "updatedAt": {"_seconds": 1_790_000_000, "_nanoseconds": 500_000_000},
    }


async def test_a_message_has_the_fields_that_clients_read(call: Call) -> None:
    status, body = await call("GET", MESSAGES)

    assert (status, body["success"], body["count"]) == (200, True, 1)
    assert body["thread"]["id"] == f"{ACCOUNT}__{ALICE}"
    assert body["messages"] == [
        {
            "id": "AAA1",
            "accountId": ACCOUNT,
            "threadId": f"{ACCOUNT}__{ALICE}",
            "clientJid": ALICE,
            "direction": "inbound",
            "body": "hello",
            "messageType": "text",
            "kind": "text",
            "media": None,
            "status": "delivered",
            "error": None,
            "undecryptable": False,
            "tsClient": AT,
            "tsClientMs": NOW_MS + 123,
            "tsServer": {"_seconds": 1_790_000_000, "_nanoseconds": 500_000_000},
            "tsSort": AT,
            "createdAt": AT,
            "createdAtMs": NOW_MS + 123,
            "updatedAt": {"_seconds": 1_790_000_000, "_nanoseconds": 500_000_000},
            "waMessageId": "AAA1",
            "providerMessageId": "AAA1",
            "clientMessageId": None,
            "senderName": "Alice",
            "lastSenderName": "Alice",
            "senderId": ALICE,
            "senderJid": ALICE,
            "key": {
                "id": "AAA1",
                "remoteJid": ALICE,
                "fromMe": False,
                "timestamp": 1_790_000_000,
            },
        }
    ]


async def test_messages_come_latest_first(call: Call, store: Store) -> None:
    older = [message(wa_message_id=f"M{n}", at_ms=NOW_MS - n, body=f"{n}") for n in range(5)]
    await store.conversations.record(ACCOUNT, older, at_ms=NOW_MS)

    _, body = await call("GET", MESSAGES, params={"limit": "3", "orderBy": "tsClient"})

    assert [each["body"] for each in body["messages"]] == ["hello", "0", "1"]
    assert (body["count"], body["limit"]) == (3, 3)


async def test_a_group_message_says_who_wrote_it(call: Call, store: Store) -> None:
    changes: list[Change] = [
        SubjectLearned(GROUP, "Party"),
        message(chat=GROUP, kind="location", body=None),
    ]
    await store.conversations.record(ACCOUNT, changes, at_ms=NOW_MS)

    _, body = await call("GET", f"/api/whatsapp/messages/{ACCOUNT}/{ACCOUNT}__{GROUP}")

    [found] = body["messages"]
    assert found["key"]["participant"] == found["senderJid"] == ALICE
    assert (found["messageType"], found["kind"]) == ("unknown", "location")
    assert (body["thread"]["displayName"], body["thread"]["phone"]) == ("Party", None)


async def test_statuses_and_directions_of_our_own(call: Call, store: Store) -> None:
    read = StatusAdvance(ALICE, ("P1",), Direction.OUTBOUND, Status.READ)
    sent = from_phone(wa_message_id="P1", at_ms=NOW_MS + 999)
    await store.conversations.record(ACCOUNT, [sent, read], at_ms=NOW_MS)

    _, body = await call("GET", MESSAGES)

    first = body["messages"][0]
    assert (first["direction"], first["status"], first["key"]["fromMe"]) == (
        "outbound",
        "read",
        True,
    )


async def test_the_chat_with_oneself_is_not_listed(call: Call, store: Store) -> None:
    own = "40000000001@s.whatsapp.net"
    await store.conversations.record(
        ACCOUNT, [from_phone(wa_message_id="S1", chat=own)], at_ms=NOW_MS
    )

    _, body = await call("GET", THREADS, params={"limit": "1"})

    assert [each["clientJid"] for each in body["threads"]] == [ALICE]


async def test_a_lid_nobody_knows_is_shown_as_such(call: Call, store: Store) -> None:
    unknown = message(wa_message_id="L", chat=ALICE_LID, sender=ALICE_LID, sender_name="")
    await store.conversations.record(ACCOUNT, [unknown], at_ms=NOW_MS)

    _, body = await call("GET", THREADS)

    found = next(each for each in body["threads"] if each["clientJid"] == ALICE_LID)
    assert (found["isLid"], found["phone"]) == (True, None)
    assert found["displayName"] == "111111111111111"


@pytest.mark.parametrize("path", [THREADS, MESSAGES])
@pytest.mark.parametrize("limit", ["0", "-1", "abc", "", "1.5", "1e3", "٣", "00", "null"])
async def test_a_limit_that_is_none_is_explained(call: Call, path: str, limit: str) -> None:
    status, body = await call("GET", path, params={"limit": limit})

    assert (status, body["field"]) == (400, "limit")
    assert "from 1 to 1000" in body["message"]


@pytest.mark.parametrize("limit", ["1001", "9" * 5000])
async def test_a_limit_over_the_bound_gets_the_bound(call: Call, limit: str) -> None:
    status, body = await call("GET", THREADS, params={"limit": limit})

    assert (status, body["limit"], body["maxLimit"]) == (200, 1000, 1000)


@pytest.mark.parametrize("path", [THREADS, MESSAGES])
async def test_an_order_that_can_not_be_served_is_explained(call: Call, path: str) -> None:
    status, body = await call("GET", path, params={"orderBy": "body"})

    assert (status, body["field"]) == (400, "orderBy")


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/api/whatsapp/threads/nobody", 404, "account_not_found"),
        ("/api/whatsapp/threads/..%2f..%2fetc", 404, "account_not_found"),
        (f"/api/whatsapp/messages/nobody/{ACCOUNT}__{ALICE}", 404, "account_not_found"),
        (f"/api/whatsapp/messages/{ACCOUNT}/nothing", 404, "Thread not found"),
        (
            f"/api/whatsapp/messages/{OTHER_ACCOUNT}/{ACCOUNT}__{ALICE}",
            403,
            "Thread does not belong to account",
        ),
    ],
)
async def test_what_is_not_there_or_not_yours_is_said(
    call: Call, store: Store, path: str, status: int, error: str
) -> None:
    await store.accounts.create(account(account_id=OTHER_ACCOUNT, phone=None))

    found, body = await call("GET", path)

    assert (found, body["error"]) == (status, error)
