"""From dialling to open with stored credentials: one client, in a process that is there already."""

import time
from pathlib import Path

from shared import link_pb2
from tests.bench.figures import Row, progress
from tests.interop.witness import Witness, baileys_command
from tests.simulator import Simulator
from tests.worker.whatsapp.rig import rig

TRIES = 15


async def rows(folder: Path) -> list[Row]:
    """Measure it; sessions go into `folder`."""
    progress("connect to open")
    async with Simulator() as sim:
        ours_ms = await _ours(sim, folder / "session.db")
        theirs_ms = await _baileys(sim, folder / "baileys")
    what = "connect to open, stored credentials"
    return [Row(what, "ms", ours_ms, theirs_ms, "p50 no slower")]


async def _ours(sim: Simulator, path: Path) -> list[float]:
    phone = await sim.phone("15550000001", "Ann")
    async with rig(sim, path) as first:
        await first.pair(phone)
    times: list[float] = []
    for _ in range(TRIES):
        begin = time.perf_counter()
        async with rig(sim, path) as ours:
            await ours.listener.wait_state(link_pb2.CONNECTED)
            times.append((time.perf_counter() - begin) * 1000)
    return times


async def _baileys(sim: Simulator, folder: Path) -> list[float]:
    phone = await sim.phone("15550000002", "Bob")
    times: list[float] = []
    async with Witness.running(baileys_command(sim, folder)) as client:
        await client.pair(sim, phone)
        for _ in range(TRIES):
            await client.disconnect(sim)
            seen = len(client.events)
            begin = time.perf_counter()
            await client.do("connect")
            await client.wait("open", after=seen)
            times.append((time.perf_counter() - begin) * 1000)
    return times
