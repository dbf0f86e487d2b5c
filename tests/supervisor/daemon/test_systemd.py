"""What reaches systemd's socket, byte for byte, and what the whole daemon tells it."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from shared.errors import ConfigError
from supervisor import daemon
from supervisor.lease import LeaseGuard, LeaseTiming, Mode
from supervisor.systemd import Notifier
from tests.supervisor.daemon.harness import served, settings_in, short_directory
from tests.supervisor.processes.house import PATIENCE_S, standin


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with short_directory() as place, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(place / "notify"))
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(place / "notify"))
        yield listening


@pytest.fixture
def notifier(systemd: socket.socket) -> Iterator[Notifier]:
    notifier = Notifier()
    yield notifier
    notifier.close()


def test_status_reaches_systemd_as_utf_8(systemd: socket.socket, notifier: Notifier) -> None:
    notifier.status("31 of 33 connected · é · Ж")

    assert systemd.recv(4096) == "STATUS=31 of 33 connected · é · Ж".encode()


def test_status_is_one_line_of_bounded_length(systemd: socket.socket, notifier: Notifier) -> None:
    notifier.status("a\nWATCHDOG=trigger " + "x" * 10_000)
    (line,) = systemd.recv(65_536).decode().splitlines()

    assert line.startswith("STATUS=a WATCHDOG=trigger xxx")
    assert len(line) <= 520


def test_without_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = Notifier()
    notifier.ready("x")
    notifier.stopping()
    notifier.close()


def test_dead_socket_is_logged_and_harmless(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, log_lines: list[str]
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
    notifier = Notifier()
    notifier.ready("x")
    notifier.close()

    assert any("systemd_not_reached" in line for line in log_lines)


def test_without_a_watchdog_nothing_is_told_of_being_alive(
    systemd: socket.socket, notifier: Notifier
) -> None:
    notifier.alive()
    notifier.status("x")

    assert systemd.recv(4096) == b"STATUS=x"


@pytest.mark.parametrize(
    ("pid", "microseconds", "expected_s"),
    [("", "3000000", 3.0), ("1", "3000000", None), ("", "soon", None), ("", "0", None)],
)
def test_watchdog_is_minded_when_it_is_meant_for_us(
    systemd: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    pid: str,
    microseconds: str,
    expected_s: float | None,
) -> None:
    monkeypatch.setenv("WATCHDOG_PID", pid or str(os.getpid()))
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    notifier = Notifier()
    notifier.alive()
    notifier.reloading()
    notifier.close()
    heard = systemd.recv(4096)

    assert notifier.watchdog_s == expected_s
    assert heard.startswith(b"WATCHDOG=1" if expected_s else b"RELOADING=1\nMONOTONIC_USEC=")


async def heard_until(systemd: socket.socket, wanted: Callable[[list[str]], bool]) -> list[str]:
    heard: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        while not wanted(heard):
            heard.append(await asyncio.to_thread(lambda: systemd.recv(4096).decode()))
    return heard


async def test_the_daemons_loop_feeds_the_watchdog(
    tmp_path: Path, systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    async with served(tmp_path):
        heard = await heard_until(systemd, lambda heard: heard.count("WATCHDOG=1") >= 3)

    assert any(line.startswith("STATUS=ACTIVE epoch 1 ·") for line in heard)


async def test_a_watchdog_that_would_end_us_too_late_forbids_the_start(
    tmp_path: Path, systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "40000000")
    with pytest.raises(ConfigError, match="watchdog"):
        async with served(tmp_path):
            pass


async def test_a_hangup_reads_the_settings_anew(
    tmp_path: Path, systemd: socket.socket, log_lines: list[str]
) -> None:
    stop, hangup = asyncio.Event(), asyncio.Event()
    with short_directory() as run:
        settings = settings_in(tmp_path, run)

        def reload() -> Any:
            raise ConfigError("PORT is 'a lot'")

        serving = asyncio.create_task(
            daemon.serve(
                settings, stop, lambda _: hangup.set(),
                worker_command=standin("connect"), hangup=hangup, reload=reload,
            )
        )  # fmt: skip
        heard = await heard_until(systemd, lambda heard: sum("READY=1" in x for x in heard) == 2)
        stop.set()
        await serving

    assert any(line.startswith("RELOADING=1") for line in heard)
    assert any("settings_not_reloaded" in line for line in log_lines)


class Worker:
    """A worker that outlives the lease."""


class HeldFleet:
    def __init__(self) -> None:
        self.workers: list[Worker] = []

    def living(self) -> list[Worker]:
        return self.workers


class HandClock:
    def __init__(self) -> None:
        self.now_ns = 0

    def wall_s(self) -> float:
        return 0.0

    def boot_ns(self) -> int:
        return self.now_ns


def test_the_watchdog_is_withheld_when_a_worker_outlives_the_lease() -> None:
    clock, fleet = HandClock(), HeldFleet()
    guard = LeaseGuard(clock, LeaseTiming())
    around = daemon.Daemon(*cast("Any", (None, fleet, None, None, guard, None)))
    watch = daemon._Watch(around, Notifier(), asyncio.Event(), None)
    guard.move(Mode.FENCING)
    guard.take(1, sent_ns=0)
    guard.move(Mode.ACTIVE)
    fleet.workers = [Worker()]
    well = [watch._is_well()]
    clock.now_ns = int(37e9)  # the hard stop was a second ago
    well.append(watch._is_well())
    fleet.workers = []
    well.append(watch._is_well())
    clock.now_ns = int(39e9)  # and nobody has noticed
    well.append(watch._is_well())
    guard.move(Mode.DEMOTING)
    well.append(watch._is_well())

    assert well == [True, False, True, False, True]
