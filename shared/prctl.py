"""The few prctl(2) switches that decide whose child a process is, and how it ends."""

import ctypes
import signal
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_NAME: Final = 15
PR_SET_CHILD_SUBREAPER: Final = 36
MAX_NAME_BYTES: Final = 15  # the kernel cuts longer ones (prctl(2))

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Be killed when the parent ends; look at `getppid()` after this: it may have ended before."""
    _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def forbid_dumps() -> None:
    """Let no other process of this user look into our memory."""
    _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def adopt_orphans(*, wanted: bool) -> None:
    """Become, or stop being, the parent of those below us whose own parent ended."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


def set_name(name: str) -> None:
    """Set what `ps -o comm` shows; the end of a name that is too long is what is kept."""
    _libc.prctl(PR_SET_NAME, name.encode()[-MAX_NAME_BYTES:], 0, 0, 0)
