import asyncio
import sqlite3
from pathlib import Path

import pytest

from shared.errors import StoreError
from supervisor.store.database import NewerSchema, StoreClosed, UnusableFile
from supervisor.store.records import Page
from supervisor.store.schema import MIGRATIONS
from supervisor.store.sqlite import SqliteStore
from tests.supervisor.store.samples import ACCOUNT, ALICE, NOW_MS, account, message


async def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "wakeeper.db"
    first = await SqliteStore.open(path)
    record = await first.accounts.create(account())
    await first.conversations.record(ACCOUNT, [message()], at_ms=NOW_MS)
    await first.close()

    second = await SqliteStore.open(path)

    assert await second.accounts.list() == [record]
    found = await second.conversations.messages(ACCOUNT, f"{ACCOUNT}__{ALICE}", Page(10))
    assert [each.body for each in found] == ["hello"]
    await second.close()


async def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "new" / "wakeeper.db")
    await store.accounts.create(account())

    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "new").iterdir()}
    await store.close()

    assert modes == dict.fromkeys(["wakeeper.db", "wakeeper.db-wal", "wakeeper.db-shm"], 0o600)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


async def test_writes_are_on_the_disk_when_they_return(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "wakeeper.db")

    def settings(connection: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "user_version")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    found = await store._database.read(settings)
    await store.close()

    assert found == ["wal", 2, 1, len(MIGRATIONS)]


async def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "wakeeper.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(NewerSchema, match="upgrade Wakeeper"):
        await SqliteStore.open(path)

    assert path.read_bytes() == before


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "wakeeper.db"
    path.write_bytes(b"not a database, but long enough to be read as one" * 100)
    before = path.read_bytes()

    with pytest.raises(UnusableFile, match="left as it is"):
        await SqliteStore.open(path)

    assert path.read_bytes() == before


async def test_a_place_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UnusableFile, match="SQLITE_PATH"):
        await SqliteStore.open(tmp_path / "file" / "wakeeper.db")


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "wakeeper.db")
    await store.close()
    await store.close()

    with pytest.raises(StoreClosed):
        await store.ping()


async def test_a_failing_database_raises_our_error(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "wakeeper.db")
    await store._database.write(lambda connection: connection.execute("DROP TABLE accounts"))

    with pytest.raises(StoreError, match="no such table"):
        await store.accounts.list()

    await store.ping()
    await store.close()


async def test_many_callers_at_once_each_get_their_answer(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "wakeeper.db")

    await asyncio.gather(
        *(
            store.conversations.record(
                ACCOUNT, [message(wa_message_id=f"M{number % 10}")], at_ms=NOW_MS
            )
            for number in range(50)
        )
    )

    found = await store.conversations.messages(ACCOUNT, f"{ACCOUNT}__{ALICE}", Page(100))
    await store.close()
    assert len(found) == 10


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        (
            (
                "SELECT * FROM messages WHERE thread_id = ? AND account_id = ? "
                "ORDER BY at_ms DESC, doc_id DESC LIMIT 50"
            ),
            ("t", "a"),
        ),
        (
            (
                "SELECT * FROM threads WHERE account_id = ? AND redirect_to IS NULL "
                "ORDER BY last_message_at_ms DESC, thread_id DESC LIMIT 50"
            ),
            ("a",),
        ),
        ("SELECT * FROM messages WHERE account_id = ? AND wa_message_id = ?", ("a", "w")),
    ],
)
async def test_lists_are_read_from_an_index_without_sorting(
    tmp_path: Path, query: str, arguments: tuple[str, ...]
) -> None:
    store = await SqliteStore.open(tmp_path / "wakeeper.db")

    def plan(connection: sqlite3.Connection) -> str:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {query}", arguments)
        return "; ".join(row["detail"] for row in rows)

    found = await store._database.read(plan)
    await store.close()

    assert "USING INDEX" in found
    assert "TEMP B-TREE" not in found
