"""`make bench`: our figures beside Baileys', measured in the same run. Nothing is asserted."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from shared import logs
from tests.bench import baileys, connecting, crypto, firestore, fleet, workers
from tests.bench.crowd import ACCOUNTS, CROWDS, IDLE_S, Crowd
from tests.bench.figures import Row, progress, table
from tests.bench.machine import header, load
from tests.interop.node_oracle import NODE_FOLDER, node_command
from tests.interop.witness import WitnessError

PEER: Final = "Baileys 7.0.0-rc14"
BENCH_S: Final = 300


def baileys_figures() -> dict[str, list[float]]:
    """Return Baileys' microseconds by name."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            node_command("bench.mjs", folder),
            cwd=NODE_FOLDER,
            capture_output=True,
            timeout=BENCH_S,
            check=True,
        )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line["figures"] for line in lines}


def crypto_rows() -> list[Row]:
    """Measure the codec, signatures and Signal."""
    progress("codec, Signal and signatures of Baileys")
    peer = baileys_figures()
    fast, faster = "at least as fast", "2 times faster"
    acts = (
        ("encode + decode a message to 2 devices", "codec", crypto.codec, fast),
        ("Signal encrypt + decrypt, in memory", "signal-memory", crypto.signal_in_memory, fast),
        ("Signal encrypt + decrypt, durable", "signal-durable", crypto.signal_durable, faster),
        ("XEdDSA sign", "sign", crypto.signing, fast),
        ("XEdDSA verify", "verify", crypto.verifying, fast),
    )
    rows = []
    for what, name, act, aim in acts:
        progress(what)
        rows.append(Row(what, "µs", act(), peer[name], aim))
    return rows


async def one_worker_rows() -> list[Row]:
    """Measure a worker's start and its connecting."""
    with tempfile.TemporaryDirectory(prefix="wk") as folder:
        return [*await connecting.rows(Path(folder)), *await workers.rows(Path(folder))]


async def fleet_rows() -> list[Row]:
    """Measure many workers with their supervisors, and what those cost in Firestore meanwhile."""
    progress("Firestore operations, beside all that follows")
    async with firestore.counting() as counted:
        ours = await fleet.measure()
        theirs = await _baileys_crowd()
        cost = await counted.finish() if counted else None
    return [*_crowd_rows(ours, theirs), *_supervisor_rows(ours), *_firestore_rows(cost)]


async def _baileys_crowd() -> Crowd:
    """Measure the peer's crowd; a machine too busy for it does not cost the other figures."""
    try:
        return await baileys.measure()
    except (TimeoutError, WitnessError) as error:
        progress(f"{ACCOUNTS} Baileys processes given up, the machine is too busy: {error!r}")
        return Crowd()


def _crowd_rows(ours: fleet.Fleet, theirs: Crowd) -> list[Row]:
    aims = {50: "≤ 10 MiB"}
    memory = [
        Row(
            f"a connected idle worker, PSS, {count} of them",
            "MiB",
            ours.pss_mib[count],
            theirs.pss_mib.get(count, ()),
            aims.get(count, ""),
        )
        for count in sorted(CROWDS)
    ]
    crowd = f"{ACCOUNTS} idle accounts, all processes"
    return [
        *memory,
        Row(f"{crowd}: PSS", "MiB", ours.whole_mib, theirs.whole_mib),
        Row(
            f"{crowd}: CPU over {IDLE_S:.0f} s",
            "% of a core",
            ours.cpu_percent,
            theirs.cpu_percent,
        ),
        Row(
            f"lease taken (or Node started) until {ACCOUNTS} connected",
            "ms",
            ours.connect_ms,
            theirs.connect_ms,
            "5 times faster",
        ),
    ]


def _supervisor_rows(ours: fleet.Fleet) -> list[Row]:
    share = [ours.supervisor_percent]
    return [
        Row(f"the supervisor with {ACCOUNTS} idle accounts, PSS", "MiB", [ours.supervisor_mib]),
        Row(f"the supervisor with {ACCOUNTS} idle accounts, CPU", "% of a core", share),
        Row("its zygote, PSS", "MiB", [ours.zygote_mib]),
        Row("hand-over: last worker's exit to first start", "ms", ours.handover_ms, (), "≤ 1 s"),
        Row(f"SIGTERM until {ACCOUNTS} connected elsewhere", "ms", ours.succession_ms),
    ]


def _firestore_rows(cost: firestore.Cost | None) -> list[Row]:
    if cost is None:
        return [Row("Firestore operations per idle day: needs the emulator", "", [])]
    rows = []
    for who, day, aim in (("holder", cost.holder, "≤ 15,000"), ("standby", cost.standby, "")):
        kinds = f"{day.reads:,.0f} reads, {day.writes:,.0f} writes"
        what = f"Firestore per idle day, {who} ({kinds})"
        rows.append(Row(what, "operations", [day.operations], (), aim))
    return [
        *rows,
        Row(f"Firestore per /ready, {firestore.ACCOUNTS} accounts", "reads", [cost.probe_reads]),
        Row("the supervisor with Firestore, PSS", "MiB", [cost.supervisor_mib]),
    ]


def main() -> None:
    """Measure everything and print one table."""
    logs.configure(level="error")
    if os.geteuid() != 0:
        sys.exit("make bench reads other processes' memory maps: run it as root")
    begin_s, machine = time.monotonic(), header()
    rows = crypto_rows()
    rows += asyncio.run(one_worker_rows())
    rows += asyncio.run(fleet_rows())
    print(f"{machine}\ntook      {time.monotonic() - begin_s:.0f} s, {load()} at the end\n")
    print(table(rows, PEER))


if __name__ == "__main__":
    main()
