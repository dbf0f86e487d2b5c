"""A site whose lease is in Firestore, the official emulator, behind a proxy that breaks calls."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from supervisor.store.firestore import writes
from supervisor.store.firestore.access import Access
from supervisor.store.firestore.client import FirestoreClient
from supervisor.store.firestore.leases import LEASE_PATH, FirestoreLeases
from tests.firestore import emulator
from tests.firestore.faults import FaultProxy, Way
from tests.supervisor.standby.site import Instance, Site, open_site

CALLS = ("Commit", "BatchGetDocuments", "RunQuery")


@dataclass
class Cloud:
    """Supervisors `a` and `b`; one of them reaches Firestore through the proxy."""

    site: Site
    proxy: FaultProxy
    client: FirestoreClient

    async def pair(self, accounts: int = 1, *, proxied: str = "a") -> tuple[Instance, Instance]:
        """Start `a`, which is active, and `b`; the accounts are connected."""
        hosts = {proxied: {"FIRESTORE_EMULATOR_HOST": self.proxy.host}}
        a = await self.site.started("a", mode="active", **hosts.get("a", {}))
        _, b = await asyncio.gather(
            self.site.pair(a, accounts),
            self.site.started("b", mode="passive", **hosts.get("b", {})),
        )
        return a, b

    async def document(self) -> dict[str, Any]:
        """Return the lease document as it really stands there."""
        seen = await FirestoreLeases(self.client).read(timeout_s=5.0)
        return dict(seen.stored or {})

    async def delete_document(self) -> None:
        """Delete the lease, as a careless hand would."""
        await self.client.commit([writes.delete(self.client.name(LEASE_PATH))], timeout_s=5.0)

    @contextlib.contextmanager
    def broken(self, way: Way, *calls: str, **how: Any) -> Iterator[None]:
        """Break these calls, or all, inside the `with`."""
        with contextlib.ExitStack() as faults:
            for call in calls or CALLS:
                faults.enter_context(self.proxy.fault(call, way, **how))
            yield


@contextlib.asynccontextmanager
async def open_cloud() -> AsyncIterator[Cloud]:
    """Give a site with a project of its own."""
    host, project = emulator.shared().host, f"test-{secrets.token_hex(6)}"
    extra = {
        "STORE": "firestore", "FIRESTORE_EMULATOR_HOST": host, "GOOGLE_CLOUD_PROJECT": project,
    }  # fmt: skip
    async with FaultProxy(host) as proxy, open_site(**extra) as site:
        client = FirestoreClient(Access(project, target=host))
        try:
            yield Cloud(site, proxy, client)
        finally:
            await client.close()
