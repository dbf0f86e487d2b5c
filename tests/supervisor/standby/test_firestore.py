"""The same with the lease, the fences and the accounts in Firestore: the official emulator."""

import asyncio
import signal

import grpc

from tests.firestore.faults import Way
from tests.supervisor.standby.cloud import open_cloud
from tests.supervisor.standby.site import TIMING, alive, until


async def test_sigterm_hands_over_by_way_of_firestore() -> None:
    async with open_cloud() as cloud:
        a, b = await cloud.pair(2)
        a.signal(signal.SIGTERM)
        assert await a.wait() == 0
        await cloud.site.until_connected(b)
        await cloud.site.send(b, "after the hand-over")

        assert (await cloud.document())["epoch"] == 2
        assert (await b.get("/ready"))["lock"]["epoch"] == 2
        cloud.site.check_exclusive()


async def test_a_holder_that_may_not_write_any_more_gives_up_in_time_and_says_why() -> None:
    async with open_cloud() as cloud:
        a, b = await cloud.pair()
        workers = a.workers()
        with cloud.broken(Way.ABORT, code=grpc.StatusCode.PERMISSION_DENIED):
            # It is unknown, not lost: the holder goes on until the soft deadline.
            await asyncio.sleep(TIMING["renew_s"] * 2)
            assert all(alive(pid) for pid in workers)
            await until(lambda: not any(alive(pid) for pid in workers), TIMING["hard_s"] + 0.5)
            await b.until_mode("active")
            ready = await a.until_ready(lambda shown: "broken on purpose" in shown["reason"])
            assert ready["mode"] == "passive"
        await a.until_ready(lambda shown: shown["heldBy"] == "b")
        await cloud.site.until_connected(b)

        cloud.site.check_exclusive()
