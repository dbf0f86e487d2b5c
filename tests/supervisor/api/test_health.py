import pytest

from shared.accounts import AccountStatus
from supervisor.api.doors import FleetCondition
from supervisor.store.contract import Store
from tests.supervisor.api.conftest import Client
from tests.supervisor.outbox.fakes import MemoryFleet
from tests.supervisor.store.samples import ACCOUNT, OTHER_ACCOUNT, account


async def test_health_counts_accounts_for_everybody(
    client: Client, store: Store, fleet: MemoryFleet
) -> None:
    await store.accounts.create(account())
    await store.accounts.create(account(account_id=OTHER_ACCOUNT, phone=None))
    fleet.connect(ACCOUNT)

    async with client.get("/health", headers={"X-Request-ID": "abc-1"}) as response:
        body = await response.json()

    assert response.status == 200
    assert (body["ok"], body["status"], body["instanceId"]) == (True, "healthy", "test-host")
    assert (body["accounts_total"], body["connected"]) == (2, 1)
    assert (body["version"], body["bootTimestamp"]) == ("0.0.1", "2026-09-21T14:13:20.000Z")
    assert body["requestId"] == response.headers["X-Request-ID"] == "abc-1"
    assert isinstance(body["uptime"], int)


@pytest.mark.parametrize("path", ["/healthz", "/livez"])
async def test_being_alive_needs_nothing(client: Client, store: Store, path: str) -> None:
    await store.close()

    async with client.get(path) as response:
        assert (response.status, (await response.json())["status"]) == (200, "ok")


async def test_health_is_200_and_ready_says_no_when_the_store_is_gone(
    client: Client, store: Store
) -> None:
    async with client.get("/ready") as response:
        before = await response.json()
    await store.close()
    async with client.get("/health") as health, client.get("/ready") as ready:
        said, after = await health.json(), await ready.json()

    assert (before["ready"], before["mode"]) == (True, "active")
    assert (health.status, said["store"], said["accounts_total"]) == (200, "error", None)
    assert (ready.status, after["ready"], after["error"]) == (200, False, "store_unavailable")


async def test_the_root_tells_programs_what_there_is(client: Client) -> None:
    async with client.get("/") as response:
        body = await response.json()

    assert (body["status"], body["service"]) == ("online", "wakeeper")
    assert "/api/whatsapp/send-message" in body["endpoints"]


async def test_the_root_leads_browsers_to_the_dashboard(client: Client) -> None:
    accept = {"Accept": "text/html,application/xhtml+xml"}

    async with client.get("/", headers=accept, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/dashboard/")


async def test_deleted_accounts_are_not_counted(client: Client, store: Store) -> None:
    await store.accounts.create(account(status=AccountStatus.DELETED))

    async with client.get("/health") as response:
        assert (await response.json())["accounts_total"] == 0


async def test_health_says_what_concerns_all_accounts(client: Client, fleet: MemoryFleet) -> None:
    fleet.state = FleetCondition("WhatsApp no longer accepts our version", 2)

    async with client.get("/health") as response:
        body = await response.json()

    assert body["startsHeld"] == "WhatsApp no longer accepts our version"
    assert body["sessionsWithoutAccount"] == 2
