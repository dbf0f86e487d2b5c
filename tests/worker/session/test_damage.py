"""A damaged file is reported as damaged, is never taken for an absent one, and is not touched."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.worker.session.still_clock import StillClock
from worker.session import Credentials, SessionCorrupt, SessionFile, SessionMissing, set_aside
from worker.session.files import sidecars

PAGE_BYTES = 4096


@pytest.fixture
def closed(file: SessionFile) -> Path:
    with file.unit() as unit:
        for device in range(300):
            unit.sessions.put(f"4915.{device}", bytes([device % 256]) * 700)
            unit.identities.put(f"4915.{device}", bytes(32))
    file.close()
    return file.path


def refused(path: Path, clock: StillClock) -> SessionCorrupt:
    """Open the file, and check that doing so changed nothing of it."""
    before = path.read_bytes()
    with pytest.raises(SessionCorrupt) as caught:
        SessionFile.open(path, clock)
    assert path.read_bytes() == before
    return caught.value


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (bytes(PAGE_BYTES * 4), "zeros"),
        (b"SQLite", "no SQLite database"),
        (b'{"noiseKey": {}}' * 20, "no SQLite database"),
    ],
    ids=["empty", "zeros", "short", "json"],
)
def test_a_file_that_is_no_database_is_corrupt(
    path: Path, clock: StillClock, content: bytes, why: str
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    error = refused(path, clock)

    assert why in error.message
    assert "backup" in error.hint
    assert "kept" in error.hint


def test_a_database_of_another_program_is_refused(path: Path, clock: StillClock) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE credentials (a)")
    other.close()

    assert "another program" in refused(path, clock).message


def test_a_file_filled_with_zeros_to_its_length_is_corrupt(closed: Path, clock: StillClock) -> None:
    closed.write_bytes(bytes(closed.stat().st_size))

    assert "zeros" in refused(closed, clock).message


@pytest.mark.parametrize("cut_bytes", [1, PAGE_BYTES // 2, PAGE_BYTES, 20 * PAGE_BYTES])
def test_a_truncated_file_is_corrupt(closed: Path, clock: StillClock, cut_bytes: int) -> None:
    closed.write_bytes(closed.read_bytes()[:-cut_bytes])

    refused(closed, clock)


@pytest.mark.parametrize("kind", ["zeros", "ones", "noise"])
def test_damage_to_any_page_is_found(
    closed: Path, tmp_path: Path, clock: StillClock, kind: str
) -> None:
    whole = closed.read_bytes()
    noise = random.Random(7).randbytes(PAGE_BYTES)
    page = {"zeros": bytes(PAGE_BYTES), "ones": b"\xff" * PAGE_BYTES, "noise": noise}[kind]
    copy = tmp_path / "copy.db"
    unnoticed = []
    for at in range(0, len(whole), PAGE_BYTES):
        copy.write_bytes(whole[:at] + page + whole[at + PAGE_BYTES :])
        try:
            SessionFile.open(copy, clock).close()
        except SessionCorrupt:
            continue
        unnoticed.append(at // PAGE_BYTES)

    assert len(whole) // PAGE_BYTES > 100
    assert unnoticed == []


@pytest.mark.parametrize("key", ["noise_key", "identity_key"])
def test_a_flipped_bit_in_a_key_is_found_though_every_page_is_well_formed(
    path: Path, clock: StillClock, key: str
) -> None:
    credentials = Credentials.generate(clock)
    SessionFile.create(path, clock, lambda unit: unit.credentials.put(credentials)).close()
    public = getattr(credentials, key).public
    content = path.read_bytes()
    assert content.count(public) == 1
    path.write_bytes(content.replace(public, bytes([public[0] ^ 1]) + public[1:]))

    assert "damaged" in refused(path, clock).message


def test_a_session_whose_credentials_are_gone_is_corrupt_and_not_new(
    closed: Path, clock: StillClock
) -> None:
    connection = sqlite3.connect(closed)
    connection.execute("DELETE FROM credentials")
    connection.commit()
    connection.close()

    assert "credentials" in refused(closed, clock).message


def test_a_log_without_its_database_is_corrupt_and_not_absent(
    file: SessionFile, clock: StillClock
) -> None:
    with file.unit() as unit:
        unit.sessions.put("4915.1", b"record")
    lone = file.path.with_name("lone") / "session.db"
    lone.parent.mkdir()
    shutil.copy(sidecars(file.path)[0], sidecars(lone)[0])

    with pytest.raises(SessionCorrupt, match=r"session\.db-wal"):
        SessionFile.open(lone, clock)

    assert [p.name for p in lone.parent.iterdir()] == ["session.db-wal"]


def test_judging_a_damaged_file_does_not_bring_its_log_home(
    file: SessionFile, tmp_path: Path, clock: StillClock
) -> None:
    with file.unit() as unit:
        unit.sessions.put("4915.1", b"record")
    copy = tmp_path / "session.db"
    content = bytearray(file.path.read_bytes())
    content[PAGE_BYTES : 2 * PAGE_BYTES] = bytes(PAGE_BYTES)
    copy.write_bytes(content)
    shutil.copy(sidecars(file.path)[0], sidecars(copy)[0])
    log = sidecars(copy)[0].read_bytes()
    assert log

    refused(copy, clock)

    assert sidecars(copy)[0].read_bytes() == log


def test_setting_aside_keeps_every_byte_and_makes_room(
    file: SessionFile, clock: StillClock
) -> None:
    with file.unit() as unit:
        unit.sessions.put("4915.1", b"record")
    before = {p.name: p.read_bytes() for p in file.path.parent.iterdir()}

    kept = set_aside(file.path, "corrupt", clock)

    after = {p.name: p.read_bytes() for p in file.path.parent.iterdir()}
    assert kept.name == "session.db.corrupt-20250615T150640Z"
    assert after == {name.replace("session.db", kept.name): b for name, b in before.items()}
    with pytest.raises(SessionMissing):
        SessionFile.open(file.path, clock)


def test_setting_aside_twice_in_a_second_loses_nothing(path: Path, clock: StillClock) -> None:
    path.parent.mkdir()
    kept = []
    for content in (b"first", b"second", b"third"):
        path.write_bytes(content)
        kept.append(set_aside(path, "corrupt", clock))

    assert [k.read_bytes() for k in kept] == [b"first", b"second", b"third"]


def test_what_a_crash_in_setting_aside_leaves_is_set_aside_too(
    path: Path, clock: StillClock
) -> None:
    path.parent.mkdir()
    sidecars(path)[0].write_bytes(b"the rest")

    kept = set_aside(path, "corrupt", clock)

    assert [p.read_bytes() for p in path.parent.iterdir()] == [b"the rest"]
    assert sidecars(kept)[0].exists()


def test_nothing_can_not_be_set_aside(path: Path, clock: StillClock) -> None:
    with pytest.raises(SessionMissing):
        set_aside(path, "corrupt", clock)
