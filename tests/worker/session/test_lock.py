import subprocess
import sys
from pathlib import Path

import pytest

from worker.session import AccountLock, SessionLocked, SessionWriteFailed, UnitMisused

HOLD = """
import sys, pathlib
from worker.session import AccountLock
AccountLock(pathlib.Path(sys.argv[1])).take()
print("taken", flush=True)
sys.stdin.read()
"""


def test_a_second_worker_is_refused_and_told_who_has_the_account(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "taken\n"
        with pytest.raises(SessionLocked, match=f"process {other.pid} "):
            AccountLock(tmp_path).take()
        other.kill()
        other.wait(10)

    with AccountLock(tmp_path):  # the kernel gave it back
        pass


def test_the_lock_can_be_taken_again_after_its_release(tmp_path: Path) -> None:
    lock = AccountLock(tmp_path / "account")
    for _ in range(2):
        with lock, pytest.raises(SessionLocked):
            AccountLock(tmp_path / "account").take()
    lock.release()

    assert oct((tmp_path / "account").stat().st_mode & 0o777) == "0o700"
    assert oct(lock.path.stat().st_mode & 0o777) == "0o600"


def test_the_lock_is_not_taken_twice_by_one_holder(tmp_path: Path) -> None:
    with AccountLock(tmp_path) as lock, pytest.raises(UnitMisused):
        lock.take()


def test_a_lock_file_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("untouched")
    (tmp_path / "account").mkdir()
    (tmp_path / "account" / "lock").symlink_to(target)

    with pytest.raises(SessionWriteFailed, match="lock"):
        AccountLock(tmp_path / "account").take()

    assert target.read_text() == "untouched"
