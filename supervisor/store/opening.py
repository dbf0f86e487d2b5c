"""Opens the store that the settings name, with everything written under the lease's permit."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared.settings import Settings
from supervisor.store.contract import (
    Accounts,
    Conversations,
    Fences,
    LeaseStore,
    Outbox,
    Permit,
    Refusal,
    Store,
)
from supervisor.store.sqlite import SqliteStore
from supervisor.store.sqlite_leases import SqliteLeases

if TYPE_CHECKING:
    from supervisor.store.firestore.client import FirestoreClient

PING_TIMEOUT_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Stores:
    """The store, the lease in it, and the fences."""

    store: Store
    leases: LeaseStore
    fences: Fences


class SplitStore:
    """Accounts in Firestore; conversations and the outbox in a file of this host, for now.

    Fulfils `contract.Store`. The file is not the one of STORE=sqlite, whose fences carry the
    epochs of another lease.
    """

    def __init__(self, accounts: Accounts, local: SqliteStore, client: "FirestoreClient") -> None:
        self.accounts = accounts
        self.conversations: Conversations = local.conversations
        self.outbox: Outbox = local.outbox
        self._local = local
        self._client = client

    async def ping(self) -> None:
        """Read from both; raises StoreError when either can't."""
        await self._local.ping()
        await self._client.get(["accounts/none"], timeout_s=PING_TIMEOUT_S)

    async def close(self) -> None:
        """Let go of both; may be called twice."""
        await self._client.close()
        await self._local.close()


def local_path(settings: Settings) -> Path:
    """Return the file of this host that goes with Firestore."""
    return settings.sqlite_path.with_suffix(f".firestore{settings.sqlite_path.suffix}")


@contextlib.asynccontextmanager
async def opened(settings: Settings, permit: Permit, refused: Refusal) -> AsyncIterator[Stores]:
    """Give the store that is set, and close it afterwards.

    Args:
        settings: say which.
        permit: under which tenure of the lease writes are made.
        refused: is told of writes that a newer holder's fence refused.

    Raises:
        ConfigError: Firestore's project or credentials are missing.
        StoreError: a file can't be opened.
    """
    if settings.store == "firestore":
        async with _firestore(settings, permit, refused) as stores:
            yield stores
        return
    async with contextlib.AsyncExitStack() as stack:
        store = await SqliteStore.open(settings.sqlite_path, permit=permit, refused=refused)
        stack.push_async_callback(store.close)
        leases = await SqliteLeases.open(settings.sqlite_path)
        stack.push_async_callback(leases.close)
        yield Stores(store, leases, store.fences)


@contextlib.asynccontextmanager
async def _firestore(settings: Settings, permit: Permit, refused: Refusal) -> AsyncIterator[Stores]:
    # Imported late: it brings grpc, which must not be there before the zygote is.
    from supervisor.store.firestore.access import find
    from supervisor.store.firestore.accounts import FirestoreAccounts
    from supervisor.store.firestore.client import FirestoreClient
    from supervisor.store.firestore.fences import FirestoreFences
    from supervisor.store.firestore.leases import FirestoreLeases

    access = await find(settings)
    async with contextlib.AsyncExitStack() as stack:
        local = await SqliteStore.open(local_path(settings), permit=permit, refused=refused)
        stack.push_async_callback(local.close)
        client = FirestoreClient(access)
        fences = FirestoreFences(client, permit, refused)
        store = SplitStore(FirestoreAccounts(client, fences), local, client)
        stack.push_async_callback(store.close)
        yield Stores(store, FirestoreLeases(client), fences)
