"""One worker process: its birth, its environment, its ends."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.exit_codes import ExitCode
from shared.spawn import SpawnOrder
from supervisor.processes import ChildProcess, ExitStatus, SpawnError, scrubbed_environment
from supervisor.workers import WorkerHandle, WorkerState
from tests.supervisor.processes.house import (
    ACCOUNT,
    PATIENCE_S,
    House,
    open_house,
    standin,
    until_true,
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def started(house: House, behaviour: str) -> WorkerHandle:
    launch = house.household.launch
    worker = WorkerHandle(
        ACCOUNT, type(launch)(settings=launch.settings, command=standin(behaviour))
    )
    house.server.expect(worker)
    await worker.spawn()
    return worker


async def linked(worker: WorkerHandle) -> WorkerHandle:
    await until_true(lambda: worker.linked or worker.exit_status is not None)
    assert worker.linked
    return worker


def command_line(pid: int | None) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def children() -> set[str]:
    """Return the pids of this process's children, zombies too; other suites may have some."""
    tasks = Path("/proc/self/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text().split()}


async def child(*command: str) -> ExitStatus:
    process = ChildProcess.spawn(command, "name", b"order")
    return await process.wait(PATIENCE_S)


async def test_worker_says_hello_and_is_linked(house: House) -> None:
    worker = await linked(await started(house, "connect"))

    before = worker.state
    status = await worker.terminate(PATIENCE_S)

    assert (before, worker.state) == (WorkerState.LINKED, WorkerState.EXITED)
    assert status == ExitStatus(code=ExitCode.STOPPED)


async def test_worker_knows_nothing_of_our_environment(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ADMIN_TOKEN", "NOTIFY_SOCKET", "GOOGLE_APPLICATION_CREDENTIALS", "SSH_KEY"):
        monkeypatch.setenv(name, "secret")
    worker = await linked(await started(house, "connect"))

    assert set(house.file("environment").split()) <= {
        "PATH", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "JOURNAL_STREAM", "LC_CTYPE",
    }  # fmt: skip
    await worker.terminate(PATIENCE_S)


def test_scrubbed_environment_keeps_what_tls_and_clocks_need() -> None:
    kept = {"PATH": "/bin", "TZ": "UTC", "SSL_CERT_FILE": "/ca"}

    assert scrubbed_environment(kept | {"ADMIN_TOKEN": "x"}) == kept


async def test_worker_inherits_no_descriptor_of_ours(house: House) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)  # as a careless library would
    try:
        worker = await linked(await started(house, "connect"))
    finally:
        os.close(reader)
        os.close(writer)

    assert house.file("open-files").split() == ["0", "1", "2", "3"]  # 3 is its own look at /proc
    await worker.terminate(PATIENCE_S)


async def test_secrets_are_not_in_the_command_line(house: House) -> None:
    worker = await linked(await started(house, "connect"))
    line = command_line(worker.pid)

    assert line[-2] == ACCOUNT.encode()
    assert line[-1].isdigit()
    await worker.terminate(PATIENCE_S)


@pytest.mark.parametrize(("behaviour", "bound_s"), [("stubborn", 6.0), ("mute", 6.0)])
async def test_worker_that_does_not_stop_is_killed_within_the_bound(
    house: House, behaviour: str, bound_s: float
) -> None:
    worker = await started(house, behaviour)
    if behaviour == "stubborn":
        await linked(worker)
    else:
        await until_true(lambda: _wrote_pid(house))
    begin = asyncio.get_running_loop().time()
    status = await worker.terminate(0.3)

    wanted = signal.SIGKILL if behaviour == "stubborn" else signal.SIGTERM
    assert status == ExitStatus(signal=wanted)
    assert asyncio.get_running_loop().time() - begin < bound_s


def _wrote_pid(house: House) -> bool:
    try:
        return bool(house.file("pid"))
    except OSError:
        return False


async def test_terminating_twice_at_once_gives_one_status(house: House) -> None:
    worker = await linked(await started(house, "connect"))
    first, second = await asyncio.gather(worker.terminate(5), worker.terminate(5))

    assert first == second == ExitStatus(code=0)


async def test_hanging_worker_is_aborted(house: House) -> None:
    worker = await linked(await started(house, "connect"))

    assert await worker.abort() == ExitStatus(signal=signal.SIGABRT)


async def test_exit_codes_and_signals_are_told_apart() -> None:
    assert await child("/bin/sh", "-c", "exit 20") == ExitStatus(code=20)
    assert await child("/bin/sh", "-c", "kill -11 $$") == ExitStatus(signal=11)


async def test_exit_status_reads_as_a_sentence() -> None:
    assert str(ExitStatus(code=20)) == "exit code 20 (logged_out)"
    assert str(ExitStatus(code=1)) == "exit code 1"
    assert str(ExitStatus(signal=9)) == "killed by SIGKILL"
    assert str(ExitStatus()) == "not started"


async def test_missing_program_is_a_spawn_error() -> None:
    with pytest.raises(SpawnError, match="no process could be started"):
        ChildProcess.spawn(["/nonexistent/program"], "name", b"")


async def test_signal_after_the_end_reaches_nobody() -> None:
    process = ChildProcess.spawn(["/bin/true"], "name", b"")
    await process.wait(PATIENCE_S)

    assert not process.signal(signal.SIGKILL)


async def test_spawning_outside_the_main_thread_is_refused() -> None:
    refused: list[BaseException] = []

    def spawn() -> None:
        try:
            ChildProcess.spawn(["/bin/true"], "name", b"")
        except RuntimeError as error:
            refused.append(error)

    thread = threading.Thread(target=spawn)
    thread.start()
    thread.join()
    assert len(refused) == 1


async def test_fifty_lives_leave_no_descriptor_and_no_zombie() -> None:
    await child("/bin/true")
    before, others = open_files(), children()
    for _ in range(5):
        await asyncio.gather(*(child("/bin/true") for _ in range(10)))

    assert open_files() == before
    assert children() == others


async def test_order_travels_whole_and_hides_its_token(house: House) -> None:
    settings = house.household.launch.settings
    order = SpawnOrder("a", "/d", "/l", "ab" * 32, 7, settings)

    assert SpawnOrder.decode(order.encode()) == order
    assert "abab" not in repr(order)


async def test_worker_dies_with_a_killed_supervisor(tmp_path: Path) -> None:
    """The stand-in's parent is a process of its own here, so that it can be killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "tests.supervisor.processes.lone_supervisor", str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        worker_pid = int(await process.stdout.readline())
    pidfd = os.pidfd_open(worker_pid)
    process.kill()
    await process.wait()
    try:
        await until_true(lambda: not _alive(pidfd))
    finally:
        os.close(pidfd)


def _alive(pidfd: int) -> bool:
    try:
        signal.pidfd_send_signal(pidfd, 0)
    except ProcessLookupError:
        return False
    return True
