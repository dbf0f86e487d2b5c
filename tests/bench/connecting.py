"""From dialling to open with stored credentials, and what a connected client weighs."""

import asyncio
import contextlib
import re
import time
from pathlib import Path

from shared import link_pb2
from tests.interop.ours import Ours
from tests.interop.witness import Witness
from tests.simulator import Simulator
from tests.worker.whatsapp.rig import rig

TRIES = 15
SETTLE_S = 15.0  # Node gives back what starting took only after a while


async def figures(
    folder: Path, baileys: list[str]
) -> tuple[list[float], list[float], float, float]:
    """Return ms from connect to open of ours and of Baileys, and MiB (PSS) of each when idle.

    Args:
        folder: for sessions.
        baileys: the witness's command without its arguments.
    """
    async with Simulator() as sim:
        ours_ms, ours_mib = await _ours(sim, folder / "ours")
        theirs_ms, theirs_mib = await _baileys(sim, folder / "baileys", baileys)
        return ours_ms, theirs_ms, ours_mib, theirs_mib


async def _ours(sim: Simulator, folder: Path) -> tuple[list[float], float]:
    phone = await sim.phone("15550000001", "Ann")
    path = folder / "session.db"
    async with rig(sim, path) as first:
        await first.pair(phone)
    times: list[float] = []
    for _ in range(TRIES):
        begin = time.perf_counter()
        async with rig(sim, path) as ours:
            await ours.listener.wait_state(link_pb2.CONNECTED)
            times.append((time.perf_counter() - begin) * 1000)
    return times, await _weight_of_ours(sim, folder / "process")


async def _weight_of_ours(sim: Simulator, folder: Path) -> float:
    phone = await sim.phone("15550000003", "Cal")
    async with Ours.running(sim, folder) as ours:
        await ours.pair(phone)
        await asyncio.sleep(SETTLE_S)
        return pss_mib(ours.pid)


async def _baileys(sim: Simulator, folder: Path, command: list[str]) -> tuple[list[float], float]:
    phone = await sim.phone("15550000002", "Bob")
    await asyncio.to_thread(folder.mkdir, parents=True)
    times: list[float] = []
    async with Witness.running([*command, sim.url, sim.root_public_hex, str(folder)]) as client:
        await client.pair(sim, phone)
        for _ in range(TRIES):
            await client.disconnect(sim)
            seen = len(client.events)
            begin = time.perf_counter()
            await client.do("connect")
            await client.wait("open", after=seen)
            times.append((time.perf_counter() - begin) * 1000)
        await asyncio.sleep(SETTLE_S)
        return times, pss_mib(client.pid)


def pss_mib(pid: int) -> float:
    """Return a process's proportional set size."""
    with contextlib.suppress(FileNotFoundError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
        if found:
            return int(found[1]) / 1024
    return 0.0
