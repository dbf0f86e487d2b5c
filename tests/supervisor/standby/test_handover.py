"""Two supervisors, one lease: who is active, who takes over, when, and what is never seen."""

import asyncio
import datetime as dt
import os
import signal
import sqlite3
from typing import Any

from tests.supervisor.standby.site import (
    MANY,
    TIMING,
    Instance,
    Site,
    alive,
    boot_s,
    open_site,
    until,
)

ADD = "/api/whatsapp/add-account"
REDEPLOYS = 3
FAST_S = 3.0  # a restart on the same host
HANDOVER_S = 3.0  # the aim is 1 s; this machine may be busy


def moment_s(entry: dict[str, Any]) -> float:
    return dt.datetime.fromisoformat(entry["timestamp"]).timestamp()


def handover_ms(old: Instance, new: Instance) -> float:
    """Return the milliseconds from the old one's last worker's exit to the new one's first."""
    last = max(moment_s(entry) for entry in old.events("worker_exited"))
    return (min(moment_s(entry) for entry in new.events("worker_spawned")) - last) * 1000


async def pair_of(site: Site, accounts: int = 2) -> tuple[Instance, Instance]:
    """Return an active and a passive supervisor; the accounts are connected."""
    active = await site.started("a", mode="active")
    _, passive = await asyncio.gather(
        site.pair(active, accounts), site.started("b", mode="passive")
    )
    return active, passive


async def test_a_passive_instance_serves_reads_and_refuses_what_acts() -> None:
    async with open_site() as site:
        active, passive = await pair_of(site, 1)
        status, body, headers = await passive.ask("POST", ADD, {"phone": "+40700000099"})
        ready = await passive.until_ready(lambda shown: shown["lockStatus"] == "held_by_other")
        listed = await passive.get("/api/whatsapp/accounts")
        leader, _, _ = await active.ask("GET", "/leader")
        follower, _, _ = await passive.ask("GET", "/leader")

        assert (status, headers["Retry-After"]) == (503, "15")
        assert (body["error"], body["waMode"]) == ("instance_passive", "passive")
        assert (body["instanceId"], body["holderInstanceId"]) == ("b", "a")
        assert (ready["ready"], ready["heldBy"], ready["lock"]["epoch"]) == (True, "a", 1)
        assert 0 <= ready["lockExpiresInSeconds"] <= TIMING["ttl_s"]
        assert (listed["waMode"], listed["accounts"][0]["status"]) == ("passive", "connected")
        assert (leader, follower) == (200, 503)
        assert passive.workers() == []
        site.check_exclusive()


async def test_sigterm_hands_over_at_once() -> None:
    async with open_site() as site:
        active, passive = await pair_of(site, MANY)
        workers = active.workers()
        active.signal(signal.SIGTERM)
        assert await active.wait() == 0
        assert not any(alive(pid) for pid in workers)
        await site.until_connected(passive)
        await site.send(passive, "after the hand-over")

        took_ms = handover_ms(active, passive)
        print(f"hand-over: {took_ms:.0f} ms from the last worker's exit to the first start")
        assert 0 <= took_ms < HANDOVER_S * 1000
        assert (await site.lease())["epoch"] == 2
        site.check_exclusive()


async def test_a_killed_holder_elsewhere_is_waited_for_until_the_ttl() -> None:
    async with open_site() as site:
        active, passive = await pair_of(site, 1)
        active.signal(signal.SIGKILL)
        await active.wait()
        await until(lambda: active.workers() == [], timeout_s=1.0)
        renewed_s = (await site.lease())["updated_s"]
        await passive.until_mode("active")
        waited_s = boot_s() - renewed_s
        await site.until_connected(passive)

        print(f"take-over: {waited_s:.2f} s after the last renewal, TTL {TIMING['ttl_s']} s")
        least_s = TIMING["ttl_s"]
        assert least_s <= waited_s <= least_s + TIMING["poll_s"] + 2 * TIMING["rpc_s"] + 1
        site.check_exclusive()


