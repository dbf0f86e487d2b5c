"""The embedded store: one SQLite file, for a single host."""

from pathlib import Path
from typing import Self

from supervisor.store.contract import Permit, Refusal, unheard, without_lease
from supervisor.store.database import Database
from supervisor.store.sqlite_accounts import SqliteAccounts
from supervisor.store.sqlite_conversations import SqliteConversations
from supervisor.store.sqlite_fences import FencedDatabase, SqliteFences
from supervisor.store.sqlite_outbox import SqliteOutbox


class SqliteStore:
    """Fulfils `contract.Store`; `await SqliteStore.open(path)`, then `await store.close()`."""

    def __init__(self, database: Database, permit: Permit, refused: Refusal) -> None:
        self._database = database
        fenced = FencedDatabase(database, permit, refused)
        self.accounts = SqliteAccounts(fenced)
        self.conversations = SqliteConversations(fenced)
        self.outbox = SqliteOutbox(fenced)
        self.fences = SqliteFences(database)

    @classmethod
    async def open(
        cls, path: Path, *, permit: Permit = without_lease, refused: Refusal = unheard
    ) -> Self:
        """Open the file, or create it with the directory it is in.

        Args:
            path: of the file.
            permit: under which tenure of the lease the writes of all its parts are made.
            refused: is told of a write that a newer holder's fence refused.

        Raises:
            StoreError: it can't be opened, is damaged, or belongs to a newer program.
        """
        return cls(await Database.open(path), permit, refused)

    async def ping(self) -> None:
        """Read something; raises StoreError when the store can't."""
        await self._database.read(lambda connection: connection.execute("SELECT 1").fetchone())

    async def close(self) -> None:
        """Finish what was begun and let go of the file; may be called twice."""
        await self._database.close()
