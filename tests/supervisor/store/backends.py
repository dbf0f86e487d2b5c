"""Every implementation of the contract, opened as often as there are instances in a test."""

import secrets
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.store.contract import Accounts, Fences, LeaseStore, Permit, without_lease
from supervisor.store.firestore import writes
from supervisor.store.firestore.access import Access
from supervisor.store.firestore.accounts import FirestoreAccounts
from supervisor.store.firestore.client import FirestoreClient
from supervisor.store.firestore.fences import FirestoreFences
from supervisor.store.firestore.leases import LEASE_PATH, FirestoreLeases
from supervisor.store.sqlite import SqliteStore
from supervisor.store.sqlite_leases import SqliteLeases
from tests.firestore import emulator

NAMES = ("sqlite", "firestore")


@dataclass(frozen=True)
class Ledger:
    """What one instance sees of the accounts."""

    accounts: Accounts
    fences: Fences


class Backend(ABC):
    """One empty database, and any number of instances that use it."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    @abstractmethod
    async def leases(self) -> LeaseStore:
        """Return the lease as another instance sees it."""

    @abstractmethod
    async def ledger(self, permit: Permit = without_lease) -> Ledger:
        """Return the accounts as another instance sees them."""

    @abstractmethod
    async def tamper(self, fields: Mapping[str, Any] | None) -> None:
        """Replace the lease document by something else, or delete it."""


class SqliteBackend(Backend):
    def __init__(self, stack: AsyncExitStack, path: Path) -> None:
        super().__init__(stack)
        self.path = path

    async def leases(self) -> SqliteLeases:
        opened = await SqliteLeases.open(self.path)
        self._stack.push_async_callback(opened.close)
        return opened

    async def ledger(self, permit: Permit = without_lease) -> Ledger:
        store = await SqliteStore.open(self.path, permit=permit)
        self._stack.push_async_callback(store.close)
        return Ledger(store.accounts, store.fences)

    async def tamper(self, fields: Mapping[str, Any] | None) -> None:
        leases = await self.leases()

        def work(connection: sqlite3.Connection) -> None:
            if fields is None:
                connection.execute("DELETE FROM lease")
            else:
                leases._put(connection, {}, fields, version=secrets.randbits(40))

        await leases._database.write(work)


class FirestoreBackend(Backend):
    def __init__(self, stack: AsyncExitStack, host: str) -> None:
        super().__init__(stack)
        self.access = Access(f"test-{secrets.token_hex(6)}", target=host)

    def client(self) -> FirestoreClient:
        client = FirestoreClient(self.access)
        self._stack.push_async_callback(client.close)
        return client

    async def leases(self) -> FirestoreLeases:
        return FirestoreLeases(self.client())

    async def ledger(self, permit: Permit = without_lease) -> Ledger:
        client = self.client()
        fences = FirestoreFences(client, permit)
        return Ledger(FirestoreAccounts(client, fences), fences)

    async def tamper(self, fields: Mapping[str, Any] | None) -> None:
        client = self.client()
        name = client.name(LEASE_PATH)
        write = writes.delete(name) if fields is None else writes.put(name, fields)
        await client.commit([write], timeout_s=5)


@asynccontextmanager
async def backend(name: str, directory: Path) -> AsyncIterator[Backend]:
    """Give an empty database of that kind."""
    async with AsyncExitStack() as stack:
        if name == "sqlite":
            yield SqliteBackend(stack, directory / "wakeeper.db")
        else:
            yield FirestoreBackend(stack, emulator.shared().host)
