"""The embedded store: one SQLite file, for a single host."""

from pathlib import Path
from typing import Self

from supervisor.store.database import Database
from supervisor.store.sqlite_accounts import SqliteAccounts
from supervisor.store.sqlite_conversations import SqliteConversations
from supervisor.store.sqlite_outbox import SqliteOutbox


class SqliteStore:
    """Fulfils `contract.Store`; `await SqliteStore.open(path)`, then `await store.close()`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.accounts = SqliteAccounts(database)
        self.conversations = SqliteConversations(database)
        self.outbox = SqliteOutbox(database)

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the file, or create it with the directory it is in.

        Raises:
            StoreError: it can't be opened, is damaged, or belongs to a newer program.
        """
        return cls(await Database.open(path))

    async def ping(self) -> None:
        """Read something; raises StoreError when the store can't."""
        await self._database.read(lambda connection: connection.execute("SELECT 1").fetchone())

    async def close(self) -> None:
        """Finish what was begun and let go of the file; may be called twice."""
        await self._database.close()
