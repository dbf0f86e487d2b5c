"""Off and on: a repeated call finds it done."""

import asyncio

import pytest

from shared.accounts import AccountStatus
from supervisor.api import switching
from supervisor.events import EventBus
from supervisor.store.contract import Store
from tests.supervisor.api.conftest import Call
from tests.supervisor.outbox.fakes import MemoryFleet
from tests.supervisor.store.samples import ACCOUNT, NOW_MS, account

OFF = f"/api/whatsapp/disconnect/{ACCOUNT}"
ADMIN_OFF = f"/api/admin/account/{ACCOUNT}/disconnect"
ON = f"/api/admin/account/{ACCOUNT}/reconnect"
Status = AccountStatus


@pytest.mark.parametrize(
    ("path", "reason"), [(OFF, "user_disconnect"), (ADMIN_OFF, "admin_disconnect")]
)
async def test_an_account_is_taken_off_once(
    call: Call, store: Store, fleet: MemoryFleet, path: str, reason: str
) -> None:
    await store.accounts.create(account(status=Status.CONNECTED))
    fleet.connect(ACCOUNT)

    answers = [await call("POST", path) for _ in range(3)]
    record = await store.accounts.get(ACCOUNT)

    assert [code for code, _ in answers] == [200] * 3
    for _, body in answers:
        assert (body["success"], body["accountId"], body["reason"]) == (True, ACCOUNT, reason)
    assert len({body["tsDisconnect"] for _, body in answers}) == 1
    assert fleet.stopped == [(ACCOUNT, reason, False)]
    assert record is not None
    assert (record.status, record.reason) == (Status.DISCONNECTED, reason)


async def test_an_account_that_was_parked_stays_off_after_a_restart(
    call: Call, store: Store
) -> None:
    await store.accounts.create(
        account(status=Status.DISCONNECTED, reason="refused", retry_at_ms=NOW_MS)
    )
    await call("POST", OFF)
    record = await store.accounts.get(ACCOUNT)

    assert record is not None
    assert (record.reason, record.retry_at_ms) == ("user_disconnect", None)


async def test_an_account_that_needs_a_qr_still_needs_it(call: Call, store: Store) -> None:
    await store.accounts.create(account(status=Status.NEEDS_QR, reason="why"))
    code, _ = await call("POST", OFF)
    record = await store.accounts.get(ACCOUNT)

    assert code == 200
    assert record is not None
    assert (record.status, record.reason) == (Status.NEEDS_QR, "why")


@pytest.mark.parametrize("path", [OFF, ADMIN_OFF, ON])
async def test_an_unknown_account_is_said_in_the_contracts_words(call: Call, path: str) -> None:
    code, body = await call("POST", path)

    assert (code, body["success"], body["error"]) == (404, False, "Account not found")


async def test_reconnect_answers_when_it_is_connected(
    call: Call, store: Store, fleet: MemoryFleet, bus: EventBus
) -> None:
    await store.accounts.create(account(status=Status.DISCONNECTED, reason="user_disconnect"))
    async with asyncio.timeout(10):
        async with bus.subscribe() as events:
            asking = asyncio.create_task(call("POST", ON))
            await anext(events)  # that it connects, by now
        fleet.connect(ACCOUNT)
        code, body = await asking

    assert (code, body["success"], body["accountId"]) == (200, True, ACCOUNT)
    assert body["mttrMs"] >= 0
    assert body["tsConnected"] == 1


async def test_reconnect_of_a_connected_account_is_answered_at_once(
    call: Call, store: Store, fleet: MemoryFleet
) -> None:
    await store.accounts.create(account(status=Status.CONNECTED))
    fleet.connect(ACCOUNT)

    for _ in range(3):
        assert (await call("POST", ON))[0] == 200


async def test_reconnect_that_takes_too_long_is_408(
    call: Call, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switching, "RECONNECT_WAIT_S", 0.05)
    await store.accounts.create(account(status=Status.DISCONNECTED))

    code, body = await call("POST", ON)

    assert (code, body["error"]) == (408, "Reconnect timed out")


async def test_reconnect_without_a_session_points_to_the_qr(call: Call, store: Store) -> None:
    await store.accounts.create(account(status=Status.NEEDS_QR))

    code, body = await call("POST", ON)

    assert (code, body["error"], body["currentStatus"]) == (409, "invalid_state", "needs_qr")
