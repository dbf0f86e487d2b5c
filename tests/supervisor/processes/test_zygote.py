"""Workers from a zygote: whose children they are, and what happens when the zygote is not well."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.errors import LinkError
from shared.exit_codes import ExitCode
from shared.spawn import MAX_WORKER_NAME_BYTES, receive_request, request_birth
from supervisor import zygote as zygotes
from supervisor.processes import ChildProcess, ExitStatus, SpawnError, held
from supervisor.workers import WorkerHandle
from supervisor.zygote import Zygote
from tests.supervisor.processes.house import PATIENCE_S, until_true
from tests.supervisor.processes.real import RealHouse, account_id, real_house

NAME = "account_test_1"
ENDED_WITHOUT_ORDER = ExitStatus(code=ExitCode.BOOT_ERROR)


@pytest.fixture
async def zygote() -> AsyncIterator[Zygote]:
    async with Zygote.running() as zygote:
        yield zygote


@pytest.fixture
async def newborn(zygote: Zygote) -> AsyncIterator[ChildProcess]:
    child = await zygote.spawn(NAME)
    yield child
    child.begin(b"")
    await child.wait(PATIENCE_S)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[RealHouse]:
    async with real_house(tmp_path) as house:
        yield house


def status_of(pid: int, field: str) -> str:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return line.partition(":")[2].strip()
    raise AssertionError(field)


def children() -> set[int]:
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found


def zygote_process(zygote: Zygote) -> ChildProcess:
    assert zygote._current is not None
    return zygote._current.process


# -------------------------------------------------------------------------------- what it is


async def test_worker_is_our_own_child_in_a_session_of_its_own(newborn: ChildProcess) -> None:
    assert int(status_of(newborn.pid, "PPid")) == os.getpid()
    assert os.getsid(newborn.pid) == os.getpgid(newborn.pid) == newborn.pid


async def test_worker_and_zygote_have_one_thread_each(
    newborn: ChildProcess, zygote: Zygote
) -> None:
    threads = [status_of(pid or 0, "Threads") for pid in (newborn.pid, zygote.pid)]

    assert threads == ["1", "1"]


async def test_worker_has_nothing_open_but_its_order(newborn: ChildProcess, zygote: Zygote) -> None:
    await until_true(lambda: name_of(newborn.pid) == NAME)
    opened = open_files(newborn.pid)

    orders = [target for name, target in opened.items() if name not in ("0", "1", "2")]
    assert len(orders) == 1
    assert orders[0].startswith("pipe:")
    assert opened["0"] == "/dev/null"


async def test_zygote_keeps_nothing_open_of_a_birth(newborn: ChildProcess, zygote: Zygote) -> None:
    assert len(open_files(zygote.pid or 0)) == 4  # the standard ones, and the socket


def open_files(pid: int | str) -> dict[str, str]:
    """Return where the descriptors of a process lead."""
    return {fd.name: str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()}


async def test_worker_carries_the_end_of_its_account_as_name(newborn: ChildProcess) -> None:
    await until_true(lambda: name_of(newborn.pid) == NAME)


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


async def test_zygote_knows_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_TOKEN", "secret")
    async with Zygote.running() as zygote:
        assert b"ADMIN_TOKEN" not in environment(zygote.pid)


def environment(pid: int | None) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_worker_without_an_order_ends(zygote: Zygote) -> None:
    child = await zygote.spawn(NAME)
    child.begin(b"")

    assert await child.wait(PATIENCE_S) == ENDED_WITHOUT_ORDER
    assert child.pid not in held


async def test_signals_reach_a_forked_worker_and_tell_its_end(zygote: Zygote) -> None:
    child = await zygote.spawn(NAME)
    assert child.signal(signal.SIGKILL)

    assert await child.wait(PATIENCE_S) == ExitStatus(signal=signal.SIGKILL)
    child.begin(b"an order that nobody reads any more")


async def test_fifty_births_leave_no_descriptor_and_no_child(zygote: Zygote) -> None:
    await (await born_and_ended(zygote)).wait()
    before = (own_files(), children())
    await asyncio.gather(*(born_and_ended(zygote) for _ in range(50)))

    assert (own_files(), children()) == before


def own_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


async def born_and_ended(zygote: Zygote) -> ChildProcess:
    child = await zygote.spawn(NAME)
    child.begin(b"")
    await child.wait(PATIENCE_S)
    return child


def test_daemon_comes_to_its_zygote_without_grpc() -> None:
    """Whoever needs grpc imports it later, where the store is opened."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import sys, supervisor.daemon; print('grpc' in sys.modules)"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert done.stdout.strip() == "False"


