"""A fresh service for every test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.simulator import Simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """Where our session file goes."""
    return tmp_path / "session.db"
