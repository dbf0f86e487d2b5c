"""Sessions that are set aside, removed, and found, in a real directory."""

import fcntl
import os
import stat
from pathlib import Path

import pytest

from shared.accounts import InvalidAccountId
from shared.clock import SystemClock
from supervisor.quarantine import Quarantine, SessionBusy

ACCOUNT = "account_test_1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an account's directory with a session in it."""
    folder = tmp_path / ACCOUNT
    folder.mkdir(mode=0o700)
    for name in ("session.db", "session.db-wal", "lock"):
        (folder / name).write_text(name)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def ours(tmp_path: Path) -> Quarantine:
    return Quarantine(tmp_path, SystemClock())


async def test_session_is_moved_whole_and_the_lock_stays(ours: Quarantine, folder: Path) -> None:
    place = await ours.set_aside(ACCOUNT)

    assert place is not None
    assert names(place) == ["session.db", "session.db-wal"]
    assert names(folder) == ["lock"]
    assert place.parent == folder.parent / ".quarantine" / ACCOUNT
    for directory in (place, place.parent, place.parent.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


async def test_second_session_of_the_same_second_has_a_place_of_its_own(
    ours: Quarantine, folder: Path
) -> None:
    first = await ours.set_aside(ACCOUNT)
    (folder / "session.db").write_text("second")
    second = await ours.set_aside(ACCOUNT)

    assert first is not None
    assert second is not None
    assert first != second
    assert (second / "session.db").read_text() == "second"


async def test_nothing_to_set_aside_is_nothing(ours: Quarantine, tmp_path: Path) -> None:
    assert await ours.set_aside(ACCOUNT) is None
    assert names(tmp_path) == []


async def test_session_in_use_is_not_touched(ours: Quarantine, folder: Path) -> None:
    holder = os.open(folder / "lock", os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)
    with pytest.raises(SessionBusy):
        await ours.set_aside(ACCOUNT)
    with pytest.raises(SessionBusy):
        await ours.remove(ACCOUNT)
    os.close(holder)

    assert (folder / "session.db").exists()


async def test_removal_leaves_nothing_of_this_account_and_everything_of_others(
    ours: Quarantine, folder: Path, tmp_path: Path
) -> None:
    await ours.set_aside(ACCOUNT)
    (folder / "session.db").write_text("second")
    other = tmp_path / "account_test_2"
    other.mkdir()
    (other / "session.db").touch()
    await ours.remove(ACCOUNT)
    await ours.remove(ACCOUNT)

    assert ACCOUNT not in names(tmp_path)
    assert names(tmp_path / ".quarantine") == []
    assert await ours.sessions() == ["account_test_2"]


async def test_only_sessions_are_found(ours: Quarantine, folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".quarantine").mkdir()
    (tmp_path / "a file").touch()
    empty = tmp_path / "account_test_3"
    empty.mkdir()
    (empty / "lock").touch()

    assert await ours.sessions() == [ACCOUNT]


async def test_no_id_leads_out_of_the_directory(ours: Quarantine) -> None:
    with pytest.raises(InvalidAccountId):
        await ours.remove("..")
