"""PASSIVE and ACTIVE over HTTP: what is refused, what is served, and the two levers."""

from typing import Any

import pytest

from shared.errors import StoreError
from supervisor.api.doors import LeaseStands, LeaseStatus
from supervisor.lease.guard import NotHolding
from supervisor.store import contract
from supervisor.store.contract import Store
from tests.supervisor.api.conftest import TOKEN, Client, StartApi
from tests.supervisor.store.samples import ACCOUNT, account

HEADERS = {"Authorization": f"Bearer {TOKEN}", "X-Request-ID": "r-1"}
ADD = "/api/whatsapp/add-account"
SEND = "/api/whatsapp/send-message"
STEP_DOWN = "/api/admin/lease/step-down"
ASK = "/api/admin/lease/ask"
FORCE = "/api/admin/lease/force-release"
ELSEWHERE = LeaseStands(
    active=False, mode="passive", why="it is held", status=LeaseStatus.OTHER,
    held_by="host-b", holder="host-b:boot:uuid", epoch=12, expires_in_s=27.6,
)  # fmt: skip
FREE = LeaseStands(active=False, mode="passive", why="just started", status=LeaseStatus.NOBODY)


class PlayedLease:
    """Fulfils `doors.Lease`; lets so many checks pass, and then no more."""

    def __init__(self, stands: LeaseStands, passes: int = 0) -> None:
        self.shown = stands
        self.passes = passes
        self.acts: list[str] = []
        self.released: str | Exception | None = "host-b"

    def check(self, act: str) -> None:
        self.acts.append(act)
        if len(self.acts) > self.passes:
            raise NotHolding(f"{act}: not held")

    def stands(self) -> LeaseStands:
        return self.shown

    def step_down(self) -> bool:
        return self.shown.active

    def ask_for_it(self) -> bool:
        return not self.shown.active

    async def force_release(self) -> str | None:
        if isinstance(self.released, Exception):
            raise self.released
        return self.released


async def asked(client: Client, method: str, path: str, **body: Any) -> tuple[int, Any, Any]:
    async with client.request(method, path, headers=HEADERS, json=body or None) as response:
        return response.status, await response.json(), response.headers


@pytest.mark.parametrize("path", [ADD, SEND])
async def test_what_acts_is_refused_in_the_contracts_words(start_api: StartApi, path: str) -> None:
    client = await start_api(lease=PlayedLease(ELSEWHERE))

    status, body, headers = await asked(client, "POST", path, phone="+40700000001")

    assert (status, headers["Retry-After"]) == (503, "15")
    assert body == {
        "success": False,
        "error": "instance_passive",
        "message": "PASSIVE mode: another instance holds lock; retry shortly",
        "mode": "passive",
        "instanceId": "test-host",
        "holderInstanceId": "host-b",
        "retryAfterSeconds": 15,
        "waMode": "passive",
        "requestId": "r-1",
    }


async def test_an_unknown_holder_is_left_out(start_api: StartApi) -> None:
    client = await start_api(lease=PlayedLease(FREE))

    _, body, _ = await asked(client, "POST", ADD)

    assert "holderInstanceId" not in body


@pytest.mark.parametrize("passes", [0, 1, 2])
async def test_a_lease_that_is_lost_on_the_way_is_noticed_before_the_write(
    start_api: StartApi, store: Store, passes: int
) -> None:
    lease = PlayedLease(ELSEWHERE, passes)
    client = await start_api(lease=lease)

    status, body, _ = await asked(client, "POST", ADD, phone="+40700000001")

    assert (status, body["error"]) == (503, "instance_passive")
    assert len(lease.acts) == passes + 1
    assert await store.accounts.count() == (1 if passes == 2 else 0)


async def test_sending_is_checked_right_before_the_message_is_stored(
    start_api: StartApi, store: Store
) -> None:
    await store.accounts.create(account())
    client = await start_api(lease=PlayedLease(ELSEWHERE, passes=1))

    status, _, _ = await asked(
        client, "POST", SEND, accountId=ACCOUNT, to="40700000002", message="x"
    )

    assert status == 503
    assert await store.outbox.waiting_accounts() == []


async def test_a_write_that_a_fence_refuses_is_the_same_answer(
    start_api: StartApi, store: Store
) -> None:
    class Fenced(PlayedLease):
        def check(self, act: str) -> None:
            raise contract.Fenced(f"{act}: the store refused it")

    client = await start_api(lease=Fenced(ELSEWHERE))

    status, body, _ = await asked(client, "POST", ADD, phone="+40700000001")

    assert (status, body["error"]) == (503, "instance_passive")


async def test_without_the_token_nothing_is_told_of_the_lease(start_api: StartApi) -> None:
    client = await start_api(lease=PlayedLease(ELSEWHERE))

    async with client.post(ADD, json={}) as response:
        assert response.status == 401


