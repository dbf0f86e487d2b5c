"""Accounts in SQLite."""

from collections.abc import Callable, Sequence
from sqlite3 import Connection

from shared.accounts import AccountStatus
from supervisor.store import rules
from supervisor.store.contract import UnknownAccount
from supervisor.store.records import AccountChanges, AccountRecord, Lineage
from supervisor.store.rows import change, many, one, put, select
from supervisor.store.sqlite_fences import FencedDatabase


class SqliteAccounts:
    """Fulfils `contract.Accounts`."""

    def __init__(self, database: FencedDatabase) -> None:
        self._database = database

    async def get(self, account_id: str) -> AccountRecord | None:
        """Return the record, or None."""
        return await self._database.read(lambda connection: _get(connection, account_id))

    async def list(self) -> list[AccountRecord]:
        """Return all records, oldest first."""
        query = select(AccountRecord, "ORDER BY created_at_ms, account_id")
        return await self._database.read(lambda connection: _all(connection, query))

    async def count(self) -> int:
        """Return how many accounts there are, deleted ones not counted."""
        return await self._database.read(_count)

    async def create(self, record: AccountRecord) -> AccountRecord:
        """Create if absent; return the record that stands there afterwards."""

        def work(connection: Connection) -> AccountRecord:
            found = _get(connection, record.account_id)
            if found is None:
                put(connection, record)
            return found or record

        return await self._database.write(record.account_id, work)

    async def find_by_phone(self, phone: str, ids: Sequence[str]) -> AccountRecord | None:
        """Return the first account with one of the ids, else one with that E.164 number."""

        def work(connection: Connection) -> AccountRecord | None:
            by_id = (_get(connection, account_id) for account_id in ids)
            return next((found for found in by_id if found), None) or _with_phone(connection, phone)

        return await self._database.read(work)

    async def update(
        self,
        account_id: str,
        changes: AccountChanges,
        *,
        at_ms: int,
        expected_status: AccountStatus | None = None,
    ) -> AccountRecord:
        """Change fields and return the new record."""
        return await self._change(
            account_id,
            lambda record: rules.with_changes(
                record, changes, expected_status=expected_status, at_ms=at_ms
            ),
        )

    async def set_status(
        self,
        account_id: str,
        status: AccountStatus,
        *,
        at_ms: int,
        reason: str | None = None,
        code: int | None = None,
    ) -> AccountRecord:
        """Move to another status by the legal transitions; the same status updates its reason."""

        def changed(record: AccountRecord) -> AccountRecord:
            rules.check_transition(record, status)
            return rules.with_status(record, status, at_ms=at_ms, reason=reason, code=code)

        return await self._change(account_id, changed)

    async def set_lineage(
        self, account_id: str, lineage: Lineage, *, expected: Lineage | None, at_ms: int
    ) -> AccountRecord:
        """Say which pairing, and which branch of it, is the live one."""
        return await self._change(
            account_id,
            lambda record: rules.with_lineage(record, lineage, expected=expected, at_ms=at_ms),
        )

    async def _change(
        self, account_id: str, changed: Callable[[AccountRecord], AccountRecord]
    ) -> AccountRecord:
        def work(connection: Connection) -> AccountRecord:
            found = _get(connection, account_id)
            if found is None:
                raise UnknownAccount(f"change account {account_id}: there is none")
            record = changed(found)
            change(connection, record, ("account_id",))
            return record

        return await self._database.write(account_id, work)


def _get(connection: Connection, account_id: str) -> AccountRecord | None:
    query = select(AccountRecord, "WHERE account_id = ?")
    return one(AccountRecord, connection.execute(query, (account_id,)))


def _with_phone(connection: Connection, phone: str) -> AccountRecord | None:
    query = select(AccountRecord, "WHERE phone = ? AND status != ? ORDER BY created_at_ms LIMIT 1")
    return one(AccountRecord, connection.execute(query, (phone, AccountStatus.DELETED)))


def _all(connection: Connection, query: str) -> list[AccountRecord]:
    return many(AccountRecord, connection.execute(query))


def _count(connection: Connection) -> int:
    query = "SELECT count(*) FROM accounts WHERE status != ?"
    count: int = connection.execute(query, (AccountStatus.DELETED,)).fetchone()[0]
    return count
