"""The unit file by systemd's own judgement."""

import configparser
import re

from supervisor.lease.timing import LeaseTiming
from tests.system.machine import Machine
from tests.system.service import UNIT, UNIT_FILE

EXPOSURE_ALLOWED = 1.3


async def test_systemd_finds_nothing_to_say_about_it(machine: Machine) -> None:
    # It exits with 0 on an unknown key: what counts is what it says.
    ran = await machine.run("systemd-analyze", "verify", f"/etc/systemd/system/{UNIT}")

    assert (ran.code, ran.err) == (0, "")


async def test_exposure_stays_low(machine: Machine) -> None:
    said = await machine.must(
        "systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT_FILE)
    )
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)

    assert level is not None
    assert float(level[1]) <= EXPOSURE_ALLOWED


def test_hung_supervisor_is_killed_before_the_hard_stop_of_the_default_lease() -> None:
    unit = read()
    watchdog_s, abort_s = float(unit["WatchdogSec"]), float(unit["TimeoutAbortSec"])

    LeaseTiming(watchdog_s=watchdog_s, abort_s=abort_s).check()


def test_stopping_may_take_longer_than_draining() -> None:
    lease = LeaseTiming()

    assert float(read()["TimeoutStopSec"]) > 2 * (lease.grace_s + lease.kill_s + lease.rpc_s)


def read() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT_FILE)
    return parser["Service"]