async def test_accounts_are_shown_as_they_are_stored_with_passive_laid_over(
    start_api: StartApi, store: Store
) -> None:
    await store.accounts.create(account())
    stored = await store.accounts.get(ACCOUNT)
    assert stored is not None
    client = await start_api(lease=PlayedLease(ELSEWHERE))

    status, body, _ = await asked(client, "GET", "/api/whatsapp/accounts")

    assert (status, body["waMode"], body["lockReason"]) == (200, "passive", "it is held")
    (shown,) = body["accounts"]
    assert (shown["status"], shown["passiveModeReason"]) == (stored.status.value, "it is held")


@pytest.mark.parametrize("path", ["/ready", "/health"])
async def test_health_and_readiness_say_who_holds_the_lease(start_api: StartApi, path: str) -> None:
    client = await start_api(lease=PlayedLease(ELSEWHERE))

    status, body, _ = await asked(client, "GET", path)

    assert (status, body["ok"], body["mode"], body["waMode"]) == (200, True, "passive", "passive")
    assert body["lock"] == {
        "status": "held_by_other", "heldBy": "host-b", "epoch": 12, "expiresInSeconds": 28,
    }  # fmt: skip
    assert (body["lockStatus"], body["heldBy"]) == ("held_by_other", "host-b")
    assert (body["lockExpiresInSeconds"], body["instanceId"]) == (28, "test-host")
    assert (body["accounts_total"], body["connected"], body["needs_qr"]) == (0, 0, 0)
    assert body["sessions_dir_writable"] is True


async def test_leader_is_for_the_one_who_may_act(client: Client, start_api: StartApi) -> None:
    passive = await start_api(lease=PlayedLease(ELSEWHERE))

    status, body, _ = await asked(client, "GET", "/leader")
    refused, told, headers = await asked(passive, "GET", "/leader")

    assert (status, body["state"]) == (200, "active")
    assert (refused, headers["Retry-After"]) == (503, "15")
    assert (told["state"], told["holder"], told["epoch"]) == ("passive", "host-b", 12)
    assert told["lease_remaining_ms"] == 27600


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/ready", "/health"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_passive_instance_is_alive_and_could_become_active(
    start_api: StartApi, path: str, method: str
) -> None:
    client = await start_api(lease=PlayedLease(ELSEWHERE))

    async with client.request(method, path) as response:
        assert response.status == (204 if method == "OPTIONS" else 200)


async def test_not_ready_without_the_store(client: Client, store: Store) -> None:
    await store.close()

    status, body, _ = await asked(client, "GET", "/readyz")

    assert (status, body["status"], body["checks"]["store"]) == (503, "not_ready", "error")


async def test_stepping_down_is_refused_where_nothing_is_held(start_api: StartApi) -> None:
    client = await start_api(lease=PlayedLease(ELSEWHERE))

    status, body, _ = await asked(client, "POST", STEP_DOWN)

    assert (status, body["error"], body["heldBy"]) == (409, "not_held", "host-b")


async def test_asking_is_for_those_who_wait(client: Client, start_api: StartApi) -> None:
    passive = await start_api(lease=PlayedLease(ELSEWHERE))

    status, body, _ = await asked(passive, "POST", ASK)
    refused, why, _ = await asked(client, "POST", ASK)

    assert (status, body["heldBy"]) == (202, "host-b")
    assert (refused, why["error"]) == (409, "held_here")


async def test_a_forced_release_says_what_it_risks_first(start_api: StartApi) -> None:
    client = await start_api(lease=PlayedLease(ELSEWHERE))

    refused, risk, _ = await asked(client, "POST", FORCE, iUnderstand="yes")
    status, body, _ = await asked(client, "POST", FORCE, iUnderstand=True)

    assert (refused, risk["field"]) == (400, "iUnderstand")
    assert "sent twice" in risk["message"]
    assert (status, body["released"], body["heldBy"]) == (200, True, "host-b")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (contract.PreconditionFailed("x"), 409, "holder_lives"),
        (contract.Refused("x"), 409, "not_released"),
        (StoreError("x"), 503, "store_unavailable"),
    ],
)
async def test_a_release_that_fails_says_so(
    start_api: StartApi, error: Exception, status: int, code: str
) -> None:
    lease = PlayedLease(ELSEWHERE)
    lease.released = error
    client = await start_api(lease=lease)

    got, body, _ = await asked(client, "POST", FORCE, iUnderstand=True)

    assert (got, body["error"]) == (status, code)


async def test_ones_own_lease_is_not_released_by_force(client: Client) -> None:
    status, body, _ = await asked(client, "POST", FORCE, iUnderstand=True)

    assert (status, body["error"]) == (409, "held_here")
