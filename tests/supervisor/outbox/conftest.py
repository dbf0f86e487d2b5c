"""An outbox that runs over a real store and a fleet in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from shared.clock import SystemClock
from supervisor.events import EventBus
from supervisor.outbox import Outbox
from supervisor.outbox_policy import OutboxPolicy
from supervisor.store.contract import Store
from supervisor.store.sqlite import SqliteStore
from tests.supervisor.outbox.fakes import MemoryFleet
from tests.supervisor.store.samples import ACCOUNT, OTHER_ACCOUNT, account

QUICK = OutboxPolicy(
    answer_wait_s=0.3, send_timeout_s=0.2, retry_min_s=0.01, retry_max_s=0.02, lease_s=5
)

StartOutbox = Callable[..., AbstractAsyncContextManager[Outbox]]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await SqliteStore.open(tmp_path / "wakeeper.db")
    await opened.accounts.create(account(jid="40000000001:3@s.whatsapp.net"))
    await opened.accounts.create(account(account_id=OTHER_ACCOUNT, phone=None))
    yield opened
    await opened.close()


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def fleet(bus: EventBus) -> MemoryFleet:
    fleet = MemoryFleet(bus)
    fleet.connect(ACCOUNT)
    return fleet


@pytest.fixture
def start_outbox(store: Store, fleet: MemoryFleet, bus: EventBus) -> StartOutbox:
    @asynccontextmanager
    async def start(owner: str = "me", policy: OutboxPolicy = QUICK) -> AsyncIterator[Outbox]:
        outbox = Outbox(store, fleet, bus, SystemClock(), owner=owner, policy=policy)
        running = asyncio.create_task(outbox.run())
        await asyncio.sleep(0)
        try:
            yield outbox
        finally:
            outbox.stop()
            async with asyncio.timeout(10):
                await running

    return start


@pytest.fixture
async def outbox(start_outbox: StartOutbox) -> AsyncIterator[Outbox]:
    async with start_outbox() as running:
        yield running
