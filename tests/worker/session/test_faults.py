"""Real faults on real processes: kill -9, a full disk, a file that may not grow."""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.worker.session import fill_the_disk, write_until_killed
from tests.worker.session.still_clock import StillClock
from worker.session import Credentials, SessionFile, SessionWriteFailed, UnitOfWork

KILLS = 30
DEADLINE_S = 30
ROOT = Path(__file__).parents[3]


def fill(unit: UnitOfWork) -> None:
    unit.credentials.put(Credentials.generate(StillClock()))


def run(program: object, *arguments: str) -> subprocess.Popen[bytes]:
    name = getattr(program, "__name__", "")
    return subprocess.Popen(
        [sys.executable, "-m", name, *arguments], cwd=ROOT, stdout=subprocess.PIPE
    )


def kill_after(path: Path, units: int) -> int:
    """Let a writer go, kill it at some point after so many units; return the last one it told."""
    with run(write_until_killed, str(path)) as writer:
        assert writer.stdout is not None
        told = writer.stdout.read(4 * units)
        writer.kill()
        told += writer.stdout.read()
        writer.wait(DEADLINE_S)
    return int.from_bytes(told[-4:] if len(told) % 4 == 0 else told[: len(told) // 4 * 4][-4:])


def test_a_kill_leaves_the_state_before_or_after_a_unit_and_loses_no_durable_one(
    path: Path, clock: StillClock
) -> None:
    SessionFile.create(path, clock, fill).close()
    rng = random.Random(11)

    for _ in range(KILLS):
        told = kill_after(path, rng.randint(1, 40))
        with SessionFile.open(path, clock) as file, file.unit() as unit:
            record = unit.sessions.get(write_until_killed.ADDRESS) or b""
            number = int.from_bytes(record[:4])
            assert record == write_until_killed.record(number)
            assert told <= number <= told + 1
            waiting = [row.id for row in unit.spool.waiting(100)]
            assert waiting == list(range(max(1, number - 4), number + 1))
            assert unit.spool.waiting(1, number - 1)[0].payload == record
            done = [write_until_killed.key(n) for n in range(1, number - 4)]
            assert all(unit.handled.has(key) for key in done[-50:])


@contextmanager
def no_file_grows_beyond(size_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_until_refused(file: SessionFile) -> int:
    for number in range(1000):
        with file.unit() as unit:
            unit.sessions.put("4915.1", number.to_bytes(4))
            unit.carried.put("ballast", str(number), bytes(5000))
            unit.after_commit(lambda: None)
    return -1


def test_a_write_that_the_disk_refuses_is_undone_and_the_file_goes_on(
    file: SessionFile, clock: StillClock
) -> None:
    with no_file_grows_beyond(300_000), pytest.raises(SessionWriteFailed) as caught:
        write_until_refused(file)

    assert "disk" in caught.value.hint
    with file.unit() as unit:
        number = int.from_bytes(unit.sessions.get("4915.1") or b"")
        assert sorted(map(int, unit.carried.all("ballast"))) == list(range(number + 1))
        assert number > 3
    with file.unit() as unit:
        unit.sessions.put("4915.1", b"room again")
    with SessionFile.open(file.path, clock, read_only=True) as reader, reader.unit() as unit:
        assert unit.sessions.get("4915.1") == b"room again"


def test_a_full_database_is_named_as_such(file: SessionFile) -> None:
    (pages,) = file._connection.execute("PRAGMA page_count").fetchone()
    file._connection.execute(f"PRAGMA max_page_count = {pages}")
    called: list[str] = []

    def overflow() -> None:
        with file.unit() as unit:
            unit.sessions.put("4915.1", b"before")
            unit.after_commit(lambda: called.append("called"))
            unit.carried.put("ballast", "x", bytes(100_000))

    with pytest.raises(SessionWriteFailed, match="SQLITE_FULL") as caught:
        overflow()

    assert "space" in caught.value.hint
    assert called == []
    with file.unit() as unit:
        assert unit.sessions.addresses() == []


def test_creation_on_a_disk_that_refuses_leaves_nothing(path: Path, clock: StillClock) -> None:
    with no_file_grows_beyond(50_000), pytest.raises(SessionWriteFailed):
        SessionFile.create(path, clock, fill)

    assert list(path.parent.iterdir()) == []


def in_a_small_disk(disk: Path) -> list[str]:
    mount = f"mount -t tmpfs -o size=1500k tmpfs '{disk}'"
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]


def can_mount(disk: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*in_a_small_disk(disk), "true"], capture_output=True, check=False)
    return tried.returncode == 0


def test_a_full_disk_stops_writing_and_nothing_else(tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("no file system can be mounted here (unshare)")
    program = [sys.executable, "-m", fill_the_disk.__name__, str(tmp_path)]

    done = subprocess.run(
        [*in_a_small_disk(tmp_path), *program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        timeout=DEADLINE_S,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )

    report = json.loads(done.stdout)
    written = report["written"]
    assert written > 2
    assert "SQLITE_FULL" in report["error"]
    assert report["stored_when_full"] == [written - 1, written]
    assert report["create_when_full"] == "SessionWriteFailed"
    assert report["left_by_create"] == []
    assert report["snapshot_when_full"] == "SessionWriteFailed"
    assert report["left_by_snapshot"] == []
    assert report["stored_after_room_was_made"] == [999, written]
