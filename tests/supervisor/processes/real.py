"""Real workers of a real fleet, against the simulated service."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from shared.accounts import AccountStatus
from shared.worker_settings import WorkerSettings
from supervisor.events import AccountState, QrChanged
from supervisor.keeper import Timing
from supervisor.store.records import AccountRecord
from supervisor.workers import Launch, WorkerHandle
from supervisor.zygote import Zygote
from tests.simulator import Simulator
from tests.supervisor.processes.house import House, open_house, until

CALM = Timing(heartbeat_interval_s=5.0, hello_timeout_s=60.0, stop_grace_s=10.0)
MANY_S = 120.0


def account_id(number: int) -> str:
    """Return the id of an account by its number."""
    return f"account_test_{number}"


@dataclass
class RealHouse:
    """A house whose workers are real."""

    house: House
    sim: Simulator
    zygote: Zygote | None

    async def pair(self, number: int) -> None:
        """Add an account, and have a phone of its own scan what it shows."""
        name, digits = account_id(number), f"4070000{number:04d}"
        record = AccountRecord(name, "test", f"+{digits}", AccountStatus.CONNECTING, 1, 1)
        await self.house.store.accounts.create(record)
        phone = await self.sim.phone(digits)
        async with self.house.events.subscribe() as events:
            await self.house.fleet.ensure(name)
            await until(
                events, lambda event: isinstance(event, QrChanged) and event.account_id == name
            )
            view = self.house.fleet.view(name)
            assert view is not None
            assert view.qr_payload is not None
            await phone.scan(view.qr_payload)
            await until(events, lambda event: _connected(event, name))

    async def start(self, number: int) -> None:
        """Start an account that is paired, and wait until it is connected."""
        name = account_id(number)
        async with self.house.events.subscribe() as events:
            await self.house.fleet.ensure(name)
            await until(events, lambda event: _connected(event, name), MANY_S)

    async def stop(self, number: int) -> None:
        """Stop an account's worker."""
        await self.house.fleet.stop(account_id(number), reason="a test wants it")

    def worker(self, number: int) -> WorkerHandle:
        """Return an account's running worker."""
        return self.house.fleet._worker(account_id(number))


def _connected(event: object, name: str) -> bool:
    return isinstance(event, AccountState) and (event.account_id, event.status) == (
        name,
        AccountStatus.CONNECTED,
    )


@contextlib.asynccontextmanager
async def real_house(state: Path, *, forked: bool = True) -> AsyncIterator[RealHouse]:
    """Give a house of real workers: forked from a zygote, or else started by exec."""
    async with contextlib.AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator())
        zygote = await stack.enter_async_context(Zygote.running()) if forked else None

        def launch(settings: WorkerSettings) -> Launch:
            told = replace(
                settings,
                whatsapp_ws_url=sim.url,
                whatsapp_cert_root=bytes.fromhex(sim.root_public_hex),
                log_level="warning",
                heartbeat_interval_s=CALM.heartbeat_interval_s,
            )
            return Launch(told, zygote=zygote)

        opened = open_house(state, launch=launch, timing=CALM)
        house = await stack.enter_async_context(opened)
        yield RealHouse(house, sim, zygote)
