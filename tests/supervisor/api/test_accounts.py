import asyncio
import base64

import pytest

from shared.accounts import AccountStatus, legacy_account_ids
from supervisor.api.doors import WorkerUnavailable
from supervisor.events import AccountState, EventBus
from supervisor.store.contract import Store
from tests.supervisor.api.conftest import Call
from tests.supervisor.outbox.fakes import MemoryFleet
from tests.supervisor.store.samples import ACCOUNT, account

ADD = "/api/whatsapp/add-account"
LIST = "/api/whatsapp/accounts"
QR = "https://wa.me/settings/linked_devices#2@ref,key,identity,secret"


async def test_a_new_account_has_the_contracts_shape_and_a_worker(
    call: Call, fleet: MemoryFleet
) -> None:
    status, body = await call(
        "POST",
        ADD,
        json={"name": "Front desk", "phone": "0000 000 001"},
        headers={"X-Request-ID": "r1"},
    )

    assert status == 200
    assert (body["success"], body["waMode"], body["requestId"]) == (True, "active", "r1")
    added = body["account"]
    assert (added["id"], added["name"], added["phone"]) == (ACCOUNT, "Front desk", "+40000000001")
    assert (added["status"], added["qrCode"], added["pairingCode"]) == ("connecting", None, None)
    assert added["createdAt"].endswith("Z")
    assert fleet.ensured == [ACCOUNT]


@pytest.mark.parametrize(
    "spelling", ["0000 000 001", "+40 000 000 001", "40000000001", "0040000000001"]
)
async def test_every_spelling_of_a_phone_is_the_same_account(
    call: Call, store: Store, spelling: str
) -> None:
    await call("POST", ADD, json={"name": "First", "phone": "+40000000001"})

    status, body = await call("POST", ADD, json={"name": "Second", "phone": spelling})

    assert (status, body["account"]["id"], body["account"]["name"]) == (200, ACCOUNT, "First")
    assert await store.accounts.count() == 1


async def test_an_account_with_an_older_id_is_found_by_its_phone(call: Call, store: Store) -> None:
    await store.accounts.create(account(account_id="account_1706600000000"))

    _, body = await call("POST", ADD, json={"phone": "+40000000001"})

    assert body["account"]["id"] == "account_1706600000000"


@pytest.mark.parametrize("legacy", legacy_account_ids("+40000000001"))
async def test_an_account_of_another_namespace_is_found_without_its_phone(
    call: Call, store: Store, legacy: str
) -> None:
    await store.accounts.create(account(account_id=legacy, phone=None))

    _, body = await call("POST", ADD, json={"phone": "0000 000 001"})

    assert body["account"]["id"] == legacy


async def test_adding_thrice_at_once_makes_one_account(call: Call, store: Store) -> None:
    answers = await asyncio.gather(
        *(call("POST", ADD, json={"phone": "+40711111111"}) for _ in range(3))
    )

    assert len({body["account"]["id"] for _, body in answers}) == 1
    assert await store.accounts.count() == 1


async def test_an_account_without_a_phone_is_whoever_scans(call: Call) -> None:
    first, second = [await call("POST", ADD) for _ in range(2)]

    assert first[1]["account"]["phone"] is None
    assert first[1]["account"]["id"] != second[1]["account"]["id"]


async def test_past_the_limit_the_answer_is_429(call: Call, store: Store) -> None:
    answers = await asyncio.gather(
        *(call("POST", ADD, json={"phone": f"+4071111111{number}"}) for number in range(5))
    )

    assert sorted(status for status, _ in answers) == [200, 200, 200, 429, 429]
    body = next(body for status, body in answers if status == 429)
    assert (body["error"], body["maxAccounts"], body["currentAccounts"]) == ("rate_limited", 3, 3)
    assert await store.accounts.count() == 3


async def test_at_the_limit_a_known_phone_is_still_answered(call: Call) -> None:
    for number in range(3):
        await call("POST", ADD, json={"phone": f"+4071111111{number}"})

    status, _ = await call("POST", ADD, json={"phone": "+40711111110"})

    assert status == 200


@pytest.mark.parametrize("status", [AccountStatus.DISCONNECTED, AccountStatus.DELETED])
async def test_adding_an_account_that_rests_starts_it_again(
    call: Call, store: Store, fleet: MemoryFleet, status: AccountStatus
) -> None:
    await store.accounts.create(account(status=status, reason="why"))

    _, body = await call("POST", ADD, json={"phone": "+40000000001"})

    assert (body["account"]["status"], body["account"]["reason"]) == ("connecting", None)
    assert fleet.ensured == [ACCOUNT]


