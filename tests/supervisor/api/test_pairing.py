"""Asking for a QR code, and resetting: what is answered when, and what is not thrown away."""

import asyncio

import pytest

from shared.accounts import AccountStatus
from supervisor.api.doors import AccountView
from supervisor.quarantine import SessionBusy
from supervisor.store.contract import Store
from tests.supervisor.api.conftest import Call
from tests.supervisor.outbox.fakes import MemoryFleet
from tests.supervisor.store.samples import ACCOUNT, NOW_MS, account

REGENERATE = f"/api/whatsapp/regenerate-qr/{ACCOUNT}"
RESET = f"/api/whatsapp/accounts/{ACCOUNT}/reset"
QR = "https://wa.me/settings/linked_devices#2@ref,key,identity,secret"
Status = AccountStatus


@pytest.mark.parametrize("status", [Status.NEEDS_QR, Status.LOGGED_OUT])
async def test_an_account_without_a_session_pairs_anew(
    call: Call, store: Store, fleet: MemoryFleet, status: Status
) -> None:
    await store.accounts.create(account(status=status))

    code, body = await call("POST", REGENERATE, headers={"X-Request-ID": "r1"})

    assert (code, body["success"], body["status"]) == (200, True, "in_progress")
    assert (body["accountId"], body["instanceId"], body["waMode"], body["requestId"]) == (
        ACCOUNT, "test-host", "active", "r1"
    )  # fmt: skip
    assert isinstance(body["message"], str)
    assert fleet.paired_anew == [ACCOUNT]


async def test_an_account_that_was_taken_off_keeps_its_session(
    call: Call, store: Store, fleet: MemoryFleet
) -> None:
    await store.accounts.create(account(status=Status.DISCONNECTED, reason="user_disconnect"))

    _, body = await call("POST", REGENERATE)

    assert body["status"] == "in_progress"
    assert (fleet.ensured, fleet.paired_anew) == ([ACCOUNT], [])


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (Status.CONNECTING, "already_connecting"),
        (Status.RECONNECTING, "already_connecting"),
        (Status.AWAITING_SCAN, "already_connecting"),
        (Status.PAIRING, "already_connecting"),
        (Status.CONNECTED, "already_connected"),
    ],
)
async def test_an_account_that_is_on_its_way_is_left_alone(
    call: Call, store: Store, fleet: MemoryFleet, status: Status, said: str
) -> None:
    await store.accounts.create(account(status=status))
    fleet.show(ACCOUNT, status)

    for _ in range(3):
        code, body = await call("POST", REGENERATE)
        assert (code, body["status"]) == (200, said)
    assert (fleet.ensured, fleet.paired_anew) == ([], [])


async def test_a_fresh_qr_is_shown_again_and_again(
    call: Call, store: Store, fleet: MemoryFleet
) -> None:
    await store.accounts.create(account(status=Status.QR_READY))
    fleet.show(ACCOUNT, Status.QR_READY, qr_payload=QR, qr_shown_at_ms=2**50)

    answers = [await call("POST", REGENERATE) for _ in range(3)]

    for code, body in answers:
        assert (code, body["status"], body["idempotent"], body["ageSeconds"]) == (
            200, "qr_ready", True, 0
        )  # fmt: skip
        assert body["qrCode"].startswith("data:image/png;base64,")
    assert fleet.paired_anew == []


async def test_an_old_qr_is_not_shown_as_fresh(
    call: Call, store: Store, fleet: MemoryFleet
) -> None:
    await store.accounts.create(account(status=Status.QR_READY))
    fleet.show(ACCOUNT, Status.QR_READY, qr_payload=QR, qr_shown_at_ms=1)

    _, body = await call("POST", REGENERATE)

    assert (body["status"], "qrCode" in body) == ("already_connecting", False)


async def test_a_second_call_meanwhile_is_told_so(
    call: Call, store: Store, fleet: MemoryFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.accounts.create(account(status=Status.NEEDS_QR))
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(account_id: str) -> None:
        begun.set()
        await go_on.wait()
        fleet.paired_anew.append(account_id)

    monkeypatch.setattr(fleet, "pair_anew", slow)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(call("POST", REGENERATE))
        await begun.wait()
        again = [await call("POST", REGENERATE) for _ in range(2)]
        go_on.set()
    later = await call("POST", REGENERATE)

    assert [(code, body["status"]) for code, body in again] == [(202, "already_in_progress")] * 2
    assert first.result()[1]["status"] == "in_progress"
    assert later[1]["status"] == "in_progress", "nothing is held for ever"


async def test_nothing_is_made_for_an_account_that_is_not_there(call: Call, store: Store) -> None:
    code, body = await call("POST", REGENERATE)
    await store.accounts.create(account(status=Status.DELETED))
    deleted, _ = await call("POST", REGENERATE)

    assert (code, body["error"], body["success"]) == (404, "account_not_found", False)
    assert deleted == 404


@pytest.mark.parametrize("path", [REGENERATE, RESET])
async def test_an_account_on_its_way_out_is_left_alone(
    call: Call, store: Store, fleet: MemoryFleet, path: str
) -> None:
    await store.accounts.create(account(status=Status.DELETING))

    code, body = await call("POST", path)

    assert (code, body["error"]) == (409, "account_deleting")
    assert (fleet.paired_anew, fleet.set_aside_for) == ([], [])


async def test_a_session_that_can_not_be_moved_is_said(
    call: Call, store: Store, fleet: MemoryFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.accounts.create(account(status=Status.NEEDS_QR))

    async def busy(_: str) -> None:
        raise SessionBusy("a process still uses the session", hint="end it")

    monkeypatch.setattr(fleet, "pair_anew", busy)

    code, body = await call("POST", REGENERATE)

    assert (code, body["error"]) == (500, "internal_error")
    assert "still uses" in body["message"]


async def test_reset_gives_up_the_session(call: Call, store: Store, fleet: MemoryFleet) -> None:
    await store.accounts.create(account(status=Status.CONNECTED))
    fleet.views[ACCOUNT] = AccountView(ACCOUNT, Status.CONNECTED, since_ms=NOW_MS)

    code, body = await call("POST", RESET)

    assert (code, body["success"], body["accountId"], body["status"]) == (
        200, True, ACCOUNT, "needs_qr"
    )  # fmt: skip
    assert [account_id for account_id, _ in fleet.set_aside_for] == [ACCOUNT]


async def test_reset_of_nobody_is_404(call: Call) -> None:
    code, body = await call("POST", RESET)

    assert (code, body["error"]) == (404, "account_not_found")
