"""What starting a worker takes: by exec, and forked from the zygote."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

from supervisor.workers import WorkerHandle
from tests.bench.figures import Row, progress
from tests.interop.witness import Witness, baileys_command
from tests.simulator import Simulator
from tests.supervisor.processes.real import RealHouse, account_id, real_house

FORKS: Final = 30
EXECS: Final = 6
LOOK_S: Final = 0.0005


async def rows(folder: Path) -> list[Row]:
    """Measure both, and the start of a Baileys process."""
    peer = await _baileys_ms(folder)
    forked = await _spawned_ms(FORKS, forked=True)
    started = await _spawned_ms(EXECS, forked=False)
    return [
        Row("start a worker until it talks to us, zygote", "ms", forked, peer),
        Row("start a worker until it talks to us, exec", "ms", started, peer),
    ]


async def _spawned_ms(tries: int, *, forked: bool) -> list[float]:
    progress(f"start of a worker, {'zygote' if forked else 'exec'}")
    with tempfile.TemporaryDirectory(prefix="wk") as folder:
        async with real_house(Path(folder), forked=forked) as house:
            await _start_ms(house)  # the first one waits for the zygote's imports
            return [await _start_ms(house) for _ in range(tries)]


async def _start_ms(house: RealHouse) -> float:
    """Return from the wish for a worker to the proof that it is ours, over its link."""
    worker = WorkerHandle(account_id(0), house.house.household.launch)
    house.house.server.expect(worker)
    begin = time.perf_counter()
    await worker.spawn()
    while not worker.linked:  # noqa: ASYNC110 -- nobody tells; half a millisecond is exact enough
        await asyncio.sleep(LOOK_S)
    took_ms = (time.perf_counter() - begin) * 1000
    await worker.terminate(10)
    return took_ms


async def _baileys_ms(folder: Path) -> list[float]:
    progress("start of a Baileys process")
    times = []
    async with Simulator() as sim:
        for _ in range(EXECS):
            begin = time.perf_counter()
            async with Witness.running(baileys_command(sim, folder / "started")):
                times.append((time.perf_counter() - begin) * 1000)
    return times
