"""What workers cost: time to start one, memory of many. `python -P -m tests.bench.workers`."""

import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from shared import logs
from supervisor.workers import WorkerHandle
from tests.supervisor.processes.real import RealHouse, account_id, real_house

CROWDS: Final = (1, 10, 50)
STARTS: Final = 30
_KIB: Final = 1024

Row = tuple[str, str, str]


def pss_bytes(pid: int) -> int:
    """Return a process's proportional share of memory (proc(5), smaps_rollup); needs root."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * _KIB
    raise RuntimeError(f"no Pss of process {pid}")


async def _start_ms(house: RealHouse) -> tuple[float, float]:
    """Return from the wish to the process in our hands, and to its proof that it is ours."""
    loop = asyncio.get_running_loop()
    worker = WorkerHandle(account_id(0), house.house.household.launch)
    house.house.server.expect(worker)
    begin_s = loop.time()
    await worker.spawn()
    held_s = loop.time()
    while not worker.linked:  # noqa: ASYNC110 -- nobody tells; half a millisecond is exact enough
        await asyncio.sleep(0.0005)
    linked_s = loop.time()
    await worker.terminate(10)
    return (held_s - begin_s) * 1000, (linked_s - begin_s) * 1000


async def spawn_latency(folder: Path, *, forked: bool) -> list[Row]:
    """Measure what starting a worker takes."""
    how = "zygote" if forked else "exec"
    async with real_house(folder, forked=forked) as house:
        await _start_ms(house)  # the first one waits for the zygote's imports
        times = [await _start_ms(house) for _ in range(STARTS)]
    held, linked = (statistics.median(each) for each in zip(*times, strict=True))
    what = f"median of {STARTS}"
    return [
        (f"start of a worker, {how}: process held", f"{held:.1f} ms", what),
        (f"start of a worker, {how}: linked", f"{linked:.1f} ms", what),
    ]


async def _restarted(house: RealHouse, count: int) -> None:
    """Have `count` paired accounts run in fresh processes."""
    numbers = range(1, count + 1)
    await asyncio.gather(*(house.stop(number) for number in numbers))
    await asyncio.gather(*(house.start(number) for number in numbers))


async def memory(folder: Path, *, forked: bool, crowds: Sequence[int] = CROWDS) -> list[Row]:
    """Measure connected, idle workers that were started after they had been paired."""
    rows: list[Row] = []
    how = "zygote" if forked else "exec"
    async with real_house(folder, forked=forked) as house:
        paired = 0
        for count in crowds:
            for number in range(paired + 1, count + 1):
                await house.pair(number)
            paired = count
            await _restarted(house, count)
            await asyncio.sleep(1)  # what follows a login settles
            pids = [house.worker(number).pid or 0 for number in range(1, count + 1)]
            mib = [pss_bytes(pid) / _KIB / _KIB for pid in pids]
            what = f"PSS per worker, {how}, {count} connected"
            rows.append((what, f"{statistics.mean(mib):.1f} MiB", f"max {max(mib):.1f}"))
        if house.zygote is not None and house.zygote.pid is not None:
            rows.append(("PSS of the zygote", f"{pss_bytes(house.zygote.pid) / 2**20:.1f} MiB", ""))
    return rows


async def rows() -> list[Row]:
    """Return all rows: what, how much, and a remark."""
    found: list[Row] = []
    for forked in (True, False):
        with tempfile.TemporaryDirectory(prefix="wk") as folder:
            found += await spawn_latency(Path(folder), forked=forked)
        with tempfile.TemporaryDirectory(prefix="wk") as folder:
            crowds = CROWDS if forked else CROWDS[:2]
            found += await memory(Path(folder), forked=forked, crowds=crowds)
    return found


def main() -> None:
    """Print the table."""
    logs.configure(level="error", fmt="console")
    if os.geteuid() != 0:
        sys.exit("reading other processes' memory maps needs root")
    table = asyncio.run(rows())
    width = max(len(what) for what, _, _ in table)
    for what, value, remark in table:
        print(f"{what:<{width}}  {value:>10}  {remark}")


if __name__ == "__main__":
    main()
