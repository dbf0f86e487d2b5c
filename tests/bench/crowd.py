"""What many connected clients cost: the figures that ours and Baileys' have in common."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.bench.machine import cpu_s
from tests.simulator import Simulator

ACCOUNTS: Final = 50
CROWDS: Final = (50, 10, 1)  # so many stay connected, one after the other
SETTLE_S: Final = 15.0  # Node gives back what starting took only after a while
IDLE_S: Final = 30.0
CONNECT_S: Final = 90.0


@dataclass
class Crowd:
    """Figures of one crowd.

    Attributes:
        connect_ms: from nothing to all connected, of each round.
        pss_mib: by how many were connected, of each client's process.
        whole_mib: of all processes together, when all were connected.
        cpu_percent: of one core, all processes together, when all were connected and idle.
    """

    connect_ms: list[float] = field(default_factory=list)
    pss_mib: dict[int, list[float]] = field(default_factory=dict)
    whole_mib: list[float] = field(default_factory=list)
    cpu_percent: list[float] = field(default_factory=list)


async def all_logged_in_s(sim: Simulator, seen: int, accounts: int) -> float:
    """Wait for logins of so many devices since connection `seen`; return the last one's time."""

    def logins() -> dict[str, float]:
        logs = sim.record.connections[seen:]
        return {log.device: log.success_s for log in logs if log.success_s is not None}

    found = await sim.wait_for(lambda: _if_whole(logins(), accounts), CONNECT_S)
    return max(found.values())


def _if_whole(logins: dict[str, float], accounts: int) -> dict[str, float] | None:
    return logins if len(logins) >= accounts else None


async def idle_cpu_percent(*groups: Sequence[int]) -> list[float]:
    """Return the share of one core that each group of idle processes takes."""
    before, begin_s = [cpu_s(pids) for pids in groups], time.monotonic()
    await asyncio.sleep(IDLE_S)
    lasted_s = time.monotonic() - begin_s
    return [
        (cpu_s(pids) - was_s) * 100 / lasted_s for pids, was_s in zip(groups, before, strict=True)
    ]
