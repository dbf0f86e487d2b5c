import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.session.still_clock import StillClock
from worker.session import (
    Credentials,
    SessionExists,
    SessionFile,
    SessionMissing,
    SessionWriteFailed,
    UnitMisused,
    UnitOfWork,
)
from worker.session.files import sidecars


@pytest.fixture(params=[0o000, 0o022, 0o277], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def filled(path: Path, clock: StillClock) -> SessionFile:
    return SessionFile.create(
        path, clock, lambda unit: unit.credentials.put(Credentials.generate(clock))
    )


def test_folder_file_and_log_are_the_owners_alone_under_any_umask(
    umask: int, tmp_path: Path, clock: StillClock
) -> None:
    (tmp_path / "a").mkdir(mode=0o700)
    (tmp_path / "a").chmod(0o700)
    path = tmp_path / "a" / "session.db"

    with filled(path, clock) as file, file.unit() as unit:
        unit.sessions.put("4915.1", b"record")
        shown = {p.name: oct(mode(p)) for p in (path, *sidecars(path)) if p.exists()}

    assert shown == dict.fromkeys(["session.db", "session.db-wal", "session.db-shm"], "0o600")


def test_unfinished_file_is_private_before_anything_is_in_it(path: Path, clock: StillClock) -> None:
    before = os.umask(0)
    shown: dict[str, str] = {}

    def look(unit: UnitOfWork) -> None:
        unit.credentials.put(Credentials.generate(clock))
        shown.update({p.name: oct(mode(p)) for p in path.parent.iterdir()})

    try:
        SessionFile.create(path, clock, look).close()
    finally:
        os.umask(before)

    assert set(shown.values()) == {"0o600"}
    assert "session.db" not in shown
    assert oct(mode(path.parent)) == "0o700"


def test_a_folder_and_file_that_are_too_open_are_narrowed(path: Path, clock: StillClock) -> None:
    path.parent.mkdir(mode=0o755)
    filled(path, clock).close()
    path.chmod(0o644)

    SessionFile.open(path, clock).close()

    assert (oct(mode(path.parent)), oct(mode(path))) == ("0o700", "0o600")


def test_what_was_filled_in_is_there_after_reopening(path: Path, clock: StillClock) -> None:
    credentials = Credentials.generate(clock)
    SessionFile.create(path, clock, lambda unit: unit.credentials.put(credentials)).close()

    with SessionFile.open(path, clock) as file, file.unit() as unit:
        assert unit.credentials.get() == credentials


def test_closing_leaves_one_file(file: SessionFile, path: Path) -> None:
    with file.unit() as unit:
        unit.sessions.put("4915.1", b"record")
    file.close()

    assert [p.name for p in path.parent.iterdir()] == ["session.db"]


def test_creation_refuses_to_replace_a_session(file: SessionFile, clock: StillClock) -> None:
    file.close()
    before = file.path.read_bytes()

    with pytest.raises(SessionExists):
        filled(file.path, clock)

    assert file.path.read_bytes() == before


@pytest.mark.parametrize("leftover", ["session.db-wal", "session.db-shm"])
def test_creation_refuses_beside_the_log_of_a_lost_session(
    path: Path, clock: StillClock, leftover: str
) -> None:
    path.parent.mkdir()
    path.with_name(leftover).write_bytes(b"somebody's messages")

    with pytest.raises(SessionExists):
        filled(path, clock)

    assert [p.name for p in path.parent.iterdir()] == [leftover]


def test_a_failed_fill_leaves_nothing_behind(path: Path, clock: StillClock) -> None:
    def fail(unit: UnitOfWork) -> None:
        unit.credentials.put(Credentials.generate(clock))
        raise ValueError("the import stumbled")

    with pytest.raises(ValueError, match="stumbled"):
        SessionFile.create(path, clock, fail)

    assert list(path.parent.iterdir()) == []


def test_a_session_without_credentials_is_never_made(path: Path, clock: StillClock) -> None:
    with pytest.raises(UnitMisused, match="credentials"):
        SessionFile.create(path, clock, lambda unit: unit.sessions.put("4915.1", b""))

    assert list(path.parent.iterdir()) == []


def test_remains_of_a_killed_creation_are_not_in_the_way(path: Path, clock: StillClock) -> None:
    path.parent.mkdir()
    for name in ("session.db.part", "session.db.part-wal", "session.db.part-shm"):
        path.with_name(name).write_bytes(b"half a file")

    filled(path, clock).close()

    assert [p.name for p in path.parent.iterdir()] == ["session.db"]


def test_a_missing_file_is_missing_and_stays_so(path: Path, clock: StillClock) -> None:
    with pytest.raises(SessionMissing):
        SessionFile.open(path, clock)

    assert not path.parent.exists()


def test_commits_wait_for_the_disk(file: SessionFile) -> None:
    settings = {
        name: file._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "mmap_size")
    }

    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "mmap_size": 0,
    }


def test_a_reader_sees_commits_beside_the_worker_and_can_not_write(
    file: SessionFile, clock: StillClock
) -> None:
    with file.unit() as unit:
        unit.sessions.put("4915.1", b"record")
    with SessionFile.open(file.path, clock, read_only=True) as reader:
        with file.unit() as unit:
            unit.sessions.put("4915.2", b"another")
        with reader.unit() as unit:
            assert unit.sessions.addresses() == ["4915.1", "4915.2"]
        with pytest.raises(SessionWriteFailed), reader.unit() as unit:
            unit.sessions.put("4915.3", b"not ours to write")


def test_a_path_with_signs_that_mean_something_in_a_uri_is_taken_as_it_is(
    tmp_path: Path, clock: StillClock
) -> None:
    path = tmp_path / "a ?b#c%41" / "session.db"

    filled(path, clock).close()
    SessionFile.open(path, clock).close()

    assert path.exists()
