"""The lease in SQLite, for instances on one host.

The lease has a file of its own beside the store's, a connection and a thread of its own, so that
a renewal never waits behind somebody's long transaction.

The store's clock is the host's CLOCK_BOOTTIME, which all processes of a host share (those of one
time namespace: don't give two instances different ones). Each stamp stands beside the boot id of
the kernel whose clock it is of. A stamp of another boot is endlessly old: the machine has been
restarted since, and nobody who wrote before that still lives. That is true only on one host,
which is what SQLite is for: a file that several hosts share needs Firestore instead.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from sqlite3 import Connection, Row
from typing import Any, Final, Self

from shared.clock import Clock, SystemClock
from shared.errors import StoreError
from supervisor.lease.decisions import Seen
from supervisor.store.contract import PreconditionFailed, Wish, Written
from supervisor.store.database import CALL_TIMEOUT_S, Database
from supervisor.store.schema import LEASE_MIGRATIONS

WATCH_INTERVAL_S: Final = 0.25
WATCH_TIMEOUT_S: Final = 2.0
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# What a stamp of another boot is dated back by: more than any TTL that a document may promise.
LONG_AGO_NS: Final = 10 * 365 * 24 * 3600 * 10**9
MAX_WISHES: Final = 100


class SqliteLeases:
    """Fulfils `contract.LeaseStore`; `await SqliteLeases.open(path)`, `await leases.close()`."""

    def __init__(self, database: Database, clock: Clock, boot_id: str) -> None:
        self._database = database
        self._clock = clock
        self._boot_id = boot_id

    @classmethod
    async def open(
        cls, store_path: Path, *, clock: Clock | None = None, boot_id: str | None = None
    ) -> Self:
        """Open the lease's file beside the store's, or create it.

        Args:
            store_path: of the store; `wakeeper.db` has its lease in `wakeeper.lease.db`.
            clock: the host's.
            boot_id: the running kernel's.

        Raises:
            StoreError: it can't be opened, is damaged, or belongs to a newer program.
        """
        path = store_path.with_suffix(f".lease{store_path.suffix}")
        database = await Database.open(path, LEASE_MIGRATIONS)
        return cls(database, clock or SystemClock(), boot_id or BOOT_ID.read_text().strip())

    async def close(self) -> None:
        """Let go of the file; may be called twice."""
        await self._database.close()

    async def read(self, *, timeout_s: float = CALL_TIMEOUT_S) -> Seen:
        """Read the document as it is now."""
        return await self._database.read(self._seen, timeout_s=timeout_s)

    async def create(
        self, fields: Mapping[str, Any], *, timeout_s: float = CALL_TIMEOUT_S
    ) -> Written:
        """Write the document where there is none."""

        def work(connection: Connection) -> Written:
            if _row(connection) is not None:
                raise PreconditionFailed("create the lease document: there is one")
            return self._put(connection, fields, {}, version=1)

        return await self._database.write(work, timeout_s=timeout_s)

    async def replace(
        self, fields: Mapping[str, Any], expected: object, *, timeout_s: float = CALL_TIMEOUT_S
    ) -> Written:
        """Write these fields over exactly the state that was expected."""

        def work(connection: Connection) -> Written:
            row = _row(connection)
            if row is None or row["version"] != expected:
                raise PreconditionFailed("write the lease document: it has changed or is gone")
            return self._put(connection, fields, _fields(row), version=row["version"] + 1)

        return await self._database.write(work, timeout_s=timeout_s)

    async def watch(self) -> AsyncIterator[None]:
        """Yield when the document or the wishes have changed since the last look."""
        last = await self._state()
        while True:
            await asyncio.sleep(WATCH_INTERVAL_S)
            state = await self._state()
            if state is not None and state != last:
                last = state
                yield

    async def wish(self, incarnation: str, *, timeout_s: float = CALL_TIMEOUT_S) -> None:
        """Ask for the lease, or ask again."""

        def work(connection: Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO wishes (incarnation, boot_id, at_boot_ns) VALUES (?, ?, ?)",
                (incarnation, self._boot_id, self._clock.boot_ns()),
            )

        await self._database.write(work, timeout_s=timeout_s)

    async def wishes(self, *, timeout_s: float = CALL_TIMEOUT_S) -> list[Wish]:
        """Return who asks for the lease, the latest first."""
        query = "SELECT incarnation, boot_id, at_boot_ns AS updated_boot_ns FROM wishes"

        def work(connection: Connection) -> list[Wish]:
            now_ns = self._clock.boot_ns()
            found = [
                Wish(row["incarnation"], self._dated(row, now_ns), now_ns)
                for row in connection.execute(query)
            ]
            return sorted(found, key=lambda wish: wish.at_ns, reverse=True)[:MAX_WISHES]

        return await self._database.read(work, timeout_s=timeout_s)

    async def clear_wish(self, incarnation: str, *, timeout_s: float = CALL_TIMEOUT_S) -> None:
        """Ask no more."""

        def work(connection: Connection) -> None:
            connection.execute("DELETE FROM wishes WHERE incarnation = ?", (incarnation,))

        await self._database.write(work, timeout_s=timeout_s)

    def _seen(self, connection: Connection) -> Seen:
        row = _row(connection)
        now_ns = self._clock.boot_ns()
        if row is None:
            return Seen(None, now_ns, 0, None)
        return Seen(_fields(row), now_ns, self._dated(row, now_ns), row["version"])

    def _dated(self, row: Row, now_ns: int) -> int:
        """Return a stamp on this boot's clock."""
        stamp: int = row["updated_boot_ns"]
        return stamp if row["boot_id"] == self._boot_id else now_ns - LONG_AGO_NS

    def _put(
        self,
        connection: Connection,
        fields: Mapping[str, Any],
        former: Mapping[str, Any],
        *,
        version: int,
    ) -> Written:
        now_ns = self._clock.boot_ns()
        stored = {**former, **fields, **self._stamps(fields, former)}
        connection.execute(
            "INSERT OR REPLACE INTO lease (only, version, fields, boot_id, updated_boot_ns) "
            "VALUES (1, ?, ?, ?, ?)",
            (version, json.dumps(stored), self._boot_id, now_ns),
        )
        return Written(now_ns, version)

    def _stamps(self, fields: Mapping[str, Any], former: Mapping[str, Any]) -> dict[str, int]:
        """Return times for people to read; nothing is decided by them."""
        now_ms = int(self._clock.wall_s() * 1000)
        stamps = {"updatedAt": now_ms, "renewedAt": now_ms}
        taken = fields.get("epoch") != former.get("epoch")
        return {**stamps, "acquiredAt": now_ms} if taken else stamps

    async def _state(self) -> tuple[Any, ...] | None:
        """Return what changes whenever the document or the wishes do; None when nobody knows."""
        try:
            return await self._database.read(_fingerprint, timeout_s=WATCH_TIMEOUT_S)
        except StoreError:
            return None


def _row(connection: Connection) -> Row | None:
    row: Row | None = connection.execute("SELECT * FROM lease").fetchone()
    return row


def _fields(row: Row) -> dict[str, Any]:
    """Return the document's fields; of what is no document, something that nobody mistakes."""
    try:
        fields = json.loads(row["fields"])
    except ValueError:
        fields = None
    return fields if isinstance(fields, dict) else {"garbled": row["fields"]}


def _fingerprint(connection: Connection) -> tuple[Any, ...]:
    query = (
        "SELECT (SELECT version FROM lease), (SELECT count(*) FROM wishes), "
        "(SELECT max(at_boot_ns) FROM wishes)"
    )
    return tuple(connection.execute(query).fetchone())
