"""Where the figures come from: the machine, its load, and what a process takes of it."""

import datetime as dt
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Final

ANSWER_S: Final = 10.0
_MIB: Final = 1 << 20
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_USER_TICKS: Final = 11  # fields of /proc/<pid>/stat after the command's name (proc(5))
_KERNEL_TICKS: Final = 12


def header() -> str:
    """Return a line for the machine, one for the programs, and one for the moment."""
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    return (
        f"machine   {os.cpu_count()} cores, {_processor()}, {memory_gib:.0f} GiB, "
        f"Linux {platform.release()}\n"
        f"programs  Python {platform.python_version()}, Node {_node()}, "
        f"Wakeeper {version('wakeeper')}\n"
        f"moment    {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC, {load()}"
    )


def load() -> str:
    """Return how busy the machine is: processes that want a core, over 1, 5 and 15 minutes."""
    return "load average " + " ".join(f"{each:.1f}" for each in os.getloadavg())


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        return "missing"
    done = subprocess.run([node, "--version"], capture_output=True, timeout=ANSWER_S, check=True)
    return done.stdout.decode().strip().removeprefix("v")


def pss_mib(pid: int) -> float:
    """Return a process's proportional share of memory (proc(5), smaps_rollup); needs root."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"no Pss of process {pid}")
    return int(found[1]) * 1024 / _MIB


def cpu_s(pids: Iterable[int]) -> float:
    """Return the seconds of CPU that these processes have used so far."""
    return sum(_ticks(pid) for pid in pids) / _TICKS_PER_S


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[_USER_TICKS]) + int(fields[_KERNEL_TICKS])
