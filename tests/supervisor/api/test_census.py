"""Probes read a store that charges for reads as little as they can."""

from pathlib import Path

from shared.accounts import AccountStatus
from supervisor.api.census import MAX_AGE_S, Census
from supervisor.store.records import AccountRecord
from supervisor.store.sqlite import SqliteStore
from tests.worker.session.still_clock import StillClock


def account(number: int) -> AccountRecord:
    return AccountRecord(f"account_test_{number}", "", None, AccountStatus.CONNECTED, 1, 1)


async def test_a_list_is_used_again_until_it_is_too_old(tmp_path: Path) -> None:
    clock, census = StillClock(), Census()
    store = await SqliteStore.open(tmp_path / "wakeeper.db")
    try:
        await store.accounts.create(account(1))
        assert len(await census.records(store, "firestore", clock)) == 1
        await store.accounts.create(account(2))

        assert len(await census.records(store, "firestore", clock)) == 1
        clock.advance(MAX_AGE_S["firestore"])
        assert len(await census.records(store, "firestore", clock)) == 2
    finally:
        await store.close()


async def test_a_store_on_this_host_is_asked_each_time(tmp_path: Path) -> None:
    clock, census = StillClock(), Census()
    store = await SqliteStore.open(tmp_path / "wakeeper.db")
    try:
        for number in (1, 2):
            await store.accounts.create(account(number))
            assert len(await census.records(store, "sqlite", clock)) == number
    finally:
        await store.close()
