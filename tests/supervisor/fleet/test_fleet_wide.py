"""What concerns more than one account: crashes, deletions that were interrupted, strays."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from shared.accounts import AccountStatus
from supervisor.events import AccountState
from supervisor.fleet import should_run
from supervisor.quarantine import SessionBusy
from supervisor.starts import MANY_CRASH, StartPolicy, Starts
from supervisor.store.contract import StatusConflict
from supervisor.store.records import AccountRecord
from tests.simulator import Simulator
from tests.supervisor.fleet.rig import open_site, paired, recorded, rested
from tests.supervisor.processes.house import (
    ACCOUNT,
    PATIENCE_S,
    QUICK_RETRY,
    House,
    open_house,
    until,
    until_status,
    until_true,
)

Status = AccountStatus
FLEET_SIZE = 20
MANY_S = 60.0


def number_of(account: int) -> str:
    return f"1555000{account:04d}"


def account_id(account: int) -> str:
    return f"account_test_{account}"


async def test_worker_that_crashes_in_a_loop_is_parked_and_the_others_never_notice(
    tmp_path: Path,
) -> None:
    policy = replace(QUICK_RETRY, max_crashes=3)
    async with open_site(tmp_path) as site, site.house(policy) as house:
        async with asyncio.timeout(MANY_S):
            for account in range(1, FLEET_SIZE + 1):
                await paired(site, house, account_id(account), number_of(account))
        before = others(site.sim)
        parked = await crash_until_parked(house)

        assert len(before) == FLEET_SIZE - 1
        assert others(site.sim) == before, "each still on its one connection"
        assert parked.retry_at_ms is not None
        assert parked.reason is not None
        assert "too often" in parked.reason
        connected = [view for view in house.fleet.views() if view.status is Status.CONNECTED]
        assert len(connected) == FLEET_SIZE - 1
    assert site.sim.record.broken() == []


async def crash_until_parked(house: House) -> AccountState:
    """Kill the first account's worker whenever there is one."""
    async with house.events.subscribe() as events:
        parked = asyncio.create_task(until_status(events, Status.DISCONNECTED, account_id(1)))
        while not parked.done():
            worker = house.fleet._keepers[account_id(1)].worker
            if worker is not None and worker.pid is not None and worker.exit_status is None:
                os.kill(worker.pid, signal.SIGKILL)
            await asyncio.sleep(0.01)
        return await parked


def others(sim: Simulator) -> list[tuple[int, str]]:
    """Return the open connections of all accounts but the first."""
    return [
        (log.number, log.device)
        for log in sim.record.connections
        if log.success_s is not None
        and log.closed_s is None
        and not log.device.startswith(number_of(1))
    ]


async def test_while_many_crash_one_tries_and_the_others_wait_and_say_why(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        breaker = StartPolicy(proof_s=60.0, pause_s=0.0)
        house.household = replace(house.household, starts=Starts(breaker))
        house.fleet._house = house.household
        names = [account_id(number) for number in range(1, 5)]
        for name in names:
            await house.started(name)
        async with house.events.subscribe() as events:
            for name in names:
                os.kill(int(house.file("pid", name)), signal.SIGKILL)
            waiting = await until(
                events, lambda event: getattr(event, "reason", None) == MANY_CRASH
            )
            for name in names:
                await until_true(lambda name=name: connected(house, name))  # type: ignore[misc]

        assert waiting.status is Status.CONNECTING
        assert house.fleet.condition().starts_held is None


def connected(house: House, name: str) -> bool:
    view = house.fleet.view(name)
    return view is not None and view.status is Status.CONNECTED


async def test_start_that_waits_for_its_turn_can_be_called_off(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.household = replace(house.household, starts=Starts(StartPolicy(pace_s=600.0)))
        house.fleet._house = house.household
        await house.started("account_test_1")
        await house.account("account_test_2")
        await house.fleet.ensure("account_test_2")
        async with asyncio.timeout(PATIENCE_S):
            await house.fleet.stop("account_test_2", reason="user_disconnect")
        record = await recorded(house, "account_test_2")

        assert (record.status, record.reason) == (Status.DISCONNECTED, "user_disconnect")
        with pytest.raises(FileNotFoundError):
            house.file("pid", "account_test_2")


async def test_interrupted_deletion_is_finished_at_the_next_start(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.started()
    async with open_house(tmp_path) as house:
        await house.store.accounts.set_status(ACCOUNT, Status.DELETING, at_ms=2)
        async with house.events.subscribe() as events:
            assert await house.fleet.start() == 0
            await until_status(events, Status.DELETED)

        assert not session_of(tmp_path).exists()


async def test_account_that_is_not_on_its_way_out_is_not_removed(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.started()
        await house.fleet.remove(ACCOUNT)

        assert connected(house, ACCOUNT)
        assert session_of(tmp_path).exists()


@pytest.mark.parametrize("status", [Status.DELETING, Status.DELETED])
async def test_account_on_its_way_out_is_not_paired_anew(tmp_path: Path, status: Status) -> None:
    async with open_house(tmp_path) as house:
        await house.account(status=status)
        with pytest.raises(StatusConflict):
            await house.fleet.pair_anew(ACCOUNT)
        with pytest.raises(StatusConflict):
            await house.fleet.set_aside(ACCOUNT, reason="reset")
        await house.fleet.ensure(ACCOUNT)
        await rested(house)

        assert (await recorded(house)).status is status


async def test_session_that_somebody_still_uses_keeps_the_account_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> None:
        raise SessionBusy("a process still uses the session")

    async with open_house(tmp_path) as house:
        await house.account(status=Status.NEEDS_QR)
        with monkeypatch.context() as patched:
            patched.setattr("supervisor.quarantine.Quarantine.set_aside", busy)
            with pytest.raises(SessionBusy):
                await house.fleet.pair_anew(ACCOUNT)
        assert house.fleet.view(ACCOUNT) is None
        assert (await recorded(house)).status is Status.NEEDS_QR


async def test_sessions_without_an_account_are_reported_and_not_started(
    tmp_path: Path, log_lines: list[str]
) -> None:
    stray = session_of(tmp_path, "account_test_stray")
    stray.mkdir(parents=True)
    (stray / "session.db").touch()
    async with open_house(tmp_path) as house:
        await house.account(status=Status.NEEDS_QR)
        assert await house.fleet.start() == 0
        condition = house.fleet.condition()

    assert condition.sessions_without_account == 1
    assert any("account_test_stray" in line for line in log_lines)
    assert (stray / "session.db").exists()


def session_of(state: Path, name: str = ACCOUNT) -> Path:
    return state / "sessions" / name


def test_account_whose_keys_another_client_uses_does_not_start_by_itself() -> None:
    replaced = AccountRecord("a", "", None, Status.DISCONNECTED, 1, 1, reason="taken", code=440)

    assert not should_run(replaced)
    assert should_run(replace(replaced, code=405))
