"""An operator's day over HTTP: a whole daemon with real workers, against the simulated service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import ClientSession

from supervisor import daemon
from tests.simulator import Simulator
from tests.supervisor.daemon.harness import Served, settings_in, short_directory
from tests.supervisor.processes.house import PATIENCE_S

PHONE = "+15550000001"
ADD = "/api/whatsapp/add-account"


@contextlib.asynccontextmanager
async def served(state: Path, sim: Simulator) -> AsyncIterator[Served]:
    """Run a daemon meanwhile."""
    with short_directory() as run:
        settings = settings_in(
            state,
            run,
            whatsapp_ws_url=sim.url,
            whatsapp_cert_root=sim.root_public_hex,
            heartbeat_interval_s=5,
        )
        stop, told = asyncio.Event(), asyncio.get_running_loop().create_future()
        task = asyncio.create_task(daemon.serve(settings, stop, told.set_result))
        try:
            async with asyncio.timeout(PATIENCE_S), ClientSession() as session:
                await asyncio.wait({told, task}, return_when=asyncio.FIRST_COMPLETED)
                yield Served(told.result(), settings, session)
        finally:
            stop.set()
            await task


async def test_unlinked_account_waits_for_a_wish_and_a_deleted_one_comes_back_fresh(
    tmp_path: Path,
) -> None:
    async with Simulator() as sim, served(tmp_path, sim) as ours:
        ann = await sim.phone(PHONE.removeprefix("+"), "Ann")
        await until_active(ours)
        assert await added(ours) == "connecting"
        account_id = str((await ours.account_with("qr_ready"))["id"])
        await ann.scan(await code(ours, account_id))
        await ours.account_with("connected")
        ann.unlink()
        await ours.account_with("needs_qr")
        dials = len(sim.record.connections)

        again = await added(ours)
        assert again == "needs_qr"
        assert len(sim.record.connections) == dials, "adding it starts nothing"

        asked = [await regenerate(ours, account_id) for _ in range(3)]
        assert asked[0] == (200, "in_progress")
        assert {status for _, status in asked[1:]} <= {"already_connecting", "qr_ready"}
        await ours.account_with("qr_ready")
        await ann.scan(await code(ours, account_id))
        await ours.account_with("connected")

        gone = [await ours.ask("DELETE", f"/api/whatsapp/accounts/{account_id}") for _ in range(3)]
        assert [status for status, _ in gone] == [200, 404, 404]
        assert ann.companions == []
        _, left = await ours.ask("GET", "/api/whatsapp/accounts")
        assert left["accounts"] == []

        await added(ours)
        fresh = await ours.account_with("qr_ready")
        assert (fresh["id"], fresh["jid"]) == (account_id, None)
    assert sim.record.broken() == []


async def until_active(ours: Served) -> None:
    """Wait until the daemon holds the lease."""
    while (await ours.ask("GET", "/ready"))[1]["mode"] != "active":  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def added(ours: Served) -> str:
    """Add the account; return its status."""
    _, body = await ours.ask("POST", ADD, phone=PHONE)
    status: str = body["account"]["status"]
    return status


async def regenerate(ours: Served, account_id: str) -> tuple[int, str]:
    """Ask for a QR; return what was answered."""
    status, body = await ours.ask("POST", f"/api/whatsapp/regenerate-qr/{account_id}")
    return status, str(body["status"])


async def code(ours: Served, account_id: str) -> str:
    """Return the QR that an account shows."""
    _, body = await ours.ask("GET", f"/api/whatsapp/qr/{account_id}?format=json")
    return str(body["qr"])
