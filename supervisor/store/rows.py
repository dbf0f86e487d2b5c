"""Records to table rows and back; a column has the name of the record's field."""

import dataclasses
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Final, TypeVar

from shared.accounts import AccountStatus
from supervisor.store.records import (
    AccountRecord,
    Direction,
    MessageRecord,
    MessageStatus,
    OutboxRecord,
    OutboxState,
    ThreadRecord,
)

R = TypeVar("R", AccountRecord, ThreadRecord, MessageRecord, OutboxRecord)

TABLES: Final[Mapping[type, str]] = {
    AccountRecord: "accounts",
    ThreadRecord: "threads",
    MessageRecord: "messages",
    OutboxRecord: "outbox",
}
_READERS: Final[Mapping[type, Mapping[str, Callable[[Any], Any]]]] = {
    AccountRecord: {"status": AccountStatus},
    ThreadRecord: {"last_message_direction": Direction},
    MessageRecord: {"status": MessageStatus, "direction": Direction, "offline": bool},
    OutboxRecord: {"state": OutboxState},
}


def columns(kind: type[R]) -> str:
    """Return the columns of a record, for a SELECT."""
    return ", ".join(field.name for field in dataclasses.fields(kind))


def select(kind: type[R], rest: str) -> str:
    """Return a query for whole records; `rest` is everything after FROM and the table."""
    return f"SELECT {columns(kind)} FROM {TABLES[kind]} {rest}"  # noqa: S608 - names of our own


def put(connection: sqlite3.Connection, record: Any, **further: Any) -> None:
    """Insert a record, with columns that are not fields of it in `further`."""
    values = {**_values(record), **further}
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    table = TABLES[type(record)]
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names of our own
    connection.execute(statement, values)


def change(connection: sqlite3.Connection, record: Any, key: Iterable[str], **further: Any) -> None:
    """Write a record over the one with the same key fields."""
    values = {**_values(record), **further}
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    where = " AND ".join(f"{name} = :{name}" for name in key)
    table = TABLES[type(record)]
    statement = f"UPDATE {table} SET {assignments} WHERE {where}"  # noqa: S608 - names of our own
    connection.execute(statement, values)


def one(kind: type[R], rows: Iterable[sqlite3.Row]) -> R | None:
    """Return the only record of a result, or None."""
    return next((_read(kind, row) for row in rows), None)


def many(kind: type[R], rows: Iterable[sqlite3.Row]) -> list[R]:
    """Return all records of a result."""
    return [_read(kind, row) for row in rows]


def _read(kind: type[R], row: sqlite3.Row) -> R:
    readers = _READERS[kind]
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - iterating gives values
    for name, reader in readers.items():
        if values[name] is not None:
            values[name] = reader(values[name])
    return kind(**values)


def _values(record: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(record, field.name)) for field in dataclasses.fields(record)}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return int(value) if isinstance(value, bool) else value