@pytest.mark.parametrize("status", [AccountStatus.NEEDS_QR, AccountStatus.LOGGED_OUT])
async def test_adding_an_account_that_needs_a_qr_starts_nothing(
    call: Call, store: Store, fleet: MemoryFleet, status: AccountStatus
) -> None:
    await store.accounts.create(account(status=status, reason="why"))

    code, body = await call("POST", ADD, json={"phone": "+40000000001"})

    assert (code, body["account"]["status"], body["account"]["reason"]) == (200, status, "why")
    assert fleet.ensured == []


async def test_a_deleted_account_comes_back_with_its_new_name(call: Call, store: Store) -> None:
    await store.accounts.create(account(status=AccountStatus.DELETED))

    _, body = await call("POST", ADD, json={"phone": "+40000000001", "name": "Back office"})

    assert body["account"]["name"] == "Back office"


async def test_adding_a_connected_account_leaves_it_alone(
    call: Call, store: Store, fleet: MemoryFleet
) -> None:
    await store.accounts.create(account(status=AccountStatus.CONNECTED))
    fleet.connect(ACCOUNT)

    _, body = await call("POST", ADD, json={"phone": "+40000000001"})

    assert body["account"]["status"] == "connected"


async def test_an_account_on_its_way_out_is_not_started(
    call: Call, store: Store, fleet: MemoryFleet
) -> None:
    await store.accounts.create(account(status=AccountStatus.DELETING))

    status, body = await call("POST", ADD, json={"phone": "+40000000001"})

    assert (status, body["error"], fleet.ensured) == (409, "account_deleting", [])


async def test_a_supervisor_that_stops_says_so(
    call: Call, fleet: MemoryFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stopping(_: str) -> None:
        raise WorkerUnavailable("the supervisor is stopping")

    monkeypatch.setattr(fleet, "ensure", stopping)

    status, body = await call("POST", ADD, json={"phone": "+40711111111"})

    assert (status, body["error"]) == (503, "worker_unavailable")


async def test_listeners_hear_of_a_new_account(call: Call, bus: EventBus) -> None:
    async with asyncio.timeout(10), bus.subscribe() as events:
        await call("POST", ADD, json={"phone": "+40000000001"})
        event = await anext(events)

    assert isinstance(event, AccountState)
    assert (event.account_id, event.status) == (ACCOUNT, AccountStatus.CONNECTING)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"phone": "not a phone"}, "with country code"),
        ({"phone": "12"}, "digits"),
        ({"phone": "+" + "1" * 30}, "digits"),
        ({"phone": 40711111111}, '"phone" must be a text'),
        ({"name": ["a"]}, '"name" must be a text'),
        ({"name": "x" * 101}, "101 characters"),
        ({"name": "\ud800"}, "surrogate"),
    ],
)
async def test_bad_input_is_explained_and_adds_nothing(
    call: Call, store: Store, body: object, said: str
) -> None:
    status, answer = await call("POST", ADD, json=body)

    assert (status, answer["error"]) == (400, "invalid_request")
    assert said in answer["message"]
    assert await store.accounts.count() == 0


async def test_accounts_are_listed_with_what_the_fleet_sees(
    call: Call, store: Store, fleet: MemoryFleet
) -> None:
    await store.accounts.create(account())
    await store.accounts.create(account(account_id="gone", status=AccountStatus.DELETED))
    fleet.show(ACCOUNT, AccountStatus.QR_READY, qr_payload=QR, qr_expires_at_ms=1)

    for path in (LIST, "/accounts"):
        status, body = await call("GET", path)
        [found] = body["accounts"]
        assert (status, body["success"], body["cached"]) == (200, True, False)
        assert (found["id"], found["status"]) == (ACCOUNT, "qr_ready")
        kind, _, data = found["qrCode"].partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data).startswith(b"\x89PNG")


async def test_an_account_without_a_worker_shows_what_the_store_last_heard(
    call: Call, store: Store
) -> None:
    await store.accounts.create(
        account(status=AccountStatus.LOGGED_OUT, reason="device removed", code=401)
    )

    _, body = await call("GET", LIST)

    [found] = body["accounts"]
    assert (found["status"], found["reason"], found["code"]) == (
        "logged_out",
        "device removed",
        401,
    )
    assert found["lastError"] == "device removed"
