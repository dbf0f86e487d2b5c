"""An inbox over a real store, and the batches that workers send."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.clock import SystemClock
from supervisor.events import EventBus
from supervisor.inbox import Inbox
from supervisor.store.contract import Store
from supervisor.store.sqlite import SqliteStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await SqliteStore.open(tmp_path / "wakeeper.db")
    yield opened
    await opened.close()


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def inbox(store: Store, bus: EventBus) -> Inbox:
    return Inbox(store, bus, SystemClock())
