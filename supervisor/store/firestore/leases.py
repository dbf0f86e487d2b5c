"""The lease document in Firestore, where the Node backend has its own lock.

`wa_metrics/longrun/locks/wa_connection` holds our fields and Node's side by side; who asks for
the lease has a document under it, in `wishes`. All is compare-and-set on the server's update
time: a transaction's locks would outlive a holder that was paused inside one.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from google.cloud.firestore_v1 import types

from supervisor.lease.decisions import Seen
from supervisor.store.contract import PreconditionFailed, Wish, Written
from supervisor.store.firestore import listener, writes
from supervisor.store.firestore.client import FirestoreClient

LEASE_PATH: Final = "wa_metrics/longrun/locks/wa_connection"
WISHES: Final = "wishes"
MAX_WISHES: Final = 100
STAMPS: Final = ("updatedAt", "renewedAt")
TAKEN_STAMPS: Final = (*STAMPS, "acquiredAt")
_Query: Final = types.StructuredQuery.pb()


class FirestoreLeases:
    """Fulfils `contract.LeaseStore`."""

    def __init__(self, client: FirestoreClient) -> None:
        self._client = client
        self._name = client.name(LEASE_PATH)
        self._written_epoch: object = None

    async def read(self, *, timeout_s: float) -> Seen:
        """Read the document as it is now."""
        reading = await self._client.get([LEASE_PATH], timeout_s=timeout_s)
        found = reading.documents.get(LEASE_PATH)
        if found is None:
            return Seen(None, reading.read_ns, 0, None)
        return Seen(found.fields, reading.read_ns, found.update_ns, found.update_ns)

    async def create(self, fields: Mapping[str, Any], *, timeout_s: float) -> Written:
        """Write the document where there is none."""
        write = writes.create(self._name, fields, stamps=TAKEN_STAMPS)
        return await self._commit(write, fields, timeout_s)

    async def replace(
        self, fields: Mapping[str, Any], expected: object, *, timeout_s: float
    ) -> Written:
        """Write these fields over exactly the state that was expected."""
        if not isinstance(expected, int):
            raise PreconditionFailed("write the lease document: nothing was there to be replaced")
        stamps = STAMPS if fields.get("epoch") == self._written_epoch else TAKEN_STAMPS
        write = writes.update(self._name, fields, expected, stamps=stamps)
        return await self._commit(write, fields, timeout_s)

    async def watch(self) -> AsyncIterator[None]:
        """Yield when the document or the wishes may have changed."""
        async for _ in listener.changes(self._client, self._targets):
            yield

    async def wish(self, incarnation: str, *, timeout_s: float) -> None:
        """Ask for the lease, or ask again."""
        fields = {"incarnation": incarnation}
        write = writes.put(self._wish_name(incarnation), fields, stamps=("at",))
        await self._client.commit([write], timeout_s=timeout_s)

    async def wishes(self, *, timeout_s: float) -> list[Wish]:
        """Return who asks for the lease, the latest first."""
        query = _Query(limit={"value": MAX_WISHES})
        query.from_.add(collection_id=WISHES)
        reading = await self._client.query(LEASE_PATH, query, timeout_s=timeout_s)
        found = [
            Wish(document.id, document.update_ns, reading.read_ns)
            for document in reading.documents.values()
        ]
        return sorted(found, key=lambda wish: wish.at_ns, reverse=True)

    async def clear_wish(self, incarnation: str, *, timeout_s: float) -> None:
        """Ask no more."""
        write = writes.delete(self._wish_name(incarnation))
        await self._client.commit([write], timeout_s=timeout_s)

    def _wish_name(self, incarnation: str) -> str:
        return f"{self._name}/{WISHES}/{incarnation}"

    def _targets(self) -> list[Any]:
        return [
            listener.documents(self._client, [LEASE_PATH], 1),
            listener.collection(self._client, LEASE_PATH, WISHES, 2),
        ]

    async def _commit(self, write: Any, fields: Mapping[str, Any], timeout_s: float) -> Written:
        [update_ns] = await self._client.commit([write], timeout_s=timeout_s)
        self._written_epoch = fields.get("epoch")
        return Written(update_ns, update_ns)