# ---------------------------------------------------------------------------- when it is unwell


async def test_dead_zygote_is_replaced_and_its_workers_live_on(
    zygote: Zygote, newborn: ChildProcess, log_lines: list[str]
) -> None:
    former = zygote_process(zygote)
    former.signal(signal.SIGKILL)
    await until_true(lambda: zygote.pid not in (former.pid, None))

    assert await born_and_ended(zygote)
    assert not newborn.exited
    assert any("zygote_died" in line and "SIGKILL" in line for line in log_lines)


async def test_zygote_that_dies_while_it_is_asked_is_replaced(zygote: Zygote) -> None:
    await born_and_ended(zygote)
    former = zygote_process(zygote)
    former.signal(signal.SIGSTOP)
    asking = asyncio.create_task(born_and_ended(zygote))
    await until_true(zygote._turn.locked)
    former.signal(signal.SIGKILL)

    assert (await asking).status == ENDED_WITHOUT_ORDER
    assert zygote.pid != former.pid


async def test_zygote_that_hangs_is_replaced(
    zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    await born_and_ended(zygote)
    former = zygote_process(zygote)
    former.signal(signal.SIGSTOP)
    monkeypatch.setattr(zygotes, "END_TIMEOUT_S", 0.05)
    monkeypatch.setattr(zygotes, "BIRTH_TIMEOUT_S", 0.05)
    await born_and_ended(zygote)

    assert former.status == ExitStatus(signal=signal.SIGKILL)


async def test_zygotes_that_only_die_are_given_up(log_lines: list[str]) -> None:
    async with Zygote.running(("/bin/false",)) as zygote:
        with pytest.raises(SpawnError, match="3 zygotes failed"):
            await zygote.spawn(NAME)

    assert sum("zygote_useless" in line for line in log_lines) == 3


NO_ROOM = """
import errno, socket, sys
from shared.spawn import pack_birth, receive_request
channel = socket.socket(fileno=int(sys.argv[2]))
while receive_request(channel):
    channel.send(pack_birth(-errno.EAGAIN))
"""


async def test_refused_fork_is_a_spawn_error_with_its_reason() -> None:
    async with Zygote.running((sys.executable, "-P", "-c", NO_ROOM)) as zygote:
        before = zygote.pid
        with pytest.raises(SpawnError, match="Resource temporarily unavailable"):
            await zygote.spawn(NAME)

        assert zygote.pid == before


LIAR = NO_ROOM.replace("-errno.EAGAIN", "1")


async def test_pid_that_is_not_our_child_is_not_believed() -> None:
    async with Zygote.running((sys.executable, "-P", "-c", LIAR)) as zygote:
        with pytest.raises(SpawnError, match="not our child"):
            await zygote.spawn(NAME)


async def test_cancelled_birth_leaves_no_process(zygote: Zygote) -> None:
    await born_and_ended(zygote)
    before = children()
    process = zygote_process(zygote)
    process.signal(signal.SIGSTOP)
    asking = asyncio.create_task(zygote.spawn(NAME))
    await until_true(zygote._turn.locked)
    asking.cancel()
    process.signal(signal.SIGCONT)
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until_true(lambda: not zygote._turn.locked())

    await until_true(lambda: children() == before)


async def test_closing_ends_the_zygote_and_refuses_births() -> None:
    async with Zygote.running() as zygote:
        await born_and_ended(zygote)
        process = zygote_process(zygote)

    assert process.status == ExitStatus(code=0)
    with pytest.raises(SpawnError, match="stops"):
        await zygote.spawn(NAME)


# -------------------------------------------------------------------------------------- strays

LEAVES_A_CHILD = "setsid sh -c 'exit 7' & exit 0"


async def test_child_of_a_dead_worker_is_reaped_and_logged(
    zygote: Zygote, log_lines: list[str]
) -> None:
    before = children()
    worker = ChildProcess.spawn(("/bin/sh", "-c", LEAVES_A_CHILD), NAME, b"")
    await worker.wait(PATIENCE_S)
    await until_true(lambda: any("stray_reaped" in line and "7" in line for line in log_lines))

    assert children() == before


async def test_children_that_others_wait_for_are_left_to_them(zygote: Zygote) -> None:
    other = subprocess.Popen(("/bin/sh", "-c", "exit 7"))  # noqa: ASYNC220 -- it is the subject
    await asyncio.to_thread(os.waitid, os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    zygote.sweep()

    assert other.wait(PATIENCE_S) == 7


# ----------------------------------------------------------------------------------- what is said


@pytest.fixture
def channel() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("name", ["", "n" * (MAX_WORKER_NAME_BYTES + 1)])
def test_name_out_of_bounds_is_not_sent(
    channel: tuple[socket.socket, socket.socket], name: str
) -> None:
    with pytest.raises(LinkError, match="a worker's name"):
        request_birth(channel[0], name, 0)


@pytest.mark.parametrize("packet", [b"name without descriptor", b"n" * 1000])
def test_request_out_of_shape_is_refused(
    channel: tuple[socket.socket, socket.socket], packet: bytes
) -> None:
    channel[0].send(packet)
    with pytest.raises(LinkError, match="does not know"):
        receive_request(channel[1])


# ----------------------------------------------------------------------------------- real workers


async def test_forked_worker_pairs_and_stops_in_order(house: RealHouse) -> None:
    await house.pair(1)
    worker = house.worker(1)
    await house.stop(1)

    assert worker.exit_status == ExitStatus(code=ExitCode.STOPPED)


async def test_second_worker_of_an_account_finds_it_locked(house: RealHouse) -> None:
    await house.pair(1)
    launch = house.house.household.launch
    stray = WorkerHandle(account_id(1), launch)
    house.house.server.expect(stray)
    await stray.spawn()

    assert await stray.wait(PATIENCE_S) == ExitStatus(code=ExitCode.LOCKED)
    assert house.worker(1).linked


async def test_killed_supervisor_takes_zygote_and_workers_along(tmp_path: Path) -> None:
    """They are stopped here: no end of a pipe wakes them, only the kernel's signal ends them."""
    process, pids = await lone(tmp_path, "main")
    await until_true(lambda: name_of(pids[1]) == "lone")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    process.kill()
    await process.wait()

    await until_true(lambda: not any(map(runs, pids)), 1.0)


async def test_worker_asked_for_by_a_thread_outlives_the_thread(tmp_path: Path) -> None:
    process, (_, worker) = await lone(tmp_path, "thread")
    try:
        assert runs(worker)
    finally:
        process.kill()
        await process.wait()


async def lone(tmp_path: Path, how: str) -> tuple[asyncio.subprocess.Process, list[int]]:
    """Start a supervisor of its own; return it with the pids of its zygote and its worker."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "tests.supervisor.processes.lone_zygote", how,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        pids = [int(word) for word in (await process.stdout.readline()).split()]
    process._transport.close()  # type: ignore[attr-defined] # its pipe has other writers
    return process, pids


def runs(pid: int) -> bool:
    try:
        return status_of(pid, "State")[0] not in "ZX"
    except FileNotFoundError:
        return False
