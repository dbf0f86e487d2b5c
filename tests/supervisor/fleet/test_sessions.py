"""What becomes of an account whose session dies; with real workers and a simulated service."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared import link_pb2 as pb
from shared.accounts import AccountStatus
from supervisor.events import AccountState
from supervisor.store.records import Page
from tests.simulator import FaultKind
from tests.supervisor.fleet.rig import (
    Site,
    open_site,
    paired,
    recorded,
    rested,
    scan,
)
from tests.supervisor.processes.house import (
    ACCOUNT,
    PATIENCE_S,
    QUICK_RETRY,
    House,
    until,
    until_status,
)

Status = AccountStatus
PATIENT = replace(QUICK_RETRY, probation_delay_s=60.0)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as site:
        yield site


async def texts(house: House) -> list[str | None]:
    """Return the bodies of all messages in all threads."""
    threads = await house.store.conversations.threads(ACCOUNT, Page(100))
    found = [
        await house.store.conversations.messages(ACCOUNT, thread.thread_id, Page(100))
        for thread in threads
    ]
    return [message.body for messages in found for message in messages]


async def hears(site: Site, house: House, phone: object, text: str) -> None:
    """Have somebody write to the account, and wait until the store has it."""
    bob = await site.sim.phone("15550000002", "Bob")
    async with house.events.subscribe() as events:
        bob.send(phone, text)  # type: ignore[arg-type]
        await until(
            events, lambda event: getattr(getattr(event, "message", None), "body", None) == text
        )


async def test_unlinked_account_rests_in_quarantine_until_a_qr_is_asked_for(site: Site) -> None:
    async with site.house() as house:
        ann = await paired(site, house)
        await hears(site, house, ann, "before")
        first = await recorded(house)
        dials = site.dials
        ann.unlink()
        lost = await rested(house)
        kept = site.quarantined

        assert (lost.status, lost.code, lost.session_id) == (Status.NEEDS_QR, 401, None)
        assert lost.reason
        assert len(kept) == 1
        assert not site.session.exists()

    async with site.house() as house:
        assert await house.fleet.start() == 0
        await house.fleet.ensure(ACCOUNT)
        await rested(house)
        assert site.dials == dials, "not one further connection attempt"

        await house.fleet.pair_anew(ACCOUNT)
        await scan(house, ann)
        await hears(site, house, ann, "after")
        await house.fleet.drain()
        second = await recorded(house)

        assert second.session_id not in (None, first.session_id)
        assert second.jid != first.jid
        assert sorted(filter(None, await texts(house))) == ["after", "before"]
        assert site.quarantined == kept
    assert site.sim.record.broken() == []


async def test_message_that_was_not_delivered_yet_is_not_lost_with_the_session(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.house() as house:
        ann = await paired(site, house)
        bob = await site.sim.phone("15550000002", "Bob")
        asked, answer = asyncio.Event(), asyncio.Event()
        accept = house.inbox.accept

        async def slow(account_id: str, inbound: pb.Inbound) -> None:
            asked.set()
            await answer.wait()
            await accept(account_id, inbound)

        monkeypatch.setattr(house.inbox, "accept", slow)
        bob.send(ann, "the last one")
        await asyncio.wait_for(asked.wait(), PATIENCE_S)
        device = ann.companions[0]
        ann.unlink()
        await site.sim.wait_for(lambda: not site.sim.online(device))
        answer.set()
        await rested(house)

        assert await texts(house) == ["the last one"]


async def test_unexplained_401_gets_one_more_try_that_can_succeed(site: Site) -> None:
    async with site.house() as house:
        await paired(site, house)
        await house.fleet.drain()
        first = await recorded(house)
        site.sim.faults.plan(FaultKind.LOGIN_FAILURE, "401")
        async with house.events.subscribe() as events:
            await house.fleet.start()
            trying = await until_status(events, Status.RECONNECTING)
            await until_status(events, Status.CONNECTED)
        await house.fleet.drain()
        record = await recorded(house)

    assert trying.reason is not None
    assert "refused the login" in trying.reason
    assert trying.code == 401
    assert (record.status, record.session_id) == (Status.CONNECTED, first.session_id)
    assert record.unconfirmed_logouts == 1
    assert site.quarantined == []


async def test_second_unexplained_401_is_the_end_also_after_a_restart(site: Site) -> None:
    async with site.house() as house:
        await paired(site, house)
    dials = site.dials
    site.sim.faults.plan(FaultKind.LOGIN_FAILURE, "401", times=10)
    async with site.house(PATIENT) as house, house.events.subscribe() as events:
        await house.fleet.start()
        await until_status(events, Status.RECONNECTING)
    async with site.house(PATIENT) as house:
        await house.fleet.start()
        record = await rested(house)

        assert (record.status, record.unconfirmed_logouts) == (Status.NEEDS_QR, 0)
        assert record.reason is not None
        assert "again" in record.reason
        assert await house.fleet.start() == 0
    assert site.dials == dials + 2
    assert len(site.quarantined) == 1


async def test_replaced_account_comes_back_once_and_then_stays_away(site: Site) -> None:
    async with site.house(replace(QUICK_RETRY, replaced_delay_s=0.01)) as house:
        ann = await paired(site, house)
        async with house.events.subscribe() as events:
            site.sim.disconnect(ann.companions[0], "", "replaced")
            await until_status(events, Status.RECONNECTING)
            await until_status(events, Status.CONNECTED)
            dials = site.dials
            site.sim.disconnect(ann.companions[0], "", "replaced")
            gone = await until_status(events, Status.DISCONNECTED)
        record = await rested(house)

        assert gone.reason is not None
        assert "another client uses the keys" in gone.reason
        assert record.code == 440
        assert await house.fleet.start() == 0, "nor after a restart"
        assert site.dials == dials
        assert site.session.exists()


async def test_replaced_account_without_a_proven_lease_stays_away_at_once(site: Site) -> None:
    async def unproven() -> bool:
        return False

    async with site.house() as house:
        ann = await paired(site, house)
        house.fleet._house = house.household = replace(house.household, prove=unproven)
        house.fleet._keepers[ACCOUNT]._house = house.household
        dials = site.dials
        site.sim.disconnect(ann.companions[0], "", "replaced")
        record = await rested(house)

    assert (record.status, record.code) == (Status.DISCONNECTED, 440)
    assert site.dials == dials


async def test_ban_is_waited_for_across_a_restart(site: Site) -> None:
    async with site.house() as house:
        await paired(site, house)
    site.sim.faults.plan(FaultKind.LOGIN_FAILURE, "402", attrs={"code": "101", "expire": "3600"})
    async with site.house() as house, house.events.subscribe() as events:
        await house.fleet.start()
        banned = await until_status(events, Status.DISCONNECTED)
    dials = site.dials
    async with site.house() as house, house.events.subscribe() as events:
        assert await house.fleet.start() == 1
        waiting = await until_status(events, Status.DISCONNECTED)
        await house.fleet.ensure(ACCOUNT)  # a person's impatience does not shorten it

    assert banned.retry_at_ms is not None
    assert waiting.retry_at_ms is not None
    assert abs(waiting.retry_at_ms - banned.retry_at_ms) < 1_000
    assert (waiting.reason, waiting.code) == (banned.reason, 402)
    assert site.dials == dials


async def test_refused_version_stops_everybodys_starts(site: Site, log_lines: list[str]) -> None:
    async with site.house() as house:
        await paired(site, house)
        await paired(site, house, "account_test_2", "15550000003")
        await house.fleet.stop("account_test_2", reason="a test wants it")
        site.sim.hub.options.minimum_revision = 2**30
        ann = await site.sim.phone("15550000001")
        site.sim.disconnect(ann.companions[0], "503")
        record = await rested(house)
        dials = site.dials
        await house.fleet.ensure("account_test_2")
        other = await rested(house, "account_test_2")

        assert (record.status, record.code) == (Status.DISCONNECTED, 405)
        assert (other.status, other.code) == (Status.DISCONNECTED, 405)
        assert other.reason is not None
        assert "WHATSAPP_VERSION" in other.reason
        assert "WHATSAPP_VERSION" in (house.fleet.condition().starts_held or "")
        assert site.dials == dials
    assert sum('"event":"client_outdated"' in line for line in log_lines) == 1
    site.sim.hub.options.minimum_revision = 0
    async with site.house() as house, house.events.subscribe() as events:
        assert await house.fleet.start() == 2
        await until_status(events, Status.CONNECTED, "account_test_2")


async def test_deleted_account_is_unlinked_and_added_again_it_pairs_anew(site: Site) -> None:
    async with site.house() as house:
        ann = await paired(site, house)
        await hears(site, house, ann, "before")
        first = await recorded(house)
        await house.store.accounts.set_status(ACCOUNT, Status.DELETING, at_ms=2)
        await asyncio.gather(*(house.fleet.remove(ACCOUNT) for _ in range(3)))
        gone = await recorded(house)
        await house.fleet.ensure(ACCOUNT)
        await rested(house)

        assert (gone.status, gone.jid, gone.session_id) == (Status.DELETED, None, None)
        assert ann.companions == []
        assert not site.session.parent.exists()

        await house.store.accounts.set_status(ACCOUNT, Status.CONNECTING, at_ms=3)
        await house.fleet.ensure(ACCOUNT)
        await scan(house, ann)
        await house.fleet.drain()
        second = await recorded(house)

        assert second.session_id not in (None, first.session_id)
        assert await texts(house) == ["before"]
    assert site.sim.record.broken() == []


async def test_account_is_deleted_while_it_connects(site: Site) -> None:
    async with site.house() as house:
        await paired(site, house)
        await house.fleet.drain()
        dials = site.dials
        site.sim.faults.plan(FaultKind.NO_SUCCESS)
        await house.fleet.start()
        await site.sim.wait_for(lambda: site.dials > dials)
        await house.store.accounts.set_status(ACCOUNT, Status.DELETING, at_ms=2)
        await house.fleet.remove(ACCOUNT)

        assert (await recorded(house)).status is Status.DELETED
        assert house.fleet.view(ACCOUNT) is None
        assert not site.session.parent.exists()
        assert await house.fleet.start() == 0
        assert site.dials == dials + 1


async def test_qr_outlives_the_connect_timeout_and_the_window_ends_it(site: Site) -> None:
    async with site.house(connect_timeout_s=0.2, qr_window_s=1.2) as house:
        await house.account()
        seen: list[Status] = []
        async with asyncio.timeout(PATIENCE_S), house.events.subscribe() as events:
            await house.fleet.ensure(ACCOUNT)
            while not seen or seen[-1] is not Status.NEEDS_QR:
                event = await anext(events)
                if isinstance(event, AccountState) and event.status not in seen:
                    seen.append(event.status)
        record = await rested(house)

        assert Status.QR_READY in seen
        assert Status.RECONNECTING not in seen
        assert (record.status, record.code) == (Status.NEEDS_QR, 408)
        assert record.reason is not None
        assert "nobody scanned" in record.reason
        assert await house.fleet.start() == 0
    assert site.dials == 1


async def test_reset_sets_a_working_session_aside(site: Site) -> None:
    async with site.house() as house:
        await paired(site, house)
        await house.fleet.set_aside(ACCOUNT, reason="reset")
        record = await recorded(house)

    assert (record.status, record.reason, record.session_id) == (Status.NEEDS_QR, "reset", None)
    assert len(site.quarantined) == 1
