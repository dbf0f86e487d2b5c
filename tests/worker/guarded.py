"""A process with one guard and no other, whose main thread never looks up: `guarded.py GUARD …`.

It prints a line when its guard is up, then blocks as a hanging event loop would.
"""

import os
import signal
import socket
import sys
import time

from shared import prctl
from shared.clock import SystemClock
from worker.boot_timers import KillTimer
from worker.deadline import DeadlineThread
from worker.link_watch import LinkWatch

FOREVER_S = 600


def block() -> None:
    """Say that the guard is up, and never do anything again."""
    print(os.getpid(), flush=True)
    time.sleep(FOREVER_S)


def main(guard: str, value: str) -> None:
    """Put up one guard."""
    match guard:
        case "none":
            block()
        case "thread":
            DeadlineThread(SystemClock()).move(SystemClock().boot_ns() + int(value))
            block()
        case "timer":
            KillTimer().set(SystemClock().boot_ns() + int(value))
            print(os.getpid(), flush=True)
            os.kill(os.getpid(), signal.SIGSTOP)
        case "parent":
            prctl.die_with_parent()
            block()
        case "link":
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.connect(value)
                with LinkWatch(link.fileno()):
                    block()
        case "foster":  # a parent to be killed
            os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-P", __file__, value, ""])
            time.sleep(FOREVER_S)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
