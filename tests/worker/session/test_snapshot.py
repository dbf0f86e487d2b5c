import stat
from pathlib import Path

import pytest

from tests.worker.session.still_clock import StillClock
from worker.session import SessionCorrupt, SessionExists, SessionFile, UnitMisused


def test_a_snapshot_is_a_session_file_with_all_that_was_committed(
    file: SessionFile, tmp_path: Path, clock: StillClock
) -> None:
    with file.unit() as unit:
        unit.sessions.put("4915.1", b"ratchet")
    file.snapshot(tmp_path / "snapshot.db")
    with file.unit() as unit:
        unit.sessions.put("4915.1", b"later")
        credentials = unit.credentials.get()

    with SessionFile.open(tmp_path / "snapshot.db", clock) as copy, copy.unit() as unit:
        assert unit.sessions.get("4915.1") == b"ratchet"
        assert unit.credentials.get() == credentials


def test_a_snapshot_is_one_private_file(file: SessionFile, tmp_path: Path) -> None:
    folder = tmp_path / "snapshots"
    folder.mkdir()

    file.snapshot(folder / "snapshot.db")

    shown = {p.name: oct(stat.S_IMODE(p.stat().st_mode)) for p in folder.iterdir()}
    assert shown == {"snapshot.db": "0o600"}


def test_a_snapshot_replaces_an_older_one(
    file: SessionFile, tmp_path: Path, clock: StillClock
) -> None:
    for number in (b"1", b"2"):
        with file.unit() as unit:
            unit.sessions.put("4915.1", number)
        file.snapshot(tmp_path / "snapshot.db")

    with SessionFile.open(tmp_path / "snapshot.db", clock) as copy, copy.unit() as unit:
        assert unit.sessions.get("4915.1") == b"2"


def test_a_snapshot_is_restored_where_a_session_is_missing(
    file: SessionFile, tmp_path: Path, clock: StillClock
) -> None:
    with file.unit() as unit:
        unit.sessions.put("4915.1", b"ratchet")
    file.snapshot(tmp_path / "snapshot.db")
    target = tmp_path / "restored" / "session.db"

    SessionFile.restore(target, clock, (tmp_path / "snapshot.db").read_bytes()).close()

    with SessionFile.open(target, clock) as copy, copy.unit() as unit:
        assert unit.sessions.get("4915.1") == b"ratchet"
    assert {p.name: oct(stat.S_IMODE(p.stat().st_mode)) for p in target.parent.iterdir()} == {
        "session.db": "0o600"
    }


def test_a_damaged_snapshot_is_not_restored(
    file: SessionFile, tmp_path: Path, clock: StillClock
) -> None:
    file.snapshot(tmp_path / "snapshot.db")
    target = tmp_path / "restored" / "session.db"

    with pytest.raises(SessionCorrupt):
        SessionFile.restore(target, clock, (tmp_path / "snapshot.db").read_bytes()[:-4096])

    assert list(target.parent.iterdir()) == []


def test_a_snapshot_is_not_restored_over_a_session_or_its_remains(
    file: SessionFile, tmp_path: Path, clock: StillClock
) -> None:
    file.snapshot(tmp_path / "snapshot.db")
    snapshot = (tmp_path / "snapshot.db").read_bytes()
    lone = tmp_path / "lone" / "session.db"
    lone.parent.mkdir()
    lone.with_name("session.db-wal").write_bytes(b"newer than the snapshot")

    for target in (file.path, lone):
        with pytest.raises(SessionExists):
            SessionFile.restore(target, clock, snapshot)


def test_no_snapshot_is_taken_of_half_a_unit(file: SessionFile, tmp_path: Path) -> None:
    with file.unit(), pytest.raises(UnitMisused):
        file.snapshot(tmp_path / "snapshot.db")

    assert not (tmp_path / "snapshot.db").exists()
