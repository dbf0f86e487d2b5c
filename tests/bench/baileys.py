"""A crowd of Baileys processes, one per account, as a service that uses Baileys has them."""

import asyncio
import contextlib
import json
import tempfile
import time
from pathlib import Path
from typing import Final

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
from tests.interop.witness import Witness, baileys_command
from tests.simulator import Simulator

AT_ONCE: Final = 5  # are paired
STILL_S: Final = 0.5  # its credentials' file has not changed for so long: it is whole
SAVED_S: Final = 20.0


async def measure() -> Crowd:
    """Pair all, start them anew with what they have stored, and let them be idle."""
    crowd = Crowd()
    with tempfile.TemporaryDirectory(prefix="wk") as folder:
        async with Simulator() as sim, contextlib.AsyncExitStack() as stack:
            commands = [baileys_command(sim, Path(folder) / str(i)) for i in range(ACCOUNTS)]
            progress(f"pair {ACCOUNTS} Baileys clients")
            await _pair(sim, commands)
            progress(f"connect {ACCOUNTS} Baileys processes")
            begin_s, seen = time.time(), len(sim.record.connections)
            clients = await asyncio.gather(*(_started(stack, each) for each in commands))
            last_s = await all_logged_in_s(sim, seen, ACCOUNTS)
            crowd.connect_ms.append((last_s - begin_s) * 1000)
            await _rest(crowd, clients)
    return crowd


async def _pair(sim: Simulator, commands: list[list[str]]) -> None:
    turn = asyncio.Semaphore(AT_ONCE)

    async def pair(number: int, command: list[str]) -> None:
        phone = await sim.phone(f"1555100{number:04d}")
        async with turn, Witness.running(command) as client:
            await client.pair(sim, phone)
            await client.disconnect(sim)
            await _saved(Path(command[-1]) / "creds.json")

    await asyncio.gather(*(pair(*each) for each in enumerate(commands)))


async def _saved(path: Path) -> None:
    """Wait until Baileys has written its credentials: ended within a write, it has lost them."""
    async with asyncio.timeout(SAVED_S):
        while not _is_paired_and_still(path):  # noqa: ASYNC110 -- a file tells nobody
            await asyncio.sleep(STILL_S / 5)


def _is_paired_and_still(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError, ValueError):
        is_still = time.time() - path.stat().st_mtime > STILL_S
        return is_still and "me" in json.loads(path.read_bytes())
    return False


async def _started(stack: contextlib.AsyncExitStack, command: list[str]) -> Witness:
    client = await stack.enter_async_context(Witness.running(command))
    await client.do("connect")
    return client


async def _rest(crowd: Crowd, clients: list[Witness]) -> None:
    progress(f"{ACCOUNTS} idle Baileys processes")
    await asyncio.sleep(SETTLE_S)
    crowd.cpu_percent = await idle_cpu_percent([client.pid for client in clients])
    for count in CROWDS:
        while len(clients) > count:
            await clients.pop()._end()
        crowd.pss_mib[count] = [pss_mib(client.pid) for client in clients]
    crowd.whole_mib = [sum(crowd.pss_mib[ACCOUNTS])]
