"""Real workers of real fleets, one after the other, against one simulated service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shared.accounts import AccountStatus
from shared.worker_settings import WorkerSettings
from supervisor.keeper import Timing
from supervisor.restarts import Policy
from supervisor.store.records import AccountRecord
from supervisor.workers import Launch
from supervisor.zygote import Zygote
from tests.simulator import Phone, Simulator
from tests.supervisor.processes.house import (
    ACCOUNT,
    PATIENCE_S,
    QUICK_RETRY,
    House,
    open_house,
    until,
    until_status,
)

# Heartbeats are patient: a machine that is busy with other tests is no fault of a worker.
CALM = Timing(heartbeat_interval_s=5.0, hello_timeout_s=60.0, stop_grace_s=10.0)
NUMBER = "15550000001"


@dataclass
class Site:
    """What stays while supervisors come and go: the service, the zygote, the disk."""

    sim: Simulator
    zygote: Zygote
    state: Path

    @contextlib.asynccontextmanager
    async def house(self, policy: Policy = QUICK_RETRY, **changes: Any) -> AsyncIterator[House]:
        """Give a supervisor's fleet and store; drained at the end, as for a restart.

        Args:
            policy: of restarts.
            changes: of what workers are told.
        """

        def launch(settings: WorkerSettings) -> Launch:
            told = replace(
                settings,
                whatsapp_ws_url=self.sim.url,
                whatsapp_cert_root=bytes.fromhex(self.sim.root_public_hex),
                heartbeat_interval_s=CALM.heartbeat_interval_s,
                log_level="warning",
                **changes,
            )
            return Launch(told, zygote=self.zygote)

        async with open_house(self.state, launch=launch, timing=CALM, policy=policy) as house:
            yield house

    @property
    def dials(self) -> int:
        """How many connections the service has seen."""
        return len(self.sim.record.connections)

    @property
    def session(self) -> Path:
        """Where the account's session lies."""
        return self.state / "sessions" / ACCOUNT / "session.db"

    @property
    def quarantined(self) -> list[Path]:
        """The databases that were set aside, oldest first."""
        return sorted((self.state / "sessions" / ".quarantine").glob("*/*/session.db"))


@contextlib.asynccontextmanager
async def open_site(state: Path) -> AsyncIterator[Site]:
    """Give a site."""
    async with Simulator() as sim, Zygote.running() as zygote:
        yield Site(sim, zygote, state)


async def scan(house: House, phone: Phone, account_id: str = ACCOUNT) -> None:
    """Have a phone scan what an account shows, and wait until it is connected."""
    async with house.events.subscribe() as events:
        code = qr(house, account_id)
        while code is None:
            await until(events, lambda event: event.account_id == account_id)
            code = qr(house, account_id)
        await phone.scan(code)
        await until_status(events, AccountStatus.CONNECTED, account_id)


def qr(house: House, account_id: str = ACCOUNT) -> str | None:
    """Return the QR that an account shows."""
    view = house.fleet.view(account_id)
    return None if view is None else view.qr_payload


async def paired(
    site: Site, house: House, account_id: str = ACCOUNT, number: str = NUMBER
) -> Phone:
    """Add an account and link it to a phone of its own."""
    record = AccountRecord(account_id, "test", f"+{number}", AccountStatus.CONNECTING, 1, 1)
    await house.store.accounts.create(record)
    phone = await site.sim.phone(number)
    await house.fleet.ensure(account_id)
    await scan(house, phone, account_id)
    return phone


async def rested(house: House, account_id: str = ACCOUNT) -> AccountRecord:
    """Wait until an account has no keeper any more, and return its record."""
    task = house.fleet._tasks.get(account_id)
    if task is not None:
        await asyncio.wait({task}, timeout=PATIENCE_S)
    return await recorded(house, account_id)


async def recorded(house: House, account_id: str = ACCOUNT) -> AccountRecord:
    """Return an account's record."""
    record = await house.store.accounts.get(account_id)
    assert record is not None
    return record
