"""Who this process is to the lease, and when its former self is certainly dead."""

import fcntl
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.settings import Settings
from supervisor.incarnation import (
    STATE_ID_FILE,
    FormerSelf,
    lease_timing,
    this_incarnation,
)
from supervisor.lease import Incarnation, LeaseDocument, LeaseTiming
from supervisor.premises import prepare, sole_supervisor

FREE = LeaseDocument(None, 0, 0, ttl_ms=1)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(wakeeper_state=tmp_path / "state", instance_id="host-a")
    prepare(settings)
    with sole_supervisor(settings.wakeeper_state):
        yield settings


class Former:
    """A lease that a former process of ours took, and one who judges it."""

    def __init__(self, settings: Settings) -> None:
        self.looks = 0
        self.me = this_incarnation(settings)
        self.document = FREE.taken_by(this_incarnation(settings), 45_000)
        self.sessions = settings.sessions_path
        self.judge = FormerSelf(self.me, self.sessions, self._look_again)

    def _look_again(self) -> None:
        self.looks += 1


@pytest.fixture
def former(settings: Settings) -> Former:
    return Former(settings)


def test_each_process_is_an_incarnation_of_its_own_of_one_state_directory(
    settings: Settings,
) -> None:
    one, other = this_incarnation(settings), this_incarnation(settings)

    assert one.id != other.id
    assert one.id.split(":")[:2] == [one.host, one.boot_id]
    assert "/" not in one.id  # it becomes a part of a document's path
    assert replace(one, id="") == replace(other, id="")
    assert one.instance_id == "host-a"
    assert (settings.wakeeper_state / STATE_ID_FILE).stat().st_mode & 0o777 == 0o600


def test_a_copy_of_a_state_directory_is_another_one(settings: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(settings.wakeeper_state, copy)
    other = settings.model_copy(update={"wakeeper_state": copy})

    assert this_incarnation(other).state_id != this_incarnation(settings).state_id


def test_a_spoilt_state_id_forbids_the_start(settings: Settings) -> None:
    (settings.wakeeper_state / STATE_ID_FILE).write_text("me\n")

    with pytest.raises(ConfigError, match="no state id"):
        this_incarnation(settings)


def test_the_former_process_is_dead_when_all_its_locks_are_free(former: Former) -> None:
    account = former.sessions / "account_test_1"
    account.mkdir()
    (account / "lock").write_text("123")

    assert former.judge.is_dead(former.document)
    assert former.looks == 0


def test_a_worker_that_still_lives_is_waited_for(former: Former) -> None:
    account = former.sessions / "account_test_1"
    account.mkdir()
    with (account / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not former.judge.is_dead(former.document)
    assert former.looks == 1
    assert former.judge.is_dead(former.document)


def test_a_holder_of_another_boot_or_place_proves_nothing(former: Former) -> None:
    assert not former.judge.is_dead(replace(former.document, boot_id="another"))
    assert not former.judge.is_dead(replace(former.document, state_id="another"))


def test_one_does_not_declare_oneself_dead(former: Former) -> None:
    mine = FREE.taken_by(former.me, 45_000)

    assert isinstance(former.me, Incarnation)
    assert not former.judge.is_dead(mine)
    assert not former.judge.is_dead(mine.released())


def test_the_constants_are_the_settings_own(settings: Settings) -> None:
    changed = settings.model_copy(update={"lease_ttl_s": 90.0})

    assert lease_timing(settings, 15.0) == LeaseTiming()
    assert lease_timing(changed, None).ttl_s == 90


def test_without_a_watchdog_there_is_no_rule_about_one(settings: Settings) -> None:
    short = settings.model_copy(
        update={
            "lease_ttl_s": 4.5, "lease_hard_s": 3.6, "lease_soft_s": 2.4, "lease_renew_s": 0.8,
            "lease_rpc_s": 0.4, "lease_grace_s": 0.8, "lease_kill_s": 0.2, "lease_margin_s": 0.5,
        }
    )  # fmt: skip

    lease_timing(short, None)
    with pytest.raises(ConfigError, match="a hung supervisor"):
        lease_timing(short, 15.0)
