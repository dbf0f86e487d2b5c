"""Fences in SQLite: checked inside the very transaction of the write that they guard."""

from collections.abc import Callable, Sequence
from sqlite3 import Connection
from typing import TypeVar

from supervisor.store.contract import Fenced, Permit, Refusal, Tenure, unheard
from supervisor.store.database import CALL_TIMEOUT_S, Database

T = TypeVar("T")


class FencedDatabase:
    """The database as those see it who act for accounts: no write without a fence."""

    def __init__(self, database: Database, permit: Permit, refused: Refusal = unheard) -> None:
        self._database = database
        self._permit = permit
        self._refused = refused

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run queries that see one state of the database; reading needs no permit."""
        return await self._database.read(work)

    async def write(self, account_id: str, work: Callable[[Connection], T]) -> T:
        """Run changes for one account, all or nothing.

        Raises:
            Fenced: another holder of the lease has the account; nothing was changed.
        """
        return await self._write(work, lambda connection, ours: _pass(connection, account_id, ours))

    async def write_for_all(self, work: Callable[[Connection], T]) -> T:
        """Run changes that may concern any account, all or nothing.

        Raises:
            Fenced: some account is another holder's; nothing was changed.
        """
        return await self._write(work, _pass_all)

    async def _write(
        self, work: Callable[[Connection], T], check: Callable[[Connection, Tenure], None]
    ) -> T:
        ours = self._permit()

        def fenced(connection: Connection) -> T:
            # It may have waited for the thread, and the lease be another one by now.
            if self._permit() != ours:
                raise Fenced(f"write under epoch {ours.epoch}: that tenure of the lease is over")
            check(connection, ours)
            return work(connection)

        try:
            return await self._database.write(fenced)
        except Fenced:
            self._refused(ours.epoch)
            raise


class SqliteFences:
    """Fulfils `contract.Fences`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def raise_to(
        self,
        account_ids: Sequence[str],
        epoch: int,
        holder: str,
        *,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> None:
        """Raise the fences of these accounts, all or none."""
        tenure = Tenure(epoch, holder)

        def work(connection: Connection) -> None:
            for account_id in account_ids:
                _pass(connection, account_id, tenure)

        await self._database.write(work, timeout_s=timeout_s)

    async def highest(self, *, timeout_s: float = CALL_TIMEOUT_S) -> int:
        """Return the highest epoch of all accounts; 0 when there is none."""
        return await self._database.read(_highest, timeout_s=timeout_s)


def _pass(connection: Connection, account_id: str, ours: Tenure) -> None:
    """Let a write for an account pass, and keep older ones out from now on."""
    query = "SELECT epoch, holder FROM fences WHERE account_id = ?"
    row = connection.execute(query, (account_id,)).fetchone()
    found = None if row is None else Tenure(row["epoch"], row["holder"])
    if found == ours or (found is None and ours.epoch == 0):
        return
    if found is not None and found.epoch >= ours.epoch:
        raise Fenced(
            f"write for account {account_id} under epoch {ours.epoch}: "
            f"it is with another holder of the lease, under epoch {found.epoch}"
        )
    connection.execute(
        "INSERT INTO fences (account_id, epoch, holder) VALUES (?, ?, ?) ON CONFLICT (account_id) "
        "DO UPDATE SET epoch = excluded.epoch, holder = excluded.holder",
        (account_id, ours.epoch, ours.holder),
    )


def _pass_all(connection: Connection, ours: Tenure) -> None:
    query = "SELECT count(*) FROM fences WHERE epoch > ? OR (epoch = ? AND holder != ?)"
    count = connection.execute(query, (ours.epoch, ours.epoch, ours.holder)).fetchone()[0]
    if count:
        raise Fenced(
            f"write for all accounts under epoch {ours.epoch}: "
            f"{count} of them are with another holder of the lease"
        )


def _highest(connection: Connection) -> int:
    highest: int = connection.execute("SELECT coalesce(max(epoch), 0) FROM fences").fetchone()[0]
    return highest
