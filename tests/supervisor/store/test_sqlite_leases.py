"""What only SQLite's lease has: the boot it is dated by, a file of its own, one host's fences."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from shared.clock import SystemClock
from supervisor.lease.decisions import Knowledge, Take, Wait, conclude
from supervisor.lease.document import Incarnation, LeaseDocument
from supervisor.store.contract import Ambiguous, Fenced, Tenure
from supervisor.store.records import AliasLearned, OutboxState
from supervisor.store.sqlite import SqliteStore
from supervisor.store.sqlite_leases import BOOT_ID, SqliteLeases
from tests.supervisor.store.samples import ACCOUNT, ALICE, ALICE_LID, NOW_MS, message, send

T = 5.0
ME = Incarnation("host/boot/me", "host", "boot", "state", "blue", 7, "1.0")
HELD = LeaseDocument(None, 0, 0, ttl_ms=1).taken_by(ME, 45_000)
OTHER = Incarnation("host/boot/other", "host", "boot", "other", "green", 8, "1.0")


class StoppedClock(SystemClock):
    def __init__(self, boot_s: float) -> None:
        self.boot_s = boot_s

    def boot_ns(self) -> int:
        return int(self.boot_s * 1e9)


async def held(path: Path, *, boot_id: str, boot_s: float) -> None:
    leases = await SqliteLeases.open(path, clock=StoppedClock(boot_s), boot_id=boot_id)
    await leases.create(HELD.to_fields(NOW_MS), timeout_s=T)
    await leases.wish("somebody", timeout_s=T)
    await leases.close()


async def test_a_lease_of_this_boot_ages_by_the_boot_clock(tmp_path: Path) -> None:
    path = tmp_path / "wakeeper.db"
    await held(path, boot_id="now", boot_s=1000)

    leases = await SqliteLeases.open(path, clock=StoppedClock(1044), boot_id="now")
    younger = await leases.read(timeout_s=T)
    await leases.close()
    leases = await SqliteLeases.open(path, clock=StoppedClock(1046), boot_id="now")
    older = await leases.read(timeout_s=T)
    await leases.close()

    assert (younger.age_ms, older.age_ms) == (44_000, 46_000)
    assert isinstance(conclude(younger, Knowledge(OTHER, 45_000)), Wait)
    assert isinstance(conclude(older, Knowledge(OTHER, 45_000)), Take)


@pytest.mark.parametrize("boot_s", [3.0, 1001.0, 10**6])
async def test_a_lease_of_another_boot_is_free_however_its_stamp_compares(
    tmp_path: Path, boot_s: float
) -> None:
    path = tmp_path / "wakeeper.db"
    await held(path, boot_id="before", boot_s=1000)

    leases = await SqliteLeases.open(path, clock=StoppedClock(boot_s), boot_id="now")
    seen = await leases.read(timeout_s=T)
    [wish] = await leases.wishes(timeout_s=T)
    written = await leases.replace(HELD.renewed().to_fields(NOW_MS), seen.version, timeout_s=T)
    after = await leases.read(timeout_s=T)
    await leases.close()

    assert isinstance(conclude(seen, Knowledge(OTHER, 45_000)), Take)
    assert wish.read_ns - wish.at_ns > 10**17
    assert (after.age_ms, after.updated_ns) == (0, written.update_ns)


async def test_the_boot_is_the_running_kernels(tmp_path: Path) -> None:
    path = tmp_path / "wakeeper.db"
    leases = await SqliteLeases.open(path)
    await leases.create(HELD.to_fields(NOW_MS), timeout_s=T)
    await leases.close()

    with sqlite3.connect(tmp_path / "wakeeper.lease.db") as connection:
        [(boot_id, stamp)] = connection.execute("SELECT boot_id, updated_boot_ns FROM lease")
    connection.close()
    assert boot_id == BOOT_ID.read_text().strip()
    assert 0 <= time.clock_gettime_ns(time.CLOCK_BOOTTIME) - stamp < 60e9


async def test_only_the_owner_can_read_the_lease(tmp_path: Path) -> None:
    leases = await SqliteLeases.open(tmp_path / "wakeeper.db")
    await leases.close()

    assert (tmp_path / "wakeeper.lease.db").stat().st_mode & 0o777 == 0o600


async def test_a_renewal_does_not_wait_behind_the_stores_long_work(tmp_path: Path) -> None:
    path = tmp_path / "wakeeper.db"
    store, leases = await SqliteStore.open(path), await SqliteLeases.open(path)
    written = await leases.create(HELD.to_fields(NOW_MS), timeout_s=T)
    working, done = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def long_work(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM outbox")
        loop.call_soon_threadsafe(working.set)
        asyncio.run_coroutine_threadsafe(done.wait(), loop).result(T)

    busy = asyncio.create_task(store._database.write(long_work))
    await working.wait()

    await leases.replace(HELD.renewed().to_fields(NOW_MS), written.version, timeout_s=1)

    done.set()
    await busy
    await leases.close()
    await store.close()


async def test_a_lease_file_that_is_locked_is_unknown_at_the_deadline(tmp_path: Path) -> None:
    leases = await SqliteLeases.open(tmp_path / "wakeeper.db")
    written = await leases.create(HELD.to_fields(NOW_MS), timeout_s=T)
    other = sqlite3.connect(tmp_path / "wakeeper.lease.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    began = time.monotonic()
    with pytest.raises(Ambiguous):
        await leases.replace(HELD.renewed().to_fields(NOW_MS), written.version, timeout_s=0.4)

    assert 0.39 <= time.monotonic() - began < 0.7
    other.execute("ROLLBACK")
    other.close()
    assert (await leases.read(timeout_s=T)).stored is not None  # whatever became of it
    await leases.close()


@pytest.mark.parametrize("text", ["", "not JSON", "[1]", '"x"', "{}", '{"epoch": 1'])
async def test_text_that_is_no_document_is_never_free(tmp_path: Path, text: str) -> None:
    leases = await SqliteLeases.open(tmp_path / "wakeeper.db")
    await leases.create(HELD.to_fields(NOW_MS), timeout_s=T)
    await leases._database.write(lambda c: c.execute("UPDATE lease SET fields = ?", (text,)))

    seen = await leases.read(timeout_s=T)

    assert seen.stored is not None
    assert not isinstance(conclude(seen, Knowledge(OTHER, 1)), Take)
    await leases.close()


# ------------------------------------------------------------ every part is behind fences


async def test_a_newer_holder_keeps_the_older_one_out_of_everything(tmp_path: Path) -> None:
    path = tmp_path / "wakeeper.db"
    old = await SqliteStore.open(path, permit=lambda: Tenure(1, "h1"))
    _, _, created = await old.outbox.enqueue(ACCOUNT, send())
    claim = await old.outbox.claim(ACCOUNT, "o1", at_ms=NOW_MS, lease_ms=1000)
    assert created
    assert claim is not None

    new = await SqliteStore.open(path, permit=lambda: Tenure(2, "h2"))
    await new.fences.raise_to([ACCOUNT], 2, "h2", timeout_s=T)

    attempts = [
        old.outbox.enqueue(ACCOUNT, send(client_message_id="c2")),
        old.outbox.claim(ACCOUNT, "o1", at_ms=NOW_MS + 9999, lease_ms=1000),
        old.outbox.settle(claim, OutboxState.SENT, at_ms=NOW_MS),
        old.outbox.hasten(ACCOUNT, at_ms=NOW_MS),
        old.outbox.take_over("o1", at_ms=NOW_MS),
        old.conversations.record(ACCOUNT, [message()], at_ms=NOW_MS),
        old.conversations.record(ACCOUNT, [AliasLearned(ALICE_LID, ALICE)], at_ms=NOW_MS),
    ]
    refused = await asyncio.gather(*attempts, return_exceptions=True)

    assert [type(each) for each in refused] == [Fenced] * len(attempts)
    assert await new.outbox.take_over("o2", at_ms=NOW_MS) == 1
    [record] = await old.outbox.pending(ACCOUNT)  # reading is for everybody
    assert record.state is OutboxState.QUEUED
    await new.close()
    await old.close()


async def test_other_accounts_are_not_held_up_by_one_that_moved(tmp_path: Path) -> None:
    path = tmp_path / "wakeeper.db"
    old = await SqliteStore.open(path, permit=lambda: Tenure(1, "h1"))
    await old.fences.raise_to(["account_moved"], 2, "h2", timeout_s=T)

    await old.conversations.record(ACCOUNT, [message()], at_ms=NOW_MS)

    with pytest.raises(Fenced):
        await old.conversations.record("account_moved", [message()], at_ms=NOW_MS)
    await old.close()


async def test_two_hundred_writes_at_once_pass_and_the_stale_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "wakeeper.db"
    old = await SqliteStore.open(path, permit=lambda: Tenure(1, "h1"))
    new = await SqliteStore.open(path, permit=lambda: Tenure(2, "h2"))
    await new.fences.raise_to([ACCOUNT], 2, "h2", timeout_s=T)

    *passed, stale = await asyncio.gather(
        *(
            new.conversations.record(ACCOUNT, [message(wa_message_id=f"M{n}")], at_ms=NOW_MS)
            for n in range(200)
        ),
        old.conversations.record(ACCOUNT, [message(wa_message_id="stale")], at_ms=NOW_MS),
        return_exceptions=True,
    )

    assert [each for each in passed if isinstance(each, BaseException)] == []
    assert isinstance(stale, Fenced)
    await old.close()
    await new.close()
