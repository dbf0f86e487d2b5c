"""Every store implementation, each fresh; the contract's tests run against all of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from supervisor.store.contract import Store
from supervisor.store.sqlite import SqliteStore
from tests.supervisor.store import backends


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await SqliteStore.open(tmp_path / "wakeeper.db")
    yield opened
    await opened.close()


@pytest.fixture(params=backends.NAMES)
async def backend(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[backends.Backend]:
    async with backends.backend(request.param, tmp_path) as opened:
        yield opened
