"""The fleet with real stand-in processes: start, crash, hang, stop, and nobody else notices."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from shared import link_pb2 as pb
from shared.accounts import AccountStatus, InvalidAccountId
from supervisor.api.doors import WorkerUnavailable
from supervisor.events import QrChanged
from supervisor.fleet import should_run
from supervisor.store.records import AccountRecord
from supervisor.workers import WorkerHandle
from tests.supervisor.processes.house import (
    ACCOUNT,
    FAST,
    QUICK_RETRY,
    open_house,
    until,
    until_status,
    until_true,
)

Status = AccountStatus


async def test_worker_starts_and_its_state_is_shown_and_stored(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.started()
        view = house.fleet.view(ACCOUNT)
        assert view is not None
        assert view.status is Status.CONNECTED
        await house.fleet.drain()
        record = await house.store.accounts.get(ACCOUNT)

    assert record is not None
    assert record.status is Status.CONNECTED, "a drained account runs again at the next start"


async def test_crash_is_followed_by_a_restart(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.started()
        first = int(house.file("pid"))
        async with house.events.subscribe() as events:
            os.kill(first, signal.SIGKILL)
            lost = await until_status(events, Status.RECONNECTING)
            await until_status(events, Status.CONNECTED)

        assert lost.reason == "the worker crashed"
        assert int(house.file("pid")) != first


async def test_worker_that_crashes_in_a_loop_is_parked_and_others_never_notice(
    tmp_path: Path,
) -> None:
    policy = replace(QUICK_RETRY, max_crashes=2)
    async with open_house(tmp_path, "exit-1", policy=policy) as house:
        await house.account()
        async with house.events.subscribe() as events:
            await house.fleet.ensure(ACCOUNT)
            parked = await until_status(events, Status.DISCONNECTED)

        assert parked.retry_at_ms is not None
        assert house.fleet.view(ACCOUNT) is not None, "it is tried again after the cool-off"


async def test_ensure_starts_a_parked_account_at_once(tmp_path: Path) -> None:
    async with open_house(tmp_path, "exit-3") as house:  # a boot error parks at once
        await house.account()
        async with house.events.subscribe() as events:
            await house.fleet.ensure(ACCOUNT)
            await until_status(events, Status.DISCONNECTED)
            await house.fleet.ensure(ACCOUNT)
            await until_status(events, Status.CONNECTING)


@pytest.mark.parametrize("code", [20, 26])
async def test_logged_out_account_needs_a_qr_and_is_never_started_again(
    tmp_path: Path, code: int
) -> None:
    async with open_house(tmp_path, f"exit-{code}") as house:
        await house.account()
        await house.fleet.ensure(ACCOUNT)
        await until_true(lambda: house.fleet.view(ACCOUNT) is None)
        record = await house.store.accounts.get(ACCOUNT)
        assert record is not None
        assert (record.status, record.reason, record.code) == (Status.NEEDS_QR, "told to", 401)
        assert await house.fleet.start() == 0


async def test_bare_401_gets_one_more_try_and_then_needs_a_qr(tmp_path: Path) -> None:
    async with open_house(tmp_path, "exit-25") as house:
        await house.account()
        async with house.events.subscribe() as events:
            await house.fleet.ensure(ACCOUNT)
            await until_status(events, Status.RECONNECTING)
            await until_status(events, Status.NEEDS_QR)


async def test_worker_without_heartbeats_is_aborted_and_replaced(
    tmp_path: Path, log_lines: list[str]
) -> None:
    async with open_house(tmp_path, "silent") as house:
        await house.account()
        async with house.events.subscribe() as events:
            await house.fleet.ensure(ACCOUNT)
            await until_status(events, Status.RECONNECTING)
            await until_status(events, Status.CONNECTED)

    assert any("worker_hangs" in line for line in log_lines)
    assert any("killed by SIGABRT" in line for line in log_lines)


async def test_a_worker_that_beats_and_does_not_work_is_replaced(
    tmp_path: Path, log_lines: list[str]
) -> None:
    async with open_house(tmp_path, "stuck") as house:
        await house.account()
        async with house.events.subscribe() as events:
            await house.fleet.ensure(ACCOUNT)
            await until_status(events, Status.RECONNECTING)

    [line, *_] = [line for line in log_lines if "worker_hangs" in line]
    assert "waited 61 s for its ack" in line


async def test_worker_that_never_says_hello_is_replaced(tmp_path: Path) -> None:
    timing = replace(FAST, hello_timeout_s=0.3)
    async with open_house(tmp_path, "mute", timing=timing) as house:
        await house.account()
        async with house.events.subscribe() as events:
            await house.fleet.ensure(ACCOUNT)
            await until_status(events, Status.RECONNECTING)


async def test_stopped_worker_is_aborted_and_others_never_notice(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.started("account_test_1")
        await house.started("account_test_2")
        bystander = house.file("pid", "account_test_2")
        async with house.events.subscribe() as events:
            os.kill(int(house.file("pid", "account_test_1")), signal.SIGSTOP)
            await until_status(events, Status.RECONNECTING, "account_test_1")
            await until_status(events, Status.CONNECTED, "account_test_1")

        assert house.file("pid", "account_test_2") == bystander
        view = house.fleet.view("account_test_2")
        assert view is not None
        assert view.status is Status.CONNECTED


async def test_stop_by_a_person_stays_across_a_restart(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.started()
        await house.fleet.stop(ACCOUNT, reason="user_disconnect")
        record = await house.store.accounts.get(ACCOUNT)
        assert record is not None
        assert (record.status, record.reason) == (Status.DISCONNECTED, "user_disconnect")
        assert house.fleet.view(ACCOUNT) is None
        assert await house.fleet.start() == 0


async def test_ensure_twice_starts_one_worker(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.started()
        first = house.file("pid")
        await asyncio.gather(*(house.fleet.ensure(ACCOUNT) for _ in range(5)))

        assert house.file("pid") == first


async def test_ensure_right_after_stop_starts_a_new_worker(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.started()
        first = house.file("pid")
        async with house.events.subscribe() as events:
            await asyncio.gather(
                house.fleet.stop(ACCOUNT, reason="user_disconnect"), house.fleet.ensure(ACCOUNT)
            )
            await until_status(events, Status.CONNECTED)

        assert house.file("pid") != first


async def test_stubborn_worker_is_stopped_within_the_bound(tmp_path: Path) -> None:
    timing = replace(FAST, stop_grace_s=0.2)
    async with open_house(tmp_path, "stubborn", timing=timing) as house:
        await house.started()
        async with asyncio.timeout(8):
            await house.fleet.stop(ACCOUNT, reason="user_disconnect")


async def test_qr_is_shown_and_taken_back_when_the_worker_goes(tmp_path: Path) -> None:
    async with open_house(tmp_path, "qr") as house:
        await house.account()
        async with house.events.subscribe() as events:
            await house.fleet.ensure(ACCOUNT)
            await until(events, lambda event: event == QrChanged(ACCOUNT, 9))
            view = house.fleet.view(ACCOUNT)
            assert view is not None
            assert (view.status, view.qr_payload) == (Status.QR_READY, "2@stand-in")
            os.kill(int(house.file("pid")), signal.SIGKILL)
            await until(events, lambda event: event == QrChanged(ACCOUNT, None))


async def test_pairing_is_kept_in_the_store(tmp_path: Path) -> None:
    async with open_house(tmp_path, "pair") as house:
        await house.started()
        await house.fleet.drain()
        record = await house.store.accounts.get(ACCOUNT)

    assert record is not None
    assert (record.jid, record.session_id) == ("40700000001:3@s.whatsapp.net", "s1")


async def test_send_gives_the_workers_result(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.started()
        send = pb.Send(request_id="r1", message_id="M1", to="x@s.whatsapp.net", text="hello")
        result = await house.fleet.send(ACCOUNT, send, 5)

    assert (result.outcome, result.message_id) == (pb.SendResult.SENT, "M1")


async def test_send_without_an_answer_is_unavailable_in_time(tmp_path: Path) -> None:
    async with open_house(tmp_path, "deaf") as house:
        await house.started()
        with pytest.raises(WorkerUnavailable, match=r"no result within 0\.2 s"):
            await house.fleet.send(ACCOUNT, pb.Send(request_id="r1"), 0.2)


async def test_send_fails_at_once_when_the_worker_dies(tmp_path: Path) -> None:
    async with open_house(tmp_path, "deaf") as house:
        await house.started()
        sending = asyncio.create_task(house.fleet.send(ACCOUNT, pb.Send(request_id="r1"), 60))
        await asyncio.sleep(0)
        os.kill(int(house.file("pid")), signal.SIGKILL)
        with pytest.raises(WorkerUnavailable):
            async with asyncio.timeout(10):
                await sending


async def test_send_fails_at_once_when_the_worker_hangs_up(tmp_path: Path) -> None:
    patient = replace(FAST, heartbeat_interval_s=30.0)  # so that it is not the watch that helps
    async with open_house(tmp_path, "hang-up", timing=patient) as house:
        await house.started()
        with pytest.raises(WorkerUnavailable, match="went away"):
            async with asyncio.timeout(10):
                await house.fleet.send(ACCOUNT, pb.Send(request_id="r1"), 60)


async def test_late_words_of_a_former_worker_are_dropped(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.started()
        former = WorkerHandle(ACCOUNT, house.household.launch)
        house.fleet.on_state(former, pb.State(state=pb.RECONNECTING))
        house.fleet.on_qr(former, pb.Qr(payload="2@old"))
        view = house.fleet.view(ACCOUNT)

    assert view is not None
    assert (view.status, view.qr_payload) == (Status.CONNECTED, None)


async def test_send_for_an_account_without_worker_is_unavailable(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        with pytest.raises(WorkerUnavailable, match="no running worker"):
            await house.fleet.send(ACCOUNT, pb.Send(request_id="r1"), 5)


async def test_account_id_can_not_lead_out_of_the_sessions_folder(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        with pytest.raises(InvalidAccountId):
            await house.fleet.ensure("../../etc")


async def test_deleted_account_is_not_started(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.account(status=Status.DELETING)
        await house.fleet.ensure(ACCOUNT)
        await until_true(lambda: house.fleet.view(ACCOUNT) is None)
        with pytest.raises(FileNotFoundError):
            house.file("pid")


async def test_draining_fleet_starts_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.started()
        pid = int(house.file("pid"))
        await house.fleet.drain()

        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(WorkerUnavailable, match="stopping"):
            await house.fleet.ensure(ACCOUNT)


@pytest.mark.parametrize(
    ("status", "reason", "runs"),
    [
        *((status, None, True) for status in (
            Status.CONNECTING, Status.CONNECTED, Status.RECONNECTING, Status.QR_READY,
            Status.AWAITING_SCAN, Status.PAIRING, Status.PASSIVE,
        )),
        *((status, None, False) for status in (
            Status.NEEDS_QR, Status.LOGGED_OUT, Status.DELETING, Status.DELETED,
        )),
        (Status.DISCONNECTED, "user_disconnect", False),
        (Status.DISCONNECTED, "admin_disconnect", False),
        (Status.DISCONNECTED, "the worker ended too often", True),
    ],
)  # fmt: skip
def test_which_accounts_run_by_themselves(status: Status, reason: str | None, runs: bool) -> None:
    record = AccountRecord("a", "", None, status, 1, 1, reason=reason)

    assert should_run(record) is runs
