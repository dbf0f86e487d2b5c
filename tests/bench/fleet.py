"""A crowd of our workers under real supervisors that hand it over to one another."""

import asyncio
import datetime as dt
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.bench.crowd import (
    ACCOUNTS,
    CROWDS,
    SETTLE_S,
    Crowd,
    all_logged_in_s,
    idle_cpu_percent,
)
from tests.bench.figures import progress
from tests.bench.machine import pss_mib
from tests.supervisor.standby.site import PRODUCTION, Instance, Site, open_site

HANDOVERS: Final = 3
AT_ONCE: Final = 10  # are paired
STANDBY_S: Final = 3.0  # for a standby to settle: its zygote imports what workers need
ENVIRONMENT: Final[Mapping[str, str]] = {
    "HEARTBEAT_INTERVAL_S": "5",
    "MAX_ACCOUNTS": "100",
    "START_PACE_S": "0",
    **{f"LEASE_{name.upper()}": str(value) for name, value in PRODUCTION.items()},
}


@dataclass
class Fleet(Crowd):
    """A crowd with supervisors.

    Attributes:
        handover_ms: from the last worker's exit at the one supervisor to the first worker's
            start at the other.
        succession_ms: from SIGTERM to the one until all are connected under the other.
        supervisor_mib: PSS of the active supervisor, with its accounts connected.
        supervisor_percent: of one core, for the supervisor alone.
        zygote_mib: PSS of its zygote.
    """

    handover_ms: list[float] = field(default_factory=list)
    succession_ms: list[float] = field(default_factory=list)
    supervisor_mib: float = 0.0
    supervisor_percent: float = 0.0
    zygote_mib: float = 0.0


async def measure() -> Fleet:
    """Pair all, hand them over a few times, and let them be idle."""
    fleet = Fleet()
    async with open_site(**ENVIRONMENT) as site:
        active = await site.started("a0", mode="active")
        progress(f"pair {ACCOUNTS} accounts")
        await pair(site, active, ACCOUNTS)
        for number in range(1, HANDOVERS + 1):
            progress(f"hand over {ACCOUNTS} accounts, {number} of {HANDOVERS}")
            standby = await site.started(f"a{number}", mode="passive")
            await asyncio.sleep(STANDBY_S)
            await _hand_over(site, active, standby, fleet)
            active = standby
        await _rest(site, active, fleet)
    return fleet


async def pair(site: Site, instance: Instance, accounts: int) -> None:
    """Add so many accounts, a few at a time."""
    for first in range(0, accounts, AT_ONCE):
        some = range(first, min(first + AT_ONCE, accounts))
        await asyncio.gather(*(site._pair(instance, number) for number in some))


async def _hand_over(site: Site, old: Instance, new: Instance, fleet: Fleet) -> None:
    seen, begin_s = len(site.sim.record.connections), dt.datetime.now(dt.UTC).timestamp()
    old.signal(signal.SIGTERM)
    last_s = await all_logged_in_s(site.sim, seen, ACCOUNTS)
    await old.wait()
    taken = [each for each in new.events("lease") if each["why"].startswith("took the lease")]
    fleet.connect_ms.append((last_s - _at_s(taken[-1])) * 1000)
    fleet.succession_ms.append((last_s - begin_s) * 1000)
    gone_s = max(map(_at_s, old.events("worker_exited")))
    fleet.handover_ms.append((min(map(_at_s, new.events("worker_spawned"))) - gone_s) * 1000)
    await site.until_connected(new)


def _at_s(entry: dict[str, Any]) -> float:
    return dt.datetime.fromisoformat(entry["timestamp"]).timestamp()


async def _rest(site: Site, active: Instance, fleet: Fleet) -> None:
    progress(f"{ACCOUNTS} idle accounts")
    await asyncio.sleep(SETTLE_S)
    zygote = active.events("zygote_started")[-1]["pid"]
    everything = [active.pid, zygote, *active.workers()]
    alone, *fleet.cpu_percent = await idle_cpu_percent([active.pid], everything)
    fleet.supervisor_percent = alone
    fleet.supervisor_mib, fleet.zygote_mib = pss_mib(active.pid), pss_mib(zygote)
    fleet.whole_mib = [sum(map(pss_mib, everything))]
    accounts = list(site.devices)
    for count in CROWDS:
        await asyncio.gather(*(_take_off(active, each) for each in accounts[count:]))
        accounts = accounts[:count]
        fleet.pss_mib[count] = [pss_mib(pid) for pid in active.workers()]


async def _take_off(active: Instance, account_id: str) -> None:
    status, body, _ = await active.ask("POST", f"/api/whatsapp/disconnect/{account_id}")
    assert status == 200, body
