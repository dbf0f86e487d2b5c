"""`make bench`: our figures beside Baileys', measured in the same run. Nothing is asserted."""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from shared import logs
from tests.bench import connecting, crypto
from tests.bench.figures import Row, table
from tests.interop.node_oracle import NODE_FOLDER, node_command

PEER = "Baileys 7.0.0-rc14"
BENCH_S = 300


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
    peer = baileys_figures()
    acts = (
        ("encode + decode a message to 2 devices", "codec", crypto.codec, "at least as fast"),
        (
            "Signal encrypt + decrypt, in memory",
            "signal-memory",
            crypto.signal_in_memory,
            "at least as fast",
        ),
        (
            "Signal encrypt + decrypt, durable",
            "signal-durable",
            crypto.signal_durable,
            "2 times faster",
        ),
        ("XEdDSA sign", "sign", crypto.signing, "at least as fast"),
        ("XEdDSA verify", "verify", crypto.verifying, "at least as fast"),
    )
    rows = []
    for what, name, act, aim in acts:
        _progress(what)
        rows.append(Row(what, "µs", act(), peer[name], PEER, aim))
    return rows


def connecting_rows() -> list[Row]:
    """Measure connecting, and what a connected client weighs."""
    _progress("connect to open")
    command = node_command(str(Path("..") / "clients" / "baileys.mjs"))
    with tempfile.TemporaryDirectory() as folder:
        ours_ms, theirs_ms, ours_mib, theirs_mib = asyncio.run(
            connecting.figures(Path(folder), command)
        )
    return [
        Row("connect to open, stored credentials", "ms", ours_ms, theirs_ms, PEER, "p50 no slower"),
        Row("a connected idle worker (PSS)", "MiB", [ours_mib], [theirs_mib], PEER, "less"),
    ]


def main() -> None:
    """Measure everything and print one table."""
    logs.configure(level="error")
    rows = [*crypto_rows(), *connecting_rows()]
    print(table(rows))


def _progress(what: str) -> None:
    print(f"measuring: {what} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
