"""One machine for all these tests; each has the unit, its state and the service anew."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import ClientSession

from tests.log_guard import KnownSecrets
from tests.simulator import Simulator
from tests.system import machine as machines
from tests.system.machine import Machine
from tests.system.service import PHONE, Service, install


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    machines.require()
    with machines.booted() as machine:
        asyncio.run(install(machine))
        yield machine


@pytest.fixture
async def service(machine: Machine, known_secrets: KnownSecrets) -> AsyncIterator[Service]:
    """Give the unit, not started yet; its journal is searched for secrets afterwards."""
    async with Simulator() as sim, ClientSession() as session:
        service = Service(machine, sim, session)
        known_secrets.add(service.token, "the API's token")
        known_secrets.add_phone(PHONE)
        await service.configure()
        try:
            yield service
            known_secrets.check("\n".join(map(str, await service.journal())))
        finally:
            await service.discard()
