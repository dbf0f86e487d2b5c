"""One account: its name, its health, its end."""

import asyncio

import pytest

from shared.accounts import AccountStatus
from supervisor.api.doors import WorkerUnavailable
from supervisor.store.contract import Store
from tests.supervisor.api.conftest import Call, Client
from tests.supervisor.outbox.fakes import MemoryFleet
from tests.supervisor.store.samples import ACCOUNT, account, message

PATH = f"/api/whatsapp/accounts/{ACCOUNT}"
Status = AccountStatus


async def test_an_account_is_renamed(call: Call, store: Store) -> None:
    await store.accounts.create(account())

    code, body = await call("PATCH", f"{PATH}/name", json={"name": " Back office "})

    assert (code, body["success"]) == (200, True)
    assert body["account"] == {
        "id": ACCOUNT, "name": "Back office", "phone": "+40000000001", "status": "connecting"
    }  # fmt: skip


@pytest.mark.parametrize("body", [{}, {"name": " "}, {"name": 5}, {"name": "x" * 101}])
async def test_a_name_that_is_none_is_refused(
    call: Call, store: Store, body: dict[str, object]
) -> None:
    await store.accounts.create(account())

    code, said = await call("PATCH", f"{PATH}/name", json=body)

    assert (code, said["error"]) == (400, "invalid_request")


async def test_renaming_nobody_is_404(call: Call) -> None:
    code, body = await call("PATCH", f"{PATH}/name", json={"name": "x"})

    assert (code, body["error"]) == (404, "account_not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"{PATH}/name"),
        ("DELETE", PATH),
        ("GET", f"{PATH}/health"),
        ("POST", f"{PATH}/reset"),
        ("POST", f"/api/whatsapp/disconnect/{ACCOUNT}"),
        ("POST", f"/api/whatsapp/regenerate-qr/{ACCOUNT}"),
        ("POST", f"/api/admin/account/{ACCOUNT}/disconnect"),
        ("POST", f"/api/admin/account/{ACCOUNT}/reconnect"),
    ],
)
async def test_no_account_is_touched_without_the_token(
    client: Client, store: Store, fleet: MemoryFleet, method: str, path: str
) -> None:
    before = await store.accounts.create(account(status=Status.NEEDS_QR))

    async with client.request(method, path, json={"name": "x"}) as response:
        assert response.status == 401
    assert await store.accounts.get(ACCOUNT) == before
    assert (fleet.stopped, fleet.removed, fleet.paired_anew) == ([], [], [])


async def test_health_of_an_account_that_is_silent(
    call: Call, store: Store, fleet: MemoryFleet
) -> None:
    await store.accounts.create(account())
    fleet.connect(ACCOUNT)
    _, fresh = await call("GET", f"{PATH}/health")
    await store.conversations.record(ACCOUNT, [message(at_ms=1_000)], at_ms=1_000)
    code, silent = await call("GET", f"{PATH}/health")

    assert (fresh["lastRealMessageMs"], fresh["isDegraded"], fresh["warning"]) == (
        None, False, None
    )  # fmt: skip
    assert (code, silent["accountId"], silent["status"]) == (200, ACCOUNT, "connected")
    assert (silent["connected"], silent["lastRealMessageMs"]) == (True, 1_000)
    assert silent["timeSinceLastRealMs"] > 0
    assert silent["isDegraded"] is True
    assert "No message" in silent["warning"]


async def test_health_of_nobody_is_404_in_the_contracts_words(call: Call) -> None:
    code, body = await call("GET", f"{PATH}/health")

    assert (code, body["error"]) == (404, "Account not found")


async def test_delete_marks_the_account_before_anything_else(
    call: Call, store: Store, fleet: MemoryFleet
) -> None:
    await store.accounts.create(account(status=Status.CONNECTED))
    fleet.connect(ACCOUNT)

    code, body = await call("DELETE", PATH)
    record = await store.accounts.get(ACCOUNT)

    assert (code, body["success"], body["accountId"], body["status"]) == (
        200, True, ACCOUNT, "connected"
    )  # fmt: skip
    assert (body["deletedFromMemory"], body["deletedFromFirestore"]) == (True, True)
    assert fleet.removed == [ACCOUNT]
    assert record is not None
    assert record.status is Status.DELETING, "the fleet does the rest"


async def test_deleting_what_is_gone_is_said_in_the_contracts_words(
    call: Call, store: Store
) -> None:
    unknown = await call("DELETE", PATH)
    await store.accounts.create(account(status=Status.DELETED))
    again = await call("DELETE", PATH)

    assert (unknown[0], unknown[1]["error"]) == (404, "Account not found")
    assert (again[0], again[1]["error"]) == (404, "Account already deleted")


async def test_a_deletion_that_failed_is_gone_on_with(
    call: Call, store: Store, fleet: MemoryFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.accounts.create(account(status=Status.CONNECTED))

    async def stopping(_: str) -> None:
        raise WorkerUnavailable("the supervisor is stopping")

    with monkeypatch.context() as patched:
        patched.setattr(fleet, "remove", stopping)
        first, _ = await call("DELETE", PATH)
    second = await asyncio.gather(*(call("DELETE", PATH) for _ in range(2)))

    assert first == 503
    assert [code for code, _ in second] == [200, 200]
