"""Where a session goes that must not be used again, and what of sessions lies on disk at all.

`SESSIONS_PATH/.quarantine/<accountId>/<stamp>/` keeps dead sessions, for their owner alone;
nothing here ever empties it but the deletion of the account. An account's directory stays with
its lock: whoever holds that is the only one who may touch what lies beside it.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final, TypeVar

from shared.accounts import AccountId, InvalidAccountId, parse_account_id
from shared.clock import Clock
from shared.errors import WakeeperError
from shared.logs import get_logger

log = get_logger(__name__)

QUARANTINE: Final = ".quarantine"
LOCK: Final = "lock"  # the worker's, see `worker/session/lock.py`
MODE: Final = 0o700
T = TypeVar("T")


class SessionBusy(WakeeperError):
    """A process still holds the account's lock: its session is not touched."""


class SessionUnmoved(WakeeperError):
    """The disk refused to move or remove a session; what is left is where it was."""


class Quarantine:
    """The sessions directory, seen from outside of the sessions.

    Args:
        sessions: SESSIONS_PATH.
        clock: stamps what is set aside.
    """

    def __init__(self, sessions: Path, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def set_aside(self, account_id: str) -> Path | None:
        """Move an account's session out of the way; return where to, None when there is none.

        Raises:
            SessionBusy: a process still holds the account's lock.
            SessionUnmoved: the disk refused.
        """
        wanted = parse_account_id(account_id)
        return await asyncio.to_thread(_named, "set aside", wanted, lambda: self._move(wanted))

    async def remove(self, account_id: str) -> None:
        """Remove an account's session, and what is kept of former ones.

        Raises:
            SessionBusy: a process still holds the account's lock.
            SessionUnmoved: the disk refused; repeat it.
        """
        wanted = parse_account_id(account_id)
        await asyncio.to_thread(_named, "remove", wanted, lambda: self._remove(wanted))

    async def sessions(self) -> list[AccountId]:
        """Return the accounts that a session lies here for, by their ids."""
        return await asyncio.to_thread(self._found)

    # --------------------------------------------------------------------- on a thread of its own

    def _move(self, account_id: AccountId) -> Path | None:
        folder = self._sessions / account_id
        if not _content(folder):
            return None
        with _locked(folder):
            target = self._new_place(account_id)
            # The database goes first: a crash half-way leaves a lone log, which nobody takes for
            # a session, and never a database without its log, which would be older than it was.
            for entry in sorted(_content(folder), key=lambda path: path.suffix != ".db"):
                entry.rename(target / entry.name)
            _sync(target)
            _sync(folder)
        log.warning("session_set_aside", account_id=account_id, place=target.name)
        return target

    def _new_place(self, account_id: AccountId) -> Path:
        root = self._sessions / QUARANTINE
        root.mkdir(mode=MODE, exist_ok=True)
        (root / account_id).mkdir(mode=MODE, exist_ok=True)
        stamp = datetime.fromtimestamp(self._clock.wall_s(), UTC).strftime("%Y%m%dT%H%M%SZ")
        for number in count(1):
            place = root / account_id / (stamp if number == 1 else f"{stamp}-{number}")
            with contextlib.suppress(FileExistsError):
                place.mkdir(mode=MODE)
                return place
        raise AssertionError("counting has no end")

    def _remove(self, account_id: AccountId) -> None:
        folder, kept = self._sessions / account_id, self._sessions / QUARANTINE / account_id
        if folder.exists():
            with _locked(folder):
                shutil.rmtree(folder)
        if kept.exists():
            shutil.rmtree(kept)
        log.warning("sessions_removed", account_id=account_id)

    def _found(self) -> list[AccountId]:
        found = []
        for folder in sorted(self._sessions.iterdir()):
            with contextlib.suppress(InvalidAccountId, OSError):
                if folder.is_dir() and _content(folder):
                    found.append(parse_account_id(folder.name))
        return found


def _content(folder: Path) -> list[Path]:
    """Return what lies in an account's directory beside the lock; nothing where there is none."""
    if not folder.is_dir():
        return []
    return [entry for entry in folder.iterdir() if entry.name != LOCK]


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(folder / LOCK, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SessionBusy(
            f"a process still uses the session of {folder.name}",
            hint="`fuser` on its lock file names it; end it, then repeat this",
        ) from error
    else:
        yield
    finally:
        os.close(descriptor)


def _named(attempted: str, account_id: AccountId, act: Callable[[], T]) -> T:
    try:
        return act()
    except OSError as error:
        raise SessionUnmoved(
            f"{attempted} the session of {account_id}: {error.strerror}",
            hint="check the owner, the modes and the disk of SESSIONS_PATH, then repeat this",
        ) from error


def _sync(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
