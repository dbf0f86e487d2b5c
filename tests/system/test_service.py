"""The shipped unit under a real systemd: how it starts, ends, and is ended."""

import os
import secrets
import signal

import pytest

from shared.logs import PRIORITIES
from tests.firestore import emulator
from tests.log_guard import KnownSecrets
from tests.supervisor.processes.house import until_true
from tests.system.service import (
    BLOCKING,
    CGROUP,
    CREDENTIAL,
    RUN,
    STATE,
    TIMING,
    UNIT,
    Service,
    gone,
    living,
)

HANGS = {"frozen": signal.SIGSTOP, "blocked": BLOCKING}
IGNORES_TERM = (
    "exec >/dev/null 2>&1; trap '' TERM INT HUP; echo $$ >{procs}; while :; do sleep 1; done"
)


async def ended_well(service: Service) -> None:
    assert await service.show("Result") == "success"
    assert await service.show("ActiveState") == "inactive"
    assert service.processes() == []
    assert service.sim.record.violations == []


async def test_start_returns_when_it_serves_and_status_says_how_it_goes(service: Service) -> None:
    await service.start()
    health = await service.ask("GET", "/health")
    empty = await service.until_shown("StatusText", "ACTIVE")
    await service.pair()

    assert health["ok"] is True
    assert empty.startswith("ACTIVE epoch 1 · 0 of 0 connected · lease ")
    assert await service.show("SubState") == "running"
    assert "1 of 1 connected" in await service.machine.must("systemctl", "status", UNIT)


async def test_stop_drains_and_the_next_start_needs_no_scan(service: Service) -> None:
    await service.pair()
    device = service.device
    assert device is not None
    await service.stop()
    online_after_stop = service.sim.online(device)
    ended = await service.logged("worker_ended")
    await ended_well(service)
    await service.start()
    await service.connected()

    assert not online_after_stop
    assert ended["status"] == "exit code 0 (stopped)"
    assert service.sim.record.connections[-2].close_reason == "closed by the client"
    assert service.sim.record.violations == []


async def test_killed_supervisor_takes_all_along_and_comes_back_without_a_scan(
    service: Service,
) -> None:
    await service.pair()
    before, logins = service.processes(), service.logins()
    assert len(before) == 3  # supervisor, zygote, worker
    await service.signal_main(signal.SIGKILL)
    await gone(*before, timeout_s=5.0)
    await service.sim.wait_for(lambda: service.logins() > logins, 20.0)
    await service.connected()

    assert await service.show("NRestarts") == "1"
    assert not set(before) & set(service.processes())
    assert service.sim.record.violations == []


@pytest.mark.parametrize("hang", ["frozen", "blocked"])
async def test_hung_supervisor_is_killed_before_the_leases_hard_stop(
    service: Service, hang: str
) -> None:
    await service.pair()
    before, logins = service.processes(), service.logins()
    await service.signal_main(HANGS[hang])
    await gone(*before, timeout_s=TIMING.hard_s - 1.1 * TIMING.renew_s)
    await service.sim.wait_for(lambda: service.logins() > logins, 20.0)
    await service.connected()
    told = [str(entry["MESSAGE"]) for entry in await service.journal()]

    assert any("Watchdog timeout" in line for line in told)
    assert any("Failed with result 'watchdog'" in line for line in told)
    assert any("Fatal Python error: Aborted" in line for line in told)  # and where it hung
    assert await service.show("NRestarts") == "1"
    assert service.sim.record.violations == []


async def test_worker_that_can_not_be_told_is_gone_after_stop(service: Service) -> None:
    await service.pair()
    worker = await service.worker_pid()
    os.kill(worker, signal.SIGSTOP)
    await service.stop()

    assert not living(worker)
    await ended_well(service)


async def test_stray_that_nobody_knows_is_gone_after_stop(service: Service) -> None:
    await service.start()
    stray = await stray_in(service)
    await service.stop()

    assert not living(stray)
    await ended_well(service)


async def test_stray_is_gone_before_a_killed_supervisor_is_started_again(service: Service) -> None:
    await service.start()
    stray = await stray_in(service)
    await service.signal_main(signal.SIGKILL)
    await service.until_shown("NRestarts", "1")

    assert not living(stray)


async def stray_in(service: Service) -> int:
    """Put a process that ignores signals into the unit's cgroup; return its pid on our side."""
    known = set(service.processes())
    script = IGNORES_TERM.format(procs=f"/{CGROUP}/cgroup.procs")
    await service.machine.must("setsid", "--fork", "sh", "-c", script)
    await until_true(lambda: bool(set(service.processes()) - known))
    return min(set(service.processes()) - known)


async def test_sigint_drains_as_sigterm_does(service: Service) -> None:
    await service.pair()
    before, logins = service.processes(), service.logins()
    await service.signal_main(signal.SIGINT)
    await gone(*before)
    asked = await service.logged("stop_requested")
    ended = await service.logged("worker_ended")
    await service.sim.wait_for(lambda: service.logins() > logins, 20.0)

    assert asked["signal"] == "SIGINT"
    assert ended["status"] == "exit code 0 (stopped)"
    assert (await service.logged("stopped"))["level"] == "info"


async def test_sighup_keeps_everything_running(service: Service) -> None:
    await service.pair()
    before = service.processes()
    await service.signal_main(signal.SIGHUP)
    await service.machine.must("journalctl", "--sync")
    await service.until_shown("ActiveState", "active")

    assert service.processes() == before
    assert service.logins() == 1


@pytest.mark.parametrize(
    ("setting", "said"),
    [("PORT=a-lot", "PORT is 'a-lot'"), (f"LEASE_HARD_S={TIMING.ttl_s}", "a challenger may act")],
)
async def test_wrong_setting_ends_it_for_good(service: Service, setting: str, said: str) -> None:
    await service.configure(f"Environment={setting}")
    start = await service.machine.run("systemctl", "start", UNIT)
    told = [entry for entry in await service.journal() if said in str(entry["MESSAGE"])]

    assert start.code == 1
    assert await service.show("ActiveState") == "failed"
    assert await service.show("ExecMainStatus") == "78"
    assert await service.show("NRestarts") == "0"
    assert [int(entry["PRIORITY"]) for entry in told] == [PRIORITIES["error"]]


async def test_it_is_a_user_of_its_own_and_makes_a_token_where_none_is_given(
    service: Service, known_secrets: KnownSecrets
) -> None:
    (service.machine.root / CREDENTIAL).unlink()
    await service.start()
    state = service.machine.root / STATE
    token = state / "admin-token"
    known_secrets.add(token.read_text().strip(), "the API's token")
    kept = [path.stat() for path in (state, *state.iterdir())]

    assert all(stat.st_uid != 0 for stat in kept)
    assert all(stat.st_mode & 0o077 == 0 for stat in kept)
    assert (service.machine.root / RUN).stat().st_mode & 0o777 == 0o700


async def test_lease_in_firestore_is_held_within_the_units_limits(service: Service) -> None:
    where = f"FIRESTORE_EMULATOR_HOST={emulator.shared().host}"
    project = f"GOOGLE_CLOUD_PROJECT=test-{secrets.token_hex(6)}"
    await service.configure(f"Environment=STORE=firestore {where} {project}")
    await service.pair()
    await service.stop()

    assert not list((service.machine.root / STATE).glob("*.lease.db"))
    await ended_well(service)
