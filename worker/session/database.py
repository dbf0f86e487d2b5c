"""The session file: created whole, verified before it is opened, written in units of work."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from shared.clock import Clock
from shared.errors import SessionError
from worker.session.errors import (
    SessionExists,
    SessionUnreadable,
    UnitMisused,
    named,
)
from worker.session.files import (
    create_private_file,
    discard,
    make_private_folder,
    narrow_all,
    put_in_place,
    sidecars,
    write_private_file,
)
from worker.session.schema import APPLICATION_ID, OLDEST_SQLITE, SCHEMA, Schema
from worker.session.transaction import Transaction
from worker.session.unit import UnitOfWork
from worker.session.verify import verify

BUSY_TIMEOUT_S = 2.0  # nobody else writes; a CLI that reads may hold a checkpoint up
_UNFINISHED = ".part"

_SETTINGS = (
    # A commit returns when the disk has it: the ack to WhatsApp goes out on its word.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # Rows that are deleted are keys: overwrite them.
    "PRAGMA secure_delete = ON",
    # A hundred workers share a small machine: pages stay in the kernel's cache, not in ours.
    "PRAGMA cache_size = -512",
    "PRAGMA mmap_size = 0",
    # Sorting must not leave messages in /tmp.
    "PRAGMA temp_store = MEMORY",
    "PRAGMA wal_autocheckpoint = 500",
    "PRAGMA journal_size_limit = 4194304",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)


class SessionFile:
    """One account's SQLite file, opened by its worker alone (see `AccountLock`).

    Synchronous and single-threaded: a unit of work does not wait for anything but the disk.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, clock: Clock) -> None:
        self.path = path
        self._connection = connection
        self._clock = clock
        self._busy = False

    @classmethod
    def create(
        cls,
        path: Path,
        clock: Clock,
        fill: Callable[[UnitOfWork], object],
        *,
        schema: Schema = SCHEMA,
    ) -> Self:
        """Make a session file, fill it, and open it; it appears under its name only when whole.

        Args:
            path: where it goes; its folder is made private.
            clock: for the stamps in it.
            fill: puts the credentials, and what an import brings, in one unit of work.
            schema: today's, but for tests.

        Raises:
            SessionExists: something lies there, be it only a leftover; it is not touched.
            UnitMisused: `fill` has put no credentials.
            SessionWriteFailed: the disk is full or broken; nothing is left behind.
        """
        with _unfinished(path, "create") as unfinished:
            _refuse_existing(path)
            cls._write_new(unfinished, clock, fill, schema)
            verify(unfinished, schema)
            put_in_place(unfinished, path)
        return cls.open(path, clock, schema=schema)

    @classmethod
    def open(
        cls, path: Path, clock: Clock, *, read_only: bool = False, schema: Schema = SCHEMA
    ) -> Self:
        """Verify the file and open it; an older schema is brought up to date.

        Args:
            path: the session file.
            clock: for the stamps in it.
            read_only: for looking at it while its worker may be at work.
            schema: today's, but for tests.

        Raises:
            SessionMissing: there is none, and no trace of one.
            SessionCorrupt: it is not whole, or not ours; not a byte of it was changed.
            SessionNewer: a newer program wrote it.
            SessionOutdated: an older one did, and it was opened only to be read.
            SessionUnreadable: the system refuses it.
        """
        verify(path, schema, must_be_current=read_only)
        try:
            file = cls(_connect(path, "ro" if read_only else "rw"), path, clock)
        except sqlite3.Error as exc:
            raise named(exc, "open", path) from exc
        if not read_only:
            file._make_ready_for_writing(schema)
        return file

    @classmethod
    def restore(cls, path: Path, clock: Clock, snapshot: bytes, *, schema: Schema = SCHEMA) -> Self:
        """Put a snapshot where a session file is missing, and open it.

        The caller gives it a lineage of its own before it sends (`UnitOfWork.start_lineage`).

        Args:
            path: where it goes; its folder is made private.
            clock: for the stamps in it.
            snapshot: the content of a file that `snapshot` wrote.
            schema: today's, but for tests.

        Raises:
            SessionExists: something lies there: set it aside first.
            SessionCorrupt, SessionNewer: the snapshot is not what it should be.
            SessionWriteFailed: the disk is full or broken. Nothing is left behind in any case.
        """
        with _unfinished(path, "restore") as unfinished:
            _refuse_existing(path)
            write_private_file(unfinished, snapshot)
            verify(unfinished, schema)
            put_in_place(unfinished, path)
        return cls.open(path, clock, schema=schema)

    @contextmanager
    def unit(self) -> Iterator[UnitOfWork]:
        """Begin a unit of work; it is durable when the block ends, and undone if that raises.

        Raises:
            UnitMisused: one is open already.
            SessionWriteFailed: it could not be made durable; the file is as it was before.
            SessionCorrupt, SessionLocked, SessionRejected: likewise, by cause.
        """
        self._refuse_nested()
        transaction = Transaction(self._connection, self.path)
        unit = UnitOfWork(transaction, self._clock)
        self._busy = True
        try:
            transaction.begin()
            yield unit
            transaction.commit()
        except sqlite3.Error as exc:
            transaction.roll_back()
            raise named(exc, "write to", self.path) from exc
        except BaseException:
            transaction.roll_back()
            raise
        finally:
            self._busy = False
        unit.run_after_commit()

    def snapshot(self, target: Path) -> None:
        """Write a consistent copy of the file, whole or not at all; a file of that name goes.

        Raises:
            UnitMisused: a unit of work is open.
            SessionWriteFailed: the copy could not be written; nothing is left of it.
        """
        self._refuse_nested()
        with _unfinished(target, "copy to") as unfinished:
            create_private_file(unfinished)
            self._copy_to(unfinished)
            put_in_place(unfinished, target)

    def close(self) -> None:
        """Close the file; SQLite brings its log home if nobody else has it open."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @classmethod
    def _write_new(
        cls, path: Path, clock: Clock, fill: Callable[[UnitOfWork], object], schema: Schema
    ) -> None:
        create_private_file(path)
        connection = _connect(path, "rw")
        try:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
            file = cls(connection, path, clock)
            file._set_up()
            schema.migrate(connection)
            with file.unit() as unit:
                fill(unit)
                _require_credentials(unit)
        finally:
            connection.close()  # brings the log home: the file is whole by itself

    def _make_ready_for_writing(self, schema: Schema) -> None:
        try:
            narrow_all(self.path)
            self._set_up()
            schema.migrate(self._connection)
        except sqlite3.Error as exc:
            self.close()
            raise named(exc, "open", self.path) from exc
        except BaseException:
            self.close()
            raise

    def _set_up(self) -> None:
        (mode,) = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise SessionUnreadable(
                f"could not open the session file {self.path}: SQLite can keep no log there",
                hint="put SESSIONS_PATH on a local file system",
            )
        for setting in _SETTINGS:
            self._connection.execute(setting)

    def _copy_to(self, target: Path) -> None:
        copy = sqlite3.connect(target, isolation_level=None)
        try:
            copy.execute("PRAGMA synchronous = OFF")  # synced as a whole before it gets its name
            self._connection.backup(copy)
        finally:
            copy.close()

    def _refuse_nested(self) -> None:
        if self._busy:
            raise UnitMisused(
                f"a unit of work on {self.path} is open already: "
                "end it first, and never await inside one"
            )


@contextmanager
def _unfinished(path: Path, attempted: str) -> Iterator[Path]:
    """Give a name beside the path to write under, and leave nothing there, whatever happens."""
    unfinished = path.with_name(path.name + _UNFINISHED)
    try:
        make_private_folder(path.parent)
        discard(unfinished)  # of a process that was killed
        yield unfinished
    except sqlite3.Error as exc:
        raise named(exc, attempted, path) from exc
    finally:
        discard(unfinished)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    _require_sqlite()
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,  # autocommit: transactions begin where we say so
        timeout=BUSY_TIMEOUT_S,
        cached_statements=256,
    )


def _refuse_existing(path: Path) -> None:
    for found in (path, *sidecars(path)):
        if found.exists():
            raise SessionExists(
                f"could not create the session file {path}: {found.name} is there",
                hint="open it, or set it aside first",
            )


def _require_credentials(unit: UnitOfWork) -> None:
    if not unit.credentials.exist():
        raise UnitMisused("a session file is created with credentials: fill() has put none")


def _require_sqlite() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise SessionError(
            f"SQLite {sqlite3.sqlite_version} is too old for session files",
            hint=f"use a Python with SQLite {'.'.join(map(str, OLDEST_SQLITE))} or newer",
        )
