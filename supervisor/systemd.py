"""What systemd is told: ready, how it goes in words, stopping. Without systemd, nobody is told.

sdnotify 0.3.2 sends text as latin-1, which turns a status with other characters into nothing, and
leaves its sockets to the garbage collector: this wrapper mends both.
"""

import os
import socket
from typing import Final

import sdnotify

from shared.logs import get_logger

log = get_logger(__name__)

MAX_STATUS_CHARS: Final = 500


class Notifier:
    """One line to the service manager; harmless where there is none, and never raises."""

    def __init__(self) -> None:
        told_where = os.environ.get("NOTIFY_SOCKET", "")
        self._line = sdnotify.SystemdNotifier(debug=False) if _reachable(told_where) else None
        if told_where and self._line is None:
            log.warning("systemd_not_reached", path=told_where)

    def ready(self, status: str) -> None:
        """Say that requests are served."""
        self._tell(f"READY=1\n{_status(status)}")

    def status(self, status: str) -> None:
        """Say how it goes, for `systemctl status`."""
        self._tell(_status(status))

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
