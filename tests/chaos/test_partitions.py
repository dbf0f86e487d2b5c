"""The holder is cut off from the store, in every way a network and a service know."""

import asyncio
import os
import signal
from contextlib import ExitStack

import grpc
import pytest

from tests.firestore import emulator
from tests.firestore.faults import Relay, Way
from tests.supervisor.standby.cloud import Cloud, open_cloud
from tests.supervisor.standby.site import PATIENCE_S, TIMING, Instance, alive, boot_s, until

LATE_S = 1.5 * TIMING["rpc_s"]
pytestmark = pytest.mark.timeout(600)


# Whose writes arrive although it never hears so keeps the lease from expiring; nobody acts then.
APPLIED = ("replies lost", "all late")


def cut(cloud: Cloud, how: str) -> ExitStack:
    """Cut the instance behind the proxy off; leaving the `with` mends it."""
    faults = ExitStack()
    match how:
        case "black hole":
            faults.enter_context(cloud.broken(Way.BLACK_HOLE))
        case "replies lost":
            faults.enter_context(cloud.broken(Way.LOSE_REPLY, "Commit"))
        case "all late":
            faults.enter_context(cloud.broken(Way.DELAY, "Commit", delay_s=LATE_S))
        case "empty answers":
            faults.enter_context(cloud.broken(Way.EMPTY))
        case _:
            faults.enter_context(cloud.broken(Way.ABORT, code=grpc.StatusCode[how]))
    return faults


@pytest.mark.parametrize(
    "how",
    ["black hole", "replies lost", "all late", "empty answers", "RESOURCE_EXHAUSTED",
     "UNAUTHENTICATED", "UNAVAILABLE", "ABORTED"],
)  # fmt: skip
async def test_a_holder_that_is_cut_off_is_silent_before_it_is_succeeded(how: str) -> None:
    async with open_cloud() as cloud:
        a, b = await cloud.pair(2)
        workers = a.workers()
        with cut(cloud, how):
            cut_s = boot_s()
            await until(lambda: not any(alive(pid) for pid in workers))
            gone_s = boot_s() - cut_s
            if how not in APPLIED:
                await b.until_mode("active")
        await cloud.site.until_connected(await _successor(a, b))

        print(f"{how}: workers gone after {gone_s:.1f} s")
        # At least what was left since the last renewal; at most the hard stop.
        assert TIMING["soft_s"] - TIMING["renew_s"] * 1.2 - TIMING["rpc_s"] <= gone_s
        assert gone_s <= TIMING["hard_s"] + 0.5
        cloud.site.check_exclusive()


async def test_connections_that_are_reset_and_refused_end_the_same_way() -> None:
    async with open_cloud() as cloud:
        a, b = await cloud.pair()
        workers = a.workers()
        await cloud.proxy.down()
        await until(lambda: not any(alive(pid) for pid in workers), TIMING["hard_s"] + 0.5)
        await b.until_mode("active")
        await cloud.proxy.up()
        await a.until_ready(lambda shown: shown["heldBy"] == "b")
        await cloud.site.until_connected(b)

        cloud.site.check_exclusive()


async def test_a_half_open_connection_is_left_and_the_lease_kept() -> None:
    async with open_cloud() as cloud, Relay(emulator.shared().port) as relay:
        a = await cloud.site.started("a", mode="active", FIRESTORE_EMULATOR_HOST=relay.host)
        await cloud.site.pair(a, 1)
        workers = a.workers()
        relay.freeze()
        await asyncio.sleep(TIMING["ttl_s"])

        assert a.workers() == workers
        assert (await a.get("/ready"))["mode"] == "active"
        assert (await cloud.document())["epoch"] == 1
        cloud.site.check_exclusive()


async def test_one_renewal_without_a_reply_changes_nothing() -> None:
    async with open_cloud() as cloud:
        a, _ = await cloud.pair()
        workers = a.workers()
        with cloud.proxy.fault("Commit", Way.LOSE_REPLY, calls=1) as fault:
            await asyncio.wait_for(fault.applied.wait(), 3 * TIMING["renew_s"])
            await asyncio.sleep(TIMING["ttl_s"])

        assert a.workers() == workers
        assert (await cloud.document())["epoch"] == 1


async def test_a_late_acquisition_is_not_adopted_but_taken_again() -> None:
    async with open_cloud() as cloud:
        a, b = await cloud.pair(proxied="b")
        with cloud.proxy.fault("Commit", Way.DELAY, delay_s=LATE_S, calls=1):
            a.signal(signal.SIGKILL)
            await a.wait()
            await cloud.site.until_connected(b)

        assert (await cloud.document())["epoch"] == 3
        cloud.site.check_exclusive()


async def test_sigterm_twice_while_fences_are_raised_gives_the_lease_back() -> None:
    async with open_cloud() as cloud:
        a, b = await cloud.pair(proxied="b")
        with cloud.broken(Way.BLACK_HOLE, "RunQuery"):
            a.signal(signal.SIGTERM)
            await until(lambda: any(e["mode"] == "fencing" for e in b.events("lease")))
            b.signal(signal.SIGTERM)
            b.signal(signal.SIGTERM)
            assert await b.wait() == 0

        assert await a.wait() == 0
        document = await cloud.document()
        assert (document["holder"], document["epoch"], b.workers()) == (None, 2, [])


async def test_a_deleted_document_costs_a_whole_ttl_and_never_an_epoch() -> None:
    async with open_cloud() as cloud:
        a, b = await cloud.pair()
        await cloud.delete_document()
        deleted_s = boot_s()
        await until(lambda: a.workers() == [])
        await until(lambda: bool(a.workers() or b.workers()))
        waited_s = boot_s() - deleted_s
        holder = a if a.workers() else b
        await cloud.site.until_connected(holder)

        assert waited_s >= TIMING["ttl_s"]
        assert (await cloud.document())["epoch"] >= 3
        cloud.site.check_exclusive()


async def test_a_frozen_supervisor_with_frozen_workers_is_succeeded_all_the_same() -> None:
    async with open_cloud() as cloud:
        a, b = await cloud.pair(2)
        frozen = [*a.workers(), a.pid]
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        await cloud.site.until_connected(b)
        os.kill(a.pid, signal.SIGCONT)
        await a.until_ready(lambda shown: shown["heldBy"] == "b")

        assert not any(alive(pid) for pid in frozen[:-1])  # the kernel ended even stopped ones
        cloud.site.check_exclusive()


async def test_a_forced_release_ends_a_living_holder_too() -> None:
    async with open_cloud() as cloud:
        a, b = await cloud.pair()
        status, body = await _force(b)
        await cloud.site.until_connected(b)
        await a.until_ready(lambda ready: ready["heldBy"] == "b")

        assert (status, body["heldBy"]) == (200, "a")
        assert a.workers() == []


async def _successor(*instances: Instance) -> Instance:
    """Return the one that is active, once one is."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for instance in instances:
                if (await instance.get("/ready"))["mode"] == "active":
                    return instance
            await asyncio.sleep(0.05)


async def _force(instance: Instance) -> tuple[int, dict[str, object]]:
    path = "/api/admin/lease/force-release"
    status, body, _ = await instance.ask("POST", path, {"iUnderstand": True})
    return status, body
