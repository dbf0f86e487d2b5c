"""A throw-away systemd and journald (`boot_systemd.sh`), and commands beside it.

It shares the network with the tests, so the simulated service is in the test's own loop, and the
file system below a layer of its own: what is written there is gone with it. Its files are seen
through `/proc/PID/root`, its processes have pids on this side too.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
BOOT: Final = Path(__file__).with_name("boot_systemd.sh")
SYSTEMD: Final = Path("/lib/systemd/systemd")
PROGRAMS: Final = ("unshare", "nsenter", "setpriv", "findmnt", "systemctl", "journalctl")
BOOT_S: Final = 30.0
END_S: Final = 15.0
COMMAND_S: Final = 20.0
# The machine lives as long as somebody holds the other end of its stdin.
UNTIL_EOF: Final = ("sh", "-c", "echo booted; exec cat >/dev/null")
MISSING: Final = "systemd can't be booted for this test: {what}"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


class Machine:
    """A booted systemd; make it with `booted`."""

    def __init__(self, init_pid: int) -> None:
        self._init_pid = init_pid

    @property
    def root(self) -> Path:
        """Its file system; absolute links in there lead back here."""
        return Path(f"/proc/{self._init_pid}/root")

    async def run(self, *command: str, timeout_s: float = COMMAND_S) -> Ran:
        """Run a command beside its systemd, whatever its exit code.

        Raises:
            TimeoutError: it took too long, and was killed.
        """
        process = await asyncio.create_subprocess_exec(
            *("nsenter", "-t", str(self._init_pid), "-m", "-u", "-i", "-p", "-C", "--"),
            *("timeout", "-s", "KILL", str(timeout_s), *command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_PAGER": "", "LC_ALL": "C.UTF-8"},
        )
        async with asyncio.timeout(2 * timeout_s):
            out, err = await process.communicate()
        assert process.returncode is not None
        if process.returncode == 128 + 9:
            raise TimeoutError(f"{' '.join(command)} took longer than {timeout_s} s")
        return Ran(process.returncode, out.decode(), err.decode())

    async def must(self, *command: str, timeout_s: float = COMMAND_S) -> str:
        """Run a command that has to succeed; return what it printed."""
        ran = await self.run(*command, timeout_s=timeout_s)
        assert ran.code == 0, f"{' '.join(command)}: {ran.code}\n{ran.out}{ran.err}"
        return ran.out


def what_is_missing() -> str:
    """Return why no systemd can be booted here; empty if one can."""
    if os.geteuid() != 0:
        return "that needs root"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent or not SYSTEMD.exists():
        return f"{', '.join(absent) or SYSTEMD} is missing (apt install systemd util-linux)"
    kind = ("findmnt", "-nfo", "TARGET", "-t", "cgroup2")
    if subprocess.run(kind, stdout=subprocess.DEVNULL, check=False).returncode:
        return "there is no cgroup2 file system"
    return ""


def require() -> None:
    """Skip the test where no systemd can be booted, or fail it under CI."""
    what = what_is_missing()
    if what and os.environ.get("CI") == "true":
        pytest.fail(MISSING.format(what=what))
    if what:
        pytest.skip(MISSING.format(what=what))


@contextlib.contextmanager
def booted() -> Iterator[Machine]:
    """Give a running machine; nothing of it is left afterwards."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [BOOT, *UNTIL_EOF],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            with _killed_when_late(process):
                said = process.stdout.readline()
            if said != b"booted\n":
                errors.seek(0)
                raise RuntimeError(f"systemd did not boot: {errors.read()[-2000:]!r}")
            yield Machine(_init_of(process.pid))
        finally:
            _end(process)


@contextlib.contextmanager
def _killed_when_late(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    timer = threading.Timer(BOOT_S, process.terminate)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.terminate()  # the script takes everything down
        process.wait(END_S)
    process.stdout.close()


def _init_of(script_pid: int) -> int:
    """Return the pid, on our side, of the machine's process 1."""
    (unshare,) = (pid for pid in children_of(script_pid) if name_of(pid) == "unshare")
    (init,) = children_of(unshare)
    return init


def children_of(pid: int) -> list[int]:
    """Return the pids of a process's children."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def name_of(pid: int) -> str:
    """Return a process's name, as the kernel shows it."""
    return Path(f"/proc/{pid}/comm").read_text().strip()
