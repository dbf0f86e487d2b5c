"""A simulated service, and witnesses that are ended with the test."""

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.interop.witness import Witness, baileys_command, whatsmeow_command
from tests.simulator import Simulator

StartWitness = Callable[[str], Awaitable[Witness]]
StartAny = Callable[[str, str], Awaitable[Witness]]

COMMANDS = {"baileys": baileys_command, "whatsmeow": whatsmeow_command}


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """Run a simulated service for one test."""
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def witness(sim: Simulator, tmp_path: Path) -> AsyncIterator[StartAny]:
    """Yield what starts clients, by kind and name."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(kind: str, name: str) -> Witness:
            command = COMMANDS[kind](sim, tmp_path / name)
            return await stack.enter_async_context(Witness.running(command))

        yield start


@pytest.fixture
def baileys(witness: StartAny) -> StartWitness:
    """Return what starts Baileys clients, by name."""
    return functools.partial(witness, "baileys")


@pytest.fixture
def whatsmeow(witness: StartAny) -> StartWitness:
    """Return what starts whatsmeow clients, by name."""
    return functools.partial(witness, "whatsmeow")
