"""The HTTP API on loopback: real server, store and outbox; only the workers are in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from shared.clock import SystemClock
from supervisor.api.app import create_app
from supervisor.api.deps import ApiConfig, Deps
from supervisor.events import EventBus
from supervisor.outbox import Outbox
from supervisor.outbox_policy import OutboxPolicy
from supervisor.store.contract import Store
from supervisor.store.sqlite import SqliteStore
from tests.log_guard import KnownSecrets
from tests.supervisor.outbox.fakes import MemoryFleet

TOKEN = "a-token-that-only-the-tests-know"
CONFIG = ApiConfig(
    admin_token=TOKEN,
    namespace="prod",
    max_accounts=3,
    instance_id="test-host",
    version="0.0.1",
    started_at_ms=1_790_000_000_000,
)
POLICY = OutboxPolicy(answer_wait_s=5, retry_min_s=0.01, retry_max_s=0.02)

Client = TestClient[web.Request, web.Application]


class Call(Protocol):
    """Ask the API, with the token unless told otherwise; return status and JSON."""

    async def __call__(self, method: str, path: str, **options: Any) -> tuple[int, Any]: ...


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await SqliteStore.open(tmp_path / "wakeeper.db")
    yield opened
    await opened.close()


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def fleet(bus: EventBus) -> MemoryFleet:
    return MemoryFleet(bus)


@pytest.fixture
async def outbox(store: Store, fleet: MemoryFleet, bus: EventBus) -> AsyncIterator[Outbox]:
    outbox = Outbox(store, fleet, bus, SystemClock(), owner="me", policy=POLICY)
    running = asyncio.create_task(outbox.run())
    yield outbox
    outbox.stop()
    async with asyncio.timeout(10):
        await running


@pytest.fixture
def deps(store: Store, fleet: MemoryFleet, bus: EventBus, outbox: Outbox) -> Deps:
    return Deps(CONFIG, store, fleet, outbox, bus, SystemClock())


@pytest.fixture
async def client(deps: Deps, known_secrets: KnownSecrets) -> AsyncIterator[Client]:
    known_secrets.add(TOKEN)
    async with TestClient(TestServer(create_app(deps))) as client:
        yield client


@pytest.fixture
def call(client: Client) -> Call:
    async def call(method: str, path: str, **options: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}", **options.pop("headers", {})}
        async with client.request(method, path, headers=headers, **options) as response:
            return response.status, await response.json()

    return call


StartApi = Callable[..., Awaitable[Client]]


@pytest.fixture
async def start_api(deps: Deps) -> AsyncIterator[StartApi]:
    """Start a second API with other settings or other doors."""
    started: list[Client] = []

    async def start(config: dict[str, Any] | None = None, **doors: Any) -> Client:
        changed = replace(deps, config=replace(deps.config, **(config or {})), **doors)
        client = TestClient(TestServer(create_app(changed)))
        await client.start_server()
        started.append(client)
        return client

    yield start
    for client in started:
        await client.close()
