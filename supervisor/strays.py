"""Reaps dead processes that became our children without having been asked for.

A child subreaper inherits whatever is left below it: a worker's own child, or a worker whose
zygote was killed while it bore it. Dead and unreaped, each would keep its pid for good.
"""

import os
from collections.abc import Container, Iterator
from pathlib import Path

from supervisor.processes import ExitStatus, exit_status


def reap_strays(held: Container[int]) -> list[tuple[int, ExitStatus]]:
    """Reap dead children that nobody holds; return each one's pid and how it ended.

    Those of our own session are left alone: they were started by someone here who waits for them,
    while workers, and all that is below them, have sessions of their own.
    """
    own_session = os.getsid(0)
    found = ((pid, _reap(pid, own_session)) for pid in _children() if pid not in held)
    return [(pid, status) for pid, status in found if status is not None]


def _children() -> Iterator[int]:
    """Yield our children, whichever of our threads they hang on (proc(5))."""
    for task in Path("/proc/self/task").iterdir():
        try:
            text = (task / "children").read_text()
        except OSError:  # the thread ended, or the kernel was built without this
            continue
        yield from map(int, text.split())


def _reap(pid: int, own_session: int) -> ExitStatus | None:
    try:
        if os.getsid(pid) == own_session:
            return None
        result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
    except (ChildProcessError, ProcessLookupError):
        return None
    return None if result is None else exit_status(result)
