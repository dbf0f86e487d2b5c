"""One worker per account: a lock on a file that the kernel drops with the process."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from worker.session.errors import SessionLocked, UnitMisused, named
from worker.session.files import FILE_MODE, make_private_folder

LOCK_NAME = "lock"
_MAX_PID_DIGITS = 20


class AccountLock:
    """Exclusive ownership of an account's folder, for whoever may write to its session file.

    `flock` belongs to the open file, so the lock goes with the process however that ends. The
    file is never removed: a second process could lock a new one while the first holds the old.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK_NAME
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock, or fail at once.

        Raises:
            SessionLocked: another process has it; its pid is in the message where known.
            SessionWriteFailed: the folder or the lock file can't be made or opened.
        """
        if self._descriptor is not None:
            raise UnitMisused(f"could not take {self.path}: this object already holds it")
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise SessionLocked(
                f"could not take {self.path}: {holder} has this account",
                hint="stop that process first; one account has one worker",
            ) from exc
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless where it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            make_private_folder(self.path.parent)
            return os.open(self.path, flags, FILE_MODE)
        except OSError as exc:
            raise named(exc, "open the lock of", self.path) from exc

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _holder(descriptor: int) -> str:
    """Return who wrote itself into the lock file; for people, nothing decides by it."""
    pid = os.pread(descriptor, _MAX_PID_DIGITS, 0).decode("ascii", "replace").strip()
    return f"process {pid}" if pid.isdecimal() else "another process"
