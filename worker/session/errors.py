"""What can go wrong with an account's session file, by cause.

Every leaf leaves the file as it was. The cause decides what the worker does next: a missing file
may be restored or paired, a corrupt one is set aside and restored, a locked one is waited for.
"""

import sqlite3
from pathlib import Path

from shared.errors import SessionError


class SessionMissing(SessionError):
    """There is no session file: the account was never paired here, or its disk is gone."""


class SessionExists(SessionError):
    """A session file was to be created where one lies already."""


class SessionCorrupt(SessionError):
    """The file is there and is not a whole session: never to be mistaken for an absent one."""


class SessionUnreadable(SessionError):
    """The system did not let us open or read the file; what is in it is unknown."""


class SessionNewer(SessionError):
    """The file was written by a newer Wakeeper than this one."""


class SessionOutdated(SessionError):
    """The file is of an older schema, and was opened only to be read."""


class SessionLocked(SessionError):
    """Another process has the account."""


class SessionWriteFailed(SessionError):
    """A transaction could not be made durable, and was rolled back."""


class SessionRejected(SessionError):
    """A value breaks a rule of the schema; the transaction was rolled back."""


class UnitMisused(SessionError):
    """A unit of work was begun inside another one, or used after its end: a bug of ours."""


class IdentityReplaced(SessionError):
    """A paired account's identity was about to be overwritten by another one."""


_BY_CODE: dict[int, tuple[type[SessionError], str]] = {
    sqlite3.SQLITE_FULL: (SessionWriteFailed, "free some space on the disk of SESSIONS_PATH"),
    sqlite3.SQLITE_IOERR: (SessionWriteFailed, "check the disk of SESSIONS_PATH (space, health)"),
    sqlite3.SQLITE_READONLY: (SessionWriteFailed, "the disk or the file is read-only"),
    sqlite3.SQLITE_CANTOPEN: (SessionWriteFailed, "check the disk of SESSIONS_PATH"),
    sqlite3.SQLITE_NOMEM: (SessionWriteFailed, "the worker has run out of memory"),
    sqlite3.SQLITE_BUSY: (SessionLocked, "another process is writing to this file: end it"),
    sqlite3.SQLITE_LOCKED: (SessionLocked, "another process is writing to this file: end it"),
    sqlite3.SQLITE_CORRUPT: (SessionCorrupt, "the file is kept aside; restore it from a backup"),
    sqlite3.SQLITE_NOTADB: (SessionCorrupt, "the file is kept aside; restore it from a backup"),
    sqlite3.SQLITE_CONSTRAINT: (SessionRejected, ""),
    sqlite3.SQLITE_MISMATCH: (SessionRejected, ""),
    sqlite3.SQLITE_TOOBIG: (SessionRejected, ""),
    sqlite3.SQLITE_RANGE: (SessionRejected, ""),
}

_PRIMARY_CODE = 0xFF  # SQLite's extended result codes keep the cause in the low byte


def named(error: sqlite3.Error | OSError, attempted: str, path: Path) -> SessionError:
    """Return the session error that says what an error of SQLite or the system means.

    Args:
        error: as it was raised.
        attempted: what was going on, as in "commit to".
        path: the session file.
    """
    if isinstance(error, OSError):
        return SessionWriteFailed(
            f"could not {attempted} the session file {path}: {error.strerror}",
            hint="check the owner, the mode and the disk of SESSIONS_PATH",
        )
    code = getattr(error, "sqlite_errorcode", None)
    family, hint = _BY_CODE.get(
        (code or 0) & _PRIMARY_CODE, (SessionWriteFailed, "check the disk of SESSIONS_PATH")
    )
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return family(f"could not {attempted} the session file {path}: {error} ({name})", hint=hint)