async def test_a_killed_holder_comes_back_on_its_own_host_without_waiting() -> None:
    async with open_site() as site:
        instance = await site.started("a", mode="active")
        await site.pair(instance, 1)
        instance.signal(signal.SIGKILL)
        await instance.wait()
        began_s = boot_s()
        await instance.start()
        await instance.until_mode("active")
        took_s = boot_s() - began_s
        await site.until_connected(instance)

        print(f"restart on the same host: active after {took_s:.2f} s")
        assert took_s <= FAST_S
        assert (await site.lease())["epoch"] == 2
        site.check_exclusive()


async def test_a_frozen_holder_is_succeeded_and_does_nothing_when_it_wakes() -> None:
    async with open_site() as site:
        active, passive = await pair_of(site, 2)
        workers = active.workers()
        active.signal(signal.SIGSTOP)
        frozen_s = boot_s()
        await until(lambda: not any(alive(pid) for pid in workers))
        gone_s = boot_s() - frozen_s
        await site.until_connected(passive)
        before = await everything_stored(site)
        active.signal(signal.SIGCONT)
        await active.until_mode("passive")
        await asyncio.sleep(TIMING["poll_s"])  # what it would write, it would write now

        print(f"frozen holder: its workers were gone after {gone_s:.2f} s")
        assert gone_s <= TIMING["hard_s"] + 0.5
        assert await everything_stored(site) == before
        assert active.workers() == []
        assert (await active.ask("POST", ADD, {"phone": "+40700000099"}))[0] == 503
        await site.send(passive, "after the frozen one woke")
        site.check_exclusive()


async def everything_stored(site: Site) -> list[str]:
    """Return all rows of the store as text; the lease is in a file of its own."""

    def read() -> list[str]:
        with sqlite3.connect(f"file:{site.database}?mode=ro", uri=True) as connection:
            return list(connection.iterdump())

    return await asyncio.to_thread(read)


async def test_a_frozen_worker_is_replaced_and_never_doubled() -> None:
    async with open_site() as site:
        instance = await site.started("a", mode="active")
        await site.pair(instance, 2)
        frozen, other = instance.workers()
        os.kill(frozen, signal.SIGSTOP)
        await until(lambda: not alive(frozen))
        await until(lambda: len(instance.workers()) == 2)
        await site.until_connected(instance)
        await site.send(instance, "after the frozen worker")

        assert alive(other)
        site.check_exclusive()


async def test_sigterm_twice_reaps_a_worker_that_does_not_end() -> None:
    async with open_site() as site:
        active, passive = await pair_of(site, 1)
        (stuck,) = active.workers()
        os.kill(stuck, signal.SIGSTOP)
        active.signal(signal.SIGTERM)
        await until(lambda: bool(active.events("stop_requested")))
        active.signal(signal.SIGTERM)
        await passive.until_mode("active")

        assert not alive(stuck)
        assert await active.wait() == 0
        await site.until_connected(passive)
        site.check_exclusive()


async def test_every_account_works_after_each_of_three_quick_redeploys() -> None:
    async with open_site() as site:
        running = await site.started("a0", mode="active")
        await site.pair(running, 2)
        for number in range(1, REDEPLOYS + 1):
            follower = await site.started(f"a{number}", mode="passive")
            running.signal(signal.SIGTERM)
            assert await running.wait() == 0
            await site.until_connected(follower)
            await site.send(follower, f"redeploy {number}")
            running = follower

        site.check_exclusive()


async def test_stepping_down_hands_over_and_stays() -> None:
    async with open_site() as site:
        active, passive = await pair_of(site, 1)
        status, body, _ = await active.ask("POST", "/api/admin/lease/step-down")
        await site.until_connected(passive)
        await active.until_ready(lambda ready: ready["heldBy"] == "b")

        assert (status, body["success"]) == (202, True)
        assert active.workers() == []
        site.check_exclusive()


async def test_an_instance_that_asks_for_the_lease_gets_it() -> None:
    async with open_site() as site:
        active, passive = await pair_of(site, 1)
        status, body, _ = await passive.ask("POST", "/api/admin/lease/ask")
        await site.until_connected(passive)
        await active.until_ready(lambda ready: ready["heldBy"] == "b")

        assert (status, body["heldBy"]) == (202, "a")
        site.check_exclusive()
