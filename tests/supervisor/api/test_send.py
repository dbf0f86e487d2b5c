import asyncio

import pytest

from shared.accounts import AccountStatus
from supervisor.store.contract import Store
from tests.log_guard import KnownSecrets
from tests.supervisor.api.conftest import Call
from tests.supervisor.outbox.fakes import MemoryFleet, refused
from tests.supervisor.store.samples import ACCOUNT, ALICE, account

SEND = "/api/whatsapp/send-message"


@pytest.fixture(autouse=True)
async def _account(store: Store, fleet: MemoryFleet) -> None:
    await store.accounts.create(account(status=AccountStatus.CONNECTED))
    fleet.connect(ACCOUNT)


def body(**changes: object) -> dict[str, object]:
    given = {"accountId": ACCOUNT, "to": "+40711111111", "message": "hello"}
    return {**given, "clientMessageId": "c1", **changes}


async def test_a_sent_message_is_answered_with_its_whatsapp_id(
    call: Call, fleet: MemoryFleet
) -> None:
    status, answer = await call("POST", SEND, json=body())

    [(_, send)] = fleet.sends
    assert (status, answer["success"], answer["status"]) == (200, True, "sent")
    assert (answer["messageId"], answer["clientMessageId"]) == (send.message_id, "c1")
    assert (send.to, send.text) == (ALICE, "hello")
    assert "queued" not in answer


async def test_a_repeated_call_says_duplicate(call: Call, fleet: MemoryFleet) -> None:
    _, first = await call("POST", SEND, json=body())
    status, again = await call("POST", SEND, json=body(to="0040711111111"))

    assert (status, again["duplicate"], again["queued"]) == (200, True, False)
    assert again["messageId"] == first["messageId"]
    assert len(fleet.sends) == 1


async def test_an_account_without_a_connection_queues(call: Call, fleet: MemoryFleet) -> None:
    fleet.lose(ACCOUNT)

    status, answer = await call("POST", SEND, json=body())
    _, again = await call("POST", SEND, json=body())

    assert (status, answer["queued"], answer["messageId"]) == (200, True, "c1")
    assert (again["duplicate"], again["queued"], again["messageId"]) == (True, True, "c1")


async def test_one_id_for_two_texts_is_a_conflict(call: Call) -> None:
    await call("POST", SEND, json=body())

    status, answer = await call("POST", SEND, json=body(message="something else"))

    assert (status, answer["error"]) == (409, "client_message_id_conflict")
    assert "something else" not in answer["message"]


async def test_what_whatsapp_refuses_is_said(call: Call, fleet: MemoryFleet) -> None:
    fleet.answers.append(refused("the number is not on WhatsApp"))

    status, answer = await call("POST", SEND, json=body())

    assert (status, answer["error"], answer["status"]) == (422, "send_failed", "failed")
    assert "the number is not on WhatsApp" in answer["message"]


async def test_the_message_is_in_the_conversation(call: Call) -> None:
    _, answer = await call("POST", SEND, json=body())
    _, found = await call("GET", f"/api/whatsapp/messages/{ACCOUNT}/{answer['threadId']}")

    [shown] = found["messages"]
    assert (shown["id"], shown["clientMessageId"], shown["status"]) == ("c1", "c1", "sent")
    assert shown["waMessageId"] == answer["messageId"]


async def test_many_callers_each_get_their_own_answer(call: Call, fleet: MemoryFleet) -> None:
    answers = await asyncio.gather(
        *(
            call("POST", SEND, json=body(clientMessageId=f"c{number}", message=f"{number}"))
            for number in range(20)
        )
    )

    assert {status for status, _ in answers} == {200}
    assert len({answer["messageId"] for _, answer in answers}) == len(fleet.sends) == 20


@pytest.mark.parametrize(
    ("to", "jid"),
    [
        ("0711 111 111", ALICE),
        ("40711111111@c.us", ALICE),
        ("+40711111111@s.whatsapp.net", ALICE),
        ("40711111111:7@S.WhatsApp.net", ALICE),
        ("111111111111111@lid", "111111111111111@lid"),
        ("120363000000000001@g.us", "120363000000000001@g.us"),
        ("40711111111-1600000000@g.us", "40711111111-1600000000@g.us"),
    ],
)
async def test_whom_a_message_can_go_to(call: Call, fleet: MemoryFleet, to: str, jid: str) -> None:
    status, _ = await call("POST", SEND, json=body(to=to))

    assert (status, fleet.sends[0][1].to) == (200, jid)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"accountId": None}, "accountId"),
        ({"accountId": 7}, "accountId"),
        ({"to": ""}, "to"),
        ({"to": "abc@s.whatsapp.net"}, "to"),
        ({"to": "status@broadcast"}, "to"),
        ({"to": "1@newsletter"}, "to"),
        ({"to": "[object Object]@s.whatsapp.net"}, "to"),
        ({"to": "x" * 5000}, "to"),
        ({"message": None}, "message"),
        ({"message": "  "}, "message"),
        ({"message": {"text": "hi"}}, "message"),
        ({"message": "x" * 65_537}, "message"),
        ({"message": "\ud83d"}, "message"),
        ({"clientMessageId": 7}, "clientMessageId"),
        ({"clientMessageId": "x" * 129}, "clientMessageId"),
    ],
)
async def test_bad_input_names_its_field_and_sends_nothing(
    call: Call, fleet: MemoryFleet, store: Store, changes: dict[str, object], field: str
) -> None:
    status, answer = await call("POST", SEND, json=body(**changes))

    assert (status, answer["error"], answer["field"]) == (400, "invalid_request", field)
    assert await store.outbox.waiting_accounts() == []
    assert fleet.sends == []


async def test_a_number_that_is_none_is_explained(call: Call) -> None:
    status, answer = await call("POST", SEND, json=body(to="call me"))

    assert status == 400
    assert "country code" in answer["message"]


@pytest.mark.parametrize("account_id", ["nobody", "../../etc/passwd", "account_prod_\x00"])
async def test_an_unknown_account_is_a_404(call: Call, account_id: str) -> None:
    status, answer = await call("POST", SEND, json=body(accountId=account_id))

    assert (status, answer["error"]) == (404, "account_not_found")


async def test_what_is_sent_does_not_reach_the_log(call: Call, known_secrets: KnownSecrets) -> None:
    known_secrets.add("the secret text")
    known_secrets.add("711111111")

    await call("POST", SEND, json=body(message="the secret text"))
    await call("POST", SEND, json=body(message="the secret text", clientMessageId=3))
