"""The whole daemon: it starts in order, refuses with a reason, and leaves nothing behind."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.errors import ConfigError
from supervisor import daemon
from supervisor.premises import AlreadyRunning, published_address
from tests.supervisor.daemon.harness import TOKEN, Served, served, settings_in, short_directory
from tests.supervisor.processes.house import PATIENCE_S, standin, until_true

PHONE = "+40700000001"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as running:
        yield running


async def starts(tmp_path: Path, run: Path, **changes: object) -> None:
    """Start a daemon that is expected not to."""
    settings = settings_in(tmp_path, run, **changes)
    told: list[daemon.Address] = []
    async with asyncio.timeout(PATIENCE_S):
        await daemon.serve(
            settings, asyncio.Event(), told.append, worker_command=standin("connect")
        )


async def test_account_connects_and_a_message_is_sent(running: Served) -> None:
    await running.ask("POST", "/api/whatsapp/add-account", phone=PHONE, name="Test")
    account = await running.account_with("connected")
    status, sent = await running.ask(
        "POST", "/api/whatsapp/send-message",
        accountId=account["id"], to="40700000002", message="hello",
    )  # fmt: skip

    assert (status, sent["status"]) == (200, "sent")


async def test_a_message_that_can_not_be_sent_is_given_up_after_its_life(tmp_path: Path) -> None:
    async with served(tmp_path, "qr", outbox_life_s=0.1) as running:
        await running.ask("POST", "/api/whatsapp/add-account", phone=PHONE)
        account = await running.account_with("qr_ready")
        what = {"accountId": account["id"], "to": "40700000002", "message": "hello"}
        await running.ask("POST", "/api/whatsapp/send-message", **what, clientMessageId="c1")
        async with asyncio.timeout(PATIENCE_S):
            error = ""
            while not error:
                path = f"/api/whatsapp/messages/{account['id']}/{account['id']}__40700000002"
                _, found = await running.ask("GET", f"{path}@s.whatsapp.net")
                [message] = found["messages"]
                error = message["status"] if message["status"] != "queued" else ""
                await asyncio.sleep(0.02)

    assert error == "failed"


async def test_it_announces_where_it_is(running: Served) -> None:
    assert running.address.dashboard == f"{running.url}/dashboard/"
    assert published_address(running.settings.run_path) == running.url


async def test_stop_ends_workers_and_withdraws_the_address(tmp_path: Path) -> None:
    with short_directory() as run:
        await _stops_clean(tmp_path, run)
        left = sorted(path.name for path in run.iterdir())

    assert left == []


async def _stops_clean(tmp_path: Path, run: Path) -> None:
    async with served(tmp_path, run_path=run) as running:
        await running.ask("POST", "/api/whatsapp/add-account", phone=PHONE)
        account = await running.account_with("connected")
        pid = int((tmp_path / "sessions" / account["id"] / "pid").read_text())
        settings = running.settings
        os.kill(pid, 0)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert published_address(settings.run_path) is None


async def test_accounts_run_again_after_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        await running.ask("POST", "/api/whatsapp/add-account", phone=PHONE)
        await running.account_with("connected")
    async with served(tmp_path) as running:
        await running.account_with("connected")


async def test_logged_out_account_stays_off_after_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path, "exit-20") as running:
        await running.ask("POST", "/api/whatsapp/add-account", phone=PHONE)
        account = await running.account_with("needs_qr")
        (tmp_path / "sessions" / account["id"] / "pid").unlink(missing_ok=True)
    async with served(tmp_path) as running:
        await running.account_with("needs_qr")

    assert not (tmp_path / "sessions" / account["id"] / "pid").exists()


async def test_busy_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, short_directory() as run:
        port = other.getsockname()[1]
        with pytest.raises(daemon.PortBusy, match=f"port {port} .*in use"):
            await starts(tmp_path, run, port=port)


async def test_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    with short_directory() as run, pytest.raises(ConfigError, match="set HOST"):
        await starts(tmp_path, run, host="203.0.113.1")


async def test_firestore_without_its_key_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "no-key.json"
    with short_directory() as run, pytest.raises(ConfigError, match="GOOGLE_APPLICATION_CRED"):
        await starts(tmp_path, run, store="firestore", google_application_credentials=key)


async def test_lease_constants_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with short_directory() as run, pytest.raises(ConfigError, match="a challenger may act"):
        await starts(tmp_path, run, lease_hard_s=44)


async def test_sessions_path_that_can_not_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with short_directory() as run, pytest.raises(ConfigError, match="SESSIONS_PATH") as refused:
        await starts(tmp_path, run, sessions_path=tmp_path / "file" / "sessions")

    assert "Not a directory" in refused.value.message
    assert f"uid {os.geteuid()}" in refused.value.hint


async def test_sessions_path_that_can_not_be_written_is_explained(tmp_path: Path) -> None:
    with short_directory() as run, pytest.raises(ConfigError, match="can't be written"):
        await starts(tmp_path, run, sessions_path=Path("/proc/self"))


async def test_second_daemon_on_one_directory_names_the_first(running: Served) -> None:
    state = running.settings.wakeeper_state
    with short_directory() as run, pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        await starts(state, run)


async def test_failed_start_leaves_nothing_locked(tmp_path: Path) -> None:
    with short_directory() as run, pytest.raises(ConfigError):
        await starts(tmp_path, run, host="203.0.113.1")
    async with served(tmp_path) as running:
        status, _ = await running.ask("GET", "/health")

    assert status == 200


async def test_systemd_hears_ready_status_and_stopping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with short_directory() as place, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(place / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(place / "notify"))
        systemd.settimeout(PATIENCE_S)
        heard: list[str] = []
        async with served(tmp_path):
            while not any("ACTIVE epoch" in line for line in heard):
                heard.append(await asyncio.to_thread(lambda: systemd.recv(4096).decode()))
        while "STOPPING=1" not in heard[-1]:
            heard.append(systemd.recv(4096).decode())

    assert heard[0] == "READY=1\nSTATUS=PASSIVE · just started"
    assert "STATUS=ACTIVE epoch 1 · 0 of 0 connected · lease 36 s" in heard
    assert heard[-1] == "STOPPING=1\nSTATUS=stopping"


async def test_bad_start_is_told_on_stderr_with_the_exit_code_for_configuration(
    tmp_path: Path,
) -> None:
    process = await wakeeper(tmp_path, "run", PORT="a lot")
    out, err = await process.communicate()

    assert (process.returncode, out) == (78, b"")
    assert b"PORT is 'a lot'" in err
    assert b"Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_drains_the_real_program(tmp_path: Path, number: signal.Signals) -> None:
    with short_directory() as run:
        process = await wakeeper(tmp_path, "run", RUN_PATH=str(run))
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            first, second = await process.stdout.readline(), await process.stdout.readline()
        process.send_signal(number)
        _, err = await process.communicate()

    assert first.startswith(b"Dashboard:   http://127.0.0.1:")
    assert second == b"Admin token: %b\n" % str(tmp_path / "admin-token").encode()
    assert process.returncode == 0
    assert b'"event":"stopped"' in err
    assert (tmp_path / "admin-token").read_bytes().strip() not in err


async def test_killed_program_takes_its_workers_along(tmp_path: Path) -> None:
    with short_directory() as run:
        process = await wakeeper(tmp_path, "run", RUN_PATH=str(run), ADMIN_TOKEN=TOKEN)
        assert process.stdout is not None
        await process.stdout.readline()
        adding = await wakeeper(
            tmp_path, "accounts", "add", PHONE, RUN_PATH=str(run), ADMIN_TOKEN=TOKEN
        )
        assert await adding.wait() == 0
        await until_true(lambda: len(children_of(process.pid)) == 2)
        zygote_and_worker = children_of(process.pid)
        process.kill()
        await process.communicate()
        await until_true(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in zygote_and_worker)
        )


async def test_nothing_brings_grpc_before_the_zygote_has_started() -> None:
    look = "import sys, supervisor.cli, supervisor.daemon; sys.exit('grpc' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-P", "-c", look)

    assert await process.wait() == 0


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


async def wakeeper(state: Path, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
    """Start the program as a user does, away from WhatsApp."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "supervisor", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={
            "PATH": os.environ["PATH"], "WAKEEPER_STATE": str(state), "PORT": "0",
            "WHATSAPP_WS_URL": "ws://127.0.0.1:9/", **environment,
        },
    )  # fmt: skip
