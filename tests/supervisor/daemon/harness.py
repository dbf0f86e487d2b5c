"""A whole daemon inside the test's loop, with stand-ins for workers."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from shared.settings import Settings
from supervisor import daemon
from tests.log_guard import keep_secret
from tests.supervisor.processes.house import PATIENCE_S, standin

TOKEN = "daemon-test-token"


@dataclass
class Served:
    """A running daemon, and a way to ask it."""

    address: daemon.Address
    settings: Settings
    session: ClientSession

    @property
    def url(self) -> str:
        """Where its API is."""
        return self.address.url

    async def ask(self, method: str, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        """Return status and JSON of an authorised request."""
        async with self.session.request(
            method,
            self.url + path,
            json=body or None,
            headers={"Authorization": f"Bearer {TOKEN}"},
        ) as response:
            return response.status, await response.json()

    async def account_with(self, status: str) -> dict[str, Any]:
        """Return the first account once it has a status."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                _, body = await self.ask("GET", "/api/whatsapp/accounts")
                if body["accounts"] and body["accounts"][0]["status"] == status:
                    return dict(body["accounts"][0])
                await asyncio.sleep(0.02)


def settings_in(state: Path, run: Path, **changes: Any) -> Settings:
    """Return settings for a daemon that keeps everything in `state`."""
    values: dict[str, Any] = {
        "wakeeper_state": state,
        "run_path": run,
        "port": 0,
        "admin_token": TOKEN,
        "account_namespace": "test",
        "heartbeat_interval_s": 0.2,
    }
    return Settings(**{**values, **changes})


@contextlib.contextmanager
def short_directory() -> Iterator[Path]:
    """Give a directory whose path is short enough for a Unix socket."""
    run = Path(tempfile.mkdtemp(prefix="wk"))
    try:
        yield run
    finally:
        shutil.rmtree(run, ignore_errors=True)


@contextlib.asynccontextmanager
async def served(state: Path, behaviour: str = "connect", **changes: Any) -> AsyncIterator[Served]:
    """Run a daemon meanwhile."""
    with short_directory() as run:
        settings = settings_in(state, run, **changes)
        stop, told = asyncio.Event(), asyncio.get_running_loop().create_future()
        serving = daemon.serve(settings, stop, told.set_result, worker_command=standin(behaviour))
        task = asyncio.create_task(serving)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.wait({told, task}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()  # it did not start: this says why
            keep_secret(told.result().token.value, "the admin token")
            async with ClientSession() as session:
                yield Served(told.result(), settings, session)
        finally:
            stop.set()
            await task
