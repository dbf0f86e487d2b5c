"""The same with the lease, the fences and the accounts in Firestore: the official emulator."""

import asyncio
import contextlib
import secrets
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc  # type: ignore[import-untyped]

from supervisor.store.firestore.access import Access
from supervisor.store.firestore.client import FirestoreClient
from supervisor.store.firestore.leases import FirestoreLeases
from tests.firestore import emulator
from tests.firestore.faults import FaultProxy, Way
from tests.supervisor.standby.site import SCALED, Site, alive, open_site, until

CALLS = ("Commit", "BatchGetDocuments", "RunQuery")


@dataclass
class Cloud:
    """A site whose supervisors use Firestore: `a` through a proxy that can break calls."""

    site: Site
    proxy: FaultProxy
    leases: FirestoreLeases

    async def pair(self, accounts: int = 1) -> None:
        a = await self.site.started("a", mode="active", FIRESTORE_EMULATOR_HOST=self.proxy.host)
        await self.site.pair(a, accounts)
        await self.site.started("b", mode="passive")

    async def epoch(self) -> int:
        seen = await self.leases.read(timeout_s=5.0)
        assert seen.stored is not None
        return int(seen.stored["epoch"])


@contextlib.asynccontextmanager
async def open_cloud() -> AsyncIterator[Cloud]:
    host, project = emulator.shared().host, f"test-{secrets.token_hex(6)}"
    extra = {
        "STORE": "firestore", "FIRESTORE_EMULATOR_HOST": host, "GOOGLE_CLOUD_PROJECT": project,
    }  # fmt: skip
    async with FaultProxy(host) as proxy, open_site(SCALED, **extra) as site:
        client = FirestoreClient(Access(project, target=host))
        try:
            yield Cloud(site, proxy, FirestoreLeases(client))
        finally:
            await client.close()


async def test_sigterm_hands_over_by_way_of_firestore() -> None:
    async with open_cloud() as cloud:
        await cloud.pair(2)
        a, b = cloud.site.instances
        a.signal(signal.SIGTERM)
        assert await a.wait() == 0
        await cloud.site.until_connected(b)
        await cloud.site.send(b, "after the hand-over")

        assert (await cloud.epoch(), (await b.get("/ready"))["lock"]["epoch"]) == (2, 2)
        cloud.site.check_exclusive()


async def test_a_holder_that_may_not_write_any_more_gives_up_in_time_and_says_why() -> None:
    async with open_cloud() as cloud:
        await cloud.pair()
        a, b = cloud.site.instances
        workers = a.workers()
        with contextlib.ExitStack() as faults:
            for call in CALLS:
                faults.enter_context(
                    cloud.proxy.fault(call, Way.ABORT, code=grpc.StatusCode.PERMISSION_DENIED)
                )
            # It is unknown, not lost: the holder goes on until the soft deadline.
            await asyncio.sleep(SCALED["renew_s"] * 2)
            assert all(alive(pid) for pid in workers)
            await until(lambda: not any(alive(pid) for pid in workers), SCALED["hard_s"] + 0.5)
            await b.until_mode("active")
            ready = await a.until_ready(lambda shown: "broken on purpose" in shown["reason"])
            assert ready["mode"] == "passive"
        await a.until_ready(lambda shown: shown["heldBy"] == "b")
        await cloud.site.until_connected(b)

        cloud.site.check_exclusive()
