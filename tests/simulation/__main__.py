"""Simulate hours of the lease's life: one seed to replay it, or many to look for trouble.

python -m tests.simulation --seed 17 --hours 1 --history /tmp/17.jsonl
python -m tests.simulation --seeds 10000
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from shared import logs
from tests.simulation import history
from tests.simulation.world import run


def main() -> int:
    options = _parser().parse_args()
    logs.configure(level=options.log, fmt="console")
    return _one(options) if options.seed is not None else _many(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this one, and tell what happened")
    parser.add_argument("--seeds", type=int, default=200, help="run so many, from --first on")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--hours", type=float, default=1.0, help="of each run; default 1")
    parser.add_argument("--history", type=Path, help="write the events of --seed here")
    parser.add_argument("--log", default="critical", help="level of the lease's own log")
    parser.add_argument("--jobs", type=int, default=None, help="processes; default one per CPU")
    return parser


def _one(options: argparse.Namespace) -> int:
    outcome = run(options.seed, options.hours)
    if options.history:
        history.write(outcome.events, options.history)
    print(outcome.told())
    for event in sorted({event.event for event in outcome.events}):
        print(f"{outcome.count(event):7} {event}")
    return bool(outcome.violations)


def _many(options: argparse.Namespace) -> int:
    begun = time.monotonic()
    seeds = range(options.first, options.first + options.seeds)
    bad = 0
    with ProcessPoolExecutor(options.jobs, initializer=_quiet) as pool:
        for told in pool.map(partial(_told, hours=options.hours), seeds, chunksize=10):
            bad += bool(told)
            print(told, end="\n" if told else "", flush=True)
    took_s = time.monotonic() - begun
    print(f"{options.seeds} runs of {options.hours:g} h in {took_s:.0f} s: {bad} broke a rule")
    return bool(bad)


def _quiet() -> None:
    logs.configure(level="critical")


def _told(seed: int, hours: float) -> str:
    outcome = run(seed, hours)
    return outcome.told() if outcome.violations else ""


if __name__ == "__main__":
    sys.exit(main())
