"""A simulated service for one test."""

from collections.abc import AsyncIterator

import pytest

from tests.simulator import Simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """Run a simulated service for one test."""
    async with Simulator() as simulator:
        yield simulator
