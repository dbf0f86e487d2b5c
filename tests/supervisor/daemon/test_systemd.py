"""What reaches systemd's socket, byte for byte."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.systemd import Notifier
from tests.supervisor.daemon.harness import short_directory


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
