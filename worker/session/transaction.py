"""One SQLite transaction: begun for writing at once, and closed to everybody when it ends."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from shared.clock import Clock
from worker.session.errors import UnitMisused

Value = str | bytes | int | float | None


class Transaction:
    """What repositories run their statements through, while it is open.

    The connection is in autocommit mode, so a statement after the end would be a transaction
    of its own, and half of a change: here it is refused.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._open = False

    def begin(self) -> None:
        """Begin, as the only writer.

        Raises:
            sqlite3.Error: busy, or the file can't be read.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        self._open = True

    def commit(self) -> None:
        """Make it durable; returns only after the disk has it."""
        self._connection.execute("COMMIT")
        self._open = False

    def roll_back(self) -> None:
        """Undo it; harmless where SQLite already has (as it does when the disk is full)."""
        self._open = False
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def execute(self, sql: str, values: Sequence[Value] = ()) -> sqlite3.Cursor:
        """Run one statement.

        Raises:
            UnitMisused: the unit of work has ended.
            sqlite3.Error: named as a session error where it leaves the unit.
        """
        self._must_be_open()
        return self._connection.execute(sql, values)

    def execute_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run one statement for every row."""
        self._must_be_open()
        self._connection.executemany(sql, rows)

    def count(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run a statement that changes rows, and return how many it changed."""
        return self.execute(sql, values).rowcount

    def _must_be_open(self) -> None:
        if not self._open:
            raise UnitMisused(f"the unit of work on {self._path} has ended: begin another one")


class Repository:
    """One subject's rows, within one unit of work."""

    def __init__(self, transaction: Transaction, clock: Clock) -> None:
        self._transaction = transaction
        self._clock = clock

    def _now_ms(self) -> int:
        return int(self._clock.wall_s() * 1000)


def split_address(address: str) -> tuple[str, int]:
    """Split a Signal address "name.device"; the name may contain dots itself.

    Raises:
        UnitMisused: there is no device number at its end.
    """
    name, _, device = address.rpartition(".")
    if not name or not device.isdecimal():
        raise UnitMisused("a Signal address is a name, a dot and a device number")
    return name, int(device)
