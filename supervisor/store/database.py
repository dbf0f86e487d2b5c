"""One SQLite file behind one thread: every call is a short piece of work in a transaction.

WAL with `synchronous=FULL`: what a write answered is on the disk. The file is private (0600), its
schema has a version, and a file from a newer program is refused and left as it is.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self, TypeVar

from shared.errors import StoreError
from supervisor.store.contract import Ambiguous
from supervisor.store.schema import MIGRATIONS

CALL_TIMEOUT_S: Final = 10.0  # a call that waits longer has failed, whatever becomes of it
BUSY_TIMEOUT_S: Final = 5.0  # another process may be reading or backing up the file
OPEN_TIMEOUT_S: Final = 30.0  # a long log may have to be replayed
FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700

T = TypeVar("T")
Migrations = Sequence[Sequence[str]]


class StoreTimeout(Ambiguous):
    """The database did not answer in time; whether a write took place is unknown."""


class NewerSchema(StoreError):
    """The file was written by a newer program; it was left untouched."""


class UnusableFile(StoreError):
    """The file is not a database of ours, is damaged, or can't be reached."""


class StoreClosed(StoreError):
    """The store has been closed."""


class Database:
    """A connection that lives in its own thread, so that the event loop never waits for a disk."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, thread: ThreadPoolExecutor
    ) -> None:
        self._path = path
        self._connection = connection
        self._thread = thread
        self._closed = False

    @classmethod
    async def open(cls, path: Path, migrations: Migrations = MIGRATIONS) -> Self:
        """Open or create the file and bring its schema up to date.

        Args:
            path: of the file.
            migrations: statements; each entry leads to the next schema version.

        Raises:
            StoreError: it can't be opened, is damaged, or belongs to a newer program.
        """
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                connection = await asyncio.get_running_loop().run_in_executor(
                    thread, _open, path, migrations
                )
        except BaseException as error:
            thread.shutdown(wait=False)
            if isinstance(error, TimeoutError):
                raise StoreTimeout(f"open {path}: no answer in {OPEN_TIMEOUT_S:g} s") from error
            raise
        return cls(path, connection, thread)

    async def read(
        self, work: Callable[[sqlite3.Connection], T], *, timeout_s: float = CALL_TIMEOUT_S
    ) -> T:
        """Run queries that see one state of the database."""
        return await self._run("BEGIN DEFERRED", work, timeout_s)

    async def write(
        self, work: Callable[[sqlite3.Connection], T], *, timeout_s: float = CALL_TIMEOUT_S
    ) -> T:
        """Run changes, all or nothing; they are durable when this returns."""
        return await self._run("BEGIN IMMEDIATE", work, timeout_s)

    async def close(self) -> None:
        """Finish what was begun, then let go of the file."""
        if self._closed:
            return
        self._closed = True
        async with _deadline(f"close {self._path}", CALL_TIMEOUT_S):
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown(wait=False)

    async def _run(
        self, begin: str, work: Callable[[sqlite3.Connection], T], timeout_s: float
    ) -> T:
        if self._closed:
            raise StoreClosed(f"use {self._path}: the store is closed")
        async with _deadline(f"use {self._path}", timeout_s):
            return await asyncio.get_running_loop().run_in_executor(
                self._thread, self._transact, begin, work
            )

    def _transact(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._connection.execute(begin)
            try:
                result = work(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        except sqlite3.Error as error:
            raise StoreError(
                f"use {self._path}: {error}", hint="is the disk full, or the file in use elsewhere?"
            ) from error
        return result

    def _roll_back(self) -> None:
        # A failed COMMIT may already have ended it.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


@contextlib.asynccontextmanager
async def _deadline(attempt: str, timeout_s: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError as error:
        raise StoreTimeout(f"{attempt}: no answer in {timeout_s:g} s") from error


def _open(path: Path, migrations: Migrations) -> sqlite3.Connection:
    try:
        _create_private(path)
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as error:
        raise UnusableFile(
            f"open the store {path}: {error}", hint="check SQLITE_PATH and who may write there"
        ) from error
    try:
        _prepare(connection, path, migrations)
    except sqlite3.Error as error:
        connection.close()
        raise UnusableFile(
            f"open the store {path}: {error}",
            hint="the file is left as it is; move it aside or restore a copy of it",
        ) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _create_private(path: Path) -> None:
    """Make the file before SQLite does, so that it is never readable by others."""
    path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    path.chmod(FILE_MODE)


def _prepare(connection: sqlite3.Connection, path: Path, migrations: Migrations) -> None:
    connection.row_factory = sqlite3.Row
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > len(migrations):
        raise NewerSchema(
            f"open the store {path}: its schema is version {found}, this program knows "
            f"{len(migrations)}",
            hint="upgrade Wakeeper, or use a copy of the file from before the upgrade",
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    for version in range(found, len(migrations)):
        _migrate(connection, version, migrations[version])


def _migrate(connection: sqlite3.Connection, version: int, statements: Sequence[str]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    # Another process may have been faster.
    if connection.execute("PRAGMA user_version").fetchone()[0] == version:
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version + 1}")
    connection.execute("COMMIT")
