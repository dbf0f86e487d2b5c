"""What systemd is told: ready, how it goes in words, that we live, reloading, stopping.

sdnotify 0.3.2 sends text as latin-1, which turns a status with other characters into nothing, and
leaves its sockets to the garbage collector: this wrapper mends both. Without systemd, nobody is
told.
"""

import os
import socket
import time
from typing import Final

import sdnotify

from shared.logs import get_logger

log = get_logger(__name__)

MAX_STATUS_CHARS: Final = 500


class Notifier:
    """One line to the service manager; harmless where there is none, and never raises.

    Attributes:
        watchdog_s: systemd ends us when it did not hear `alive` for so long; None: it doesn't.
    """

    def __init__(self) -> None:
        told_where = os.environ.get("NOTIFY_SOCKET", "")
        self._line = sdnotify.SystemdNotifier(debug=False) if _reachable(told_where) else None
        self.watchdog_s: Final = _watchdog_s() if self._line is not None else None
        if told_where and self._line is None:
            log.warning("systemd_not_reached", path=told_where)

    def ready(self, status: str) -> None:
        """Say that requests are served, or are again after a reload."""
        self._tell(f"READY=1\n{_status(status)}")

    def status(self, status: str) -> None:
        """Say how it goes, for `systemctl status`."""
        self._tell(_status(status))

    def alive(self) -> None:
        """Say that the daemon's loop turns and makes progress."""
        if self.watchdog_s is not None:
            self._tell("WATCHDOG=1")

    def reloading(self) -> None:
        """Say that settings are read anew; `ready` follows."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={now_us}\n{_status('reloading')}")

    def stopping(self) -> None:
        """Say that the end has begun; first of all on the way down."""
        self._tell(f"STOPPING=1\n{_status('stopping')}")

    def close(self) -> None:
        """Let go of the socket. Idempotent."""
        if self._line is not None:
            self._line.socket.close()
            self._line = None

    def _tell(self, text: str) -> None:
        if self._line is not None:
            self._line.notify(text.encode().decode("latin-1"))  # so that UTF-8 leaves it


def _watchdog_s() -> float | None:
    """Return systemd's WatchdogSec= where it is meant for this process (sd_watchdog_enabled(3))."""
    pid = os.environ.get("WATCHDOG_PID", "")
    given = os.environ.get("WATCHDOG_USEC", "")
    if pid not in ("", str(os.getpid())) or not (given.isascii() and given.isdigit()):
        return None
    return int(given) / 1e6 or None


def _reachable(address: str) -> bool:
    """Tell whether somebody listens there; sdnotify leaks a socket when nobody does."""
    if not address:
        return False
    path = f"\0{address[1:]}" if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _status(status: str) -> str:
    one_line = " ".join(status.split())
    return f"STATUS={one_line[:MAX_STATUS_CHARS]}"
