import sqlite3
from pathlib import Path

import pytest

from tests.worker.session.still_clock import StillClock
from worker.session import (
    SessionCorrupt,
    SessionFile,
    SessionNewer,
    SessionOutdated,
    SessionRejected,
)
from worker.session.schema import APPLICATION_ID, SCHEMA, SCHEMA_VERSION, Schema

NEXT = Schema(
    (
        *SCHEMA.migrations,
        (
            "CREATE TABLE moods (jid TEXT PRIMARY KEY, mood TEXT NOT NULL) STRICT",
            "INSERT INTO moods SELECT name, 'calm' FROM sessions",
        ),
    )
)
BROKEN = Schema((*SCHEMA.migrations, (*NEXT.migrations[-1], "CREATE TABLE sessions (a)")))


@pytest.fixture
def closed(file: SessionFile) -> Path:
    with file.unit() as unit:
        unit.sessions.put("4915.1", b"record")
    file.close()
    return file.path


def version_and_tables(path: Path) -> tuple[int, set[str]]:
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    tables = {n for (n,) in connection.execute("SELECT name FROM sqlite_schema")}
    connection.close()
    return version, tables


def test_a_new_file_says_what_it_is(closed: Path) -> None:
    connection = sqlite3.connect(closed)
    said = [
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version")
    ]
    connection.close()

    assert said == [APPLICATION_ID, SCHEMA_VERSION]


def test_an_older_file_is_brought_up_to_date_with_what_is_in_it(
    closed: Path, clock: StillClock
) -> None:
    with SessionFile.open(closed, clock, schema=NEXT) as file, file.unit() as unit:
        assert unit.sessions.get("4915.1") == b"record"
        assert file._connection.execute("SELECT * FROM moods").fetchall() == [("4915", "calm")]

    assert version_and_tables(closed)[0] == SCHEMA_VERSION + 1


def test_a_step_that_fails_leaves_the_version_the_file_had(closed: Path, clock: StillClock) -> None:
    before = version_and_tables(closed)

    with pytest.raises(Exception, match="already exists"):
        SessionFile.open(closed, clock, schema=BROKEN)

    assert version_and_tables(closed) == before
    with SessionFile.open(closed, clock) as file, file.unit() as unit:
        assert unit.sessions.get("4915.1") == b"record"


def test_a_newer_file_is_refused_with_the_way_out_and_not_touched(
    closed: Path, clock: StillClock
) -> None:
    SessionFile.open(closed, clock, schema=NEXT).close()
    before = closed.read_bytes()

    with pytest.raises(SessionNewer) as caught:
        SessionFile.open(closed, clock)

    assert "upgrade" in caught.value.hint
    assert "backup" in caught.value.hint
    assert closed.read_bytes() == before


def test_an_older_file_is_not_brought_up_to_date_by_a_reader(
    closed: Path, clock: StillClock
) -> None:
    before = closed.read_bytes()

    with pytest.raises(SessionOutdated):
        SessionFile.open(closed, clock, read_only=True, schema=NEXT)

    assert closed.read_bytes() == before


def test_a_file_of_version_zero_is_corrupt(closed: Path, clock: StillClock) -> None:
    connection = sqlite3.connect(closed)
    connection.execute("PRAGMA user_version = 0")
    connection.close()

    with pytest.raises(SessionCorrupt, match="version 0"):
        SessionFile.open(closed, clock)


def test_a_value_that_breaks_a_rule_is_refused_and_undone(file: SessionFile) -> None:
    def break_it() -> None:
        with file.unit() as unit:
            unit.sessions.put("4915.1", b"record")
            unit.identities.put("4915.1", b"a key of the wrong length")

    with pytest.raises(SessionRejected):
        break_it()

    with file.unit() as unit:
        assert unit.sessions.addresses() == []
