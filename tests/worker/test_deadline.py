"""Each guard against a worker that outlives its right to act, alone; and all in a real worker."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared import link_pb2 as pb
from shared.clock import SystemClock
from shared.deadline import LeaseExpired
from shared.exit_codes import ExitCode
from shared.link import VERSION, SupervisorLink, supervisor_end
from shared.spawn import SpawnOrder
from supervisor.processes import WORKER_PROGRAM, ChildProcess, ExitStatus
from tests.simulator import Simulator
from tests.supervisor.daemon.harness import short_directory
from tests.worker.whatsapp.rig import Listener, new_session, settings_for
from worker.deadline import KILL_AFTER_NS, DeadlineThread
from worker.link_watch import ORDERLY_END_S, LinkWatch
from worker.whatsapp.account import Account
from worker.whatsapp.socket import SEND_BUFFER_BYTES
from worker.whatsapp.stream import Stream, Surroundings
from worker.wire import Node

GUARDED = Path(__file__).with_name("guarded.py")
PATIENCE_S = 20.0
SOON_NS = 300_000_000
NS = 1_000_000_000


class HeldClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_ns = 1_000

    def boot_ns(self) -> int:
        return self.now_ns

    def wall_s(self) -> float:
        return 0.0


def thread_waited(*waits: int) -> tuple[list[int], HeldClock]:
    """Run a deadline thread whose waits move the clock; return until when it slept."""
    clock, slept = HeldClock(), list[int]()
    deadline = DeadlineThread(clock, on_expiry=lambda: slept.append(-1), wait=lambda _: None)
    steps = iter(waits)

    def wait(until_ns: int) -> None:
        slept.append(until_ns)
        with contextlib.suppress(StopIteration):
            deadline.move(next(steps))
            return
        clock.now_ns = until_ns

    deadline._wait = wait
    deadline.move(2_000)
    assert deadline._thread is not None
    deadline._thread.join(PATIENCE_S)
    return slept, clock


def test_thread_sleeps_on_when_the_deadline_was_moved_and_ends_once() -> None:
    slept, clock = thread_waited(3_000, 5_000)

    assert slept == [2_000, 3_000, 5_000, -1]
    assert clock.now_ns == 5_000


def test_thread_that_woke_early_sleeps_again() -> None:
    slept, _ = thread_waited(0)  # no new deadline, and the clock has not come that far

    assert slept == [2_000, 2_000, -1]


def test_nothing_is_refused_before_the_first_deadline() -> None:
    deadline = DeadlineThread(HeldClock())
    deadline.move(0)

    deadline.check("send")
    assert deadline._thread is None


def test_acts_are_refused_from_the_deadline_on_and_no_renewal_brings_them_back() -> None:
    clock = HeldClock()
    deadline = DeadlineThread(clock, on_expiry=lambda: None, wait=lambda _: time.sleep(0.01))
    deadline.move(2_000)
    deadline.check("send")
    clock.now_ns = 2_000

    with pytest.raises(LeaseExpired, match="send: the lease expired"):
        deadline.check("send")
    with pytest.raises(LeaseExpired):
        deadline.move(3_000)


# ------------------------------------------------------------------------- each guard, alone


@contextlib.asynccontextmanager
async def guarded(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Give a blocked process with its guard up, and the pid of the one that said so."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", str(GUARDED), *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield process, int(await process.stdout.readline())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process._transport.close()  # type: ignore[attr-defined] # its pipe has other writers
        await process.wait()


async def lived_s(process: asyncio.subprocess.Process) -> float:
    begin_s = time.monotonic()
    await process.wait()
    return time.monotonic() - begin_s


async def test_thread_alone_ends_a_blocked_process_at_the_deadline() -> None:
    async with guarded("thread", str(SOON_NS)) as (process, _):
        assert await lived_s(process) < 2.0

    assert process.returncode == ExitCode.LEASE_EXPIRED


async def test_kernel_timer_alone_kills_even_a_stopped_process() -> None:
    async with guarded("timer", str(SOON_NS)) as (process, _):
        assert await lived_s(process) < 2.0

    assert process.returncode == -signal.SIGKILL


async def test_end_of_the_link_alone_ends_a_blocked_process(tmp_path: Path) -> None:
    accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    with short_directory() as folder:
        server = await asyncio.start_unix_server(
            lambda _, writer: accepted.put_nowait(writer), folder / "link"
        )
        async with guarded("link", str(folder / "link")) as (process, _), server:
            (await accepted.get()).close()
            assert ORDERLY_END_S - 0.1 < await lived_s(process) < ORDERLY_END_S + 2.0

    assert process.returncode == 1


@pytest.mark.parametrize(("guard", "survives"), [("parent", False), ("none", True)])
async def test_parent_death_signal_alone_kills_a_blocked_process(
    guard: str, survives: bool
) -> None:
    async with guarded("foster", guard) as (parent, pid):
        pidfd = os.pidfd_open(pid)
        parent.kill()
        try:
            assert await gone(pidfd, 0.5 if survives else 2.0) is not survives
        finally:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)


async def gone(pidfd: int, timeout_s: float) -> bool:
    """Wait until a process that is not our child has ended; tell whether it did."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(pidfd, ended.set)
    try:
        async with asyncio.timeout(timeout_s):
            await ended.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(pidfd)
    return True


def test_link_watch_that_is_left_ends_nothing() -> None:
    reader, writer = os.pipe()
    ended: list[bool] = []
    with LinkWatch(reader, on_end=lambda: ended.append(True), orderly_end_s=0) as watch:
        pass
    os.close(writer)
    os.close(reader)

    assert not watch._thread.is_alive()
    assert not ended


# ------------------------------------------------------------------------------ a real worker


@dataclass
class Told:
    """A real worker, and the supervisor's end of its link."""

    process: ChildProcess
    link: SupervisorLink


@contextlib.asynccontextmanager
async def real_worker(tmp_path: Path, deadline_ns: int) -> AsyncIterator[Told]:
    """Give a real worker whose deadline is `deadline_ns` from its welcome on."""
    arrived: asyncio.Queue[SupervisorLink] = asyncio.Queue()
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(short_directory())
        sim = await stack.enter_async_context(Simulator())
        settings = settings_for(sim, folder, sessions_path=tmp_path, log_level="warning")
        server = await asyncio.start_unix_server(
            lambda reader, writer: arrived.put_nowait(supervisor_end(reader, writer)),
            settings.link_path,
        )
        await stack.enter_async_context(server)
        order = SpawnOrder(
            account_id="account_test_1", directory=str(tmp_path / "account_test_1"),
            link_path=str(settings.link_path), token="ab" * 32, supervisor_pid=os.getpid(),
            settings=settings,
        )  # fmt: skip
        process = ChildProcess.spawn(WORKER_PROGRAM, "worker", order.encode())
        link = await asyncio.wait_for(arrived.get(), PATIENCE_S)
        try:
            assert isinstance(await link.receive(), pb.Hello)
            due_ns = SystemClock().boot_ns() + deadline_ns
            welcome = pb.Welcome(version=VERSION, deadline_boot_ns=due_ns)
            await link.send(welcome, timeout_s=5)
            yield Told(process, link)
        finally:
            process.signal(signal.SIGKILL)
            await process.wait(PATIENCE_S)
            await link.close()


async def test_worker_leaves_at_its_deadline_whatever_the_supervisor_does(tmp_path: Path) -> None:
    async with real_worker(tmp_path, NS) as worker:  # a paused supervisor sends nothing either
        begin_s = time.monotonic()
        status = await worker.process.wait(PATIENCE_S)

    assert status == ExitStatus(code=ExitCode.LEASE_EXPIRED)
    assert 0.9 < time.monotonic() - begin_s < 1.4


async def test_worker_lives_on_when_its_deadline_is_moved(tmp_path: Path) -> None:
    async with real_worker(tmp_path, NS) as worker:
        begin_ns = SystemClock().boot_ns()
        await worker.link.send(pb.Deadline(deadline_boot_ns=begin_ns + 2 * NS), timeout_s=5)
        status = await worker.process.wait(PATIENCE_S)

    assert status == ExitStatus(code=ExitCode.LEASE_EXPIRED)
    assert SystemClock().boot_ns() - begin_ns >= 2 * NS


async def test_stopped_worker_is_killed_soon_after_its_deadline(tmp_path: Path) -> None:
    async with real_worker(tmp_path, NS) as worker:
        await worker.link.receive()  # its first news: the deadline is set by now
        begin_s = time.monotonic()
        worker.process.signal(signal.SIGSTOP)
        status = await worker.process.wait(PATIENCE_S)

    assert status == ExitStatus(signal=signal.SIGKILL)
    assert time.monotonic() - begin_s < 1 + KILL_AFTER_NS / NS + 0.5


async def test_not_one_byte_leaves_after_the_deadline(tmp_path: Path) -> None:
    refused: list[str] = []
    expired = False

    def may_act(act: str) -> None:
        if expired:
            refused.append(act)
            raise LeaseExpired(act)

    async with Simulator() as sim:
        with new_session(tmp_path / "session.db") as file:
            listener = Listener(file)
            around = Surroundings(
                file, settings_for(sim, tmp_path), SystemClock(), os.urandom, listener, may_act
            )
            account = listener.account = Account(around, wanted_phone="")
            running = asyncio.create_task(account.run())
            code = await listener.wait_for(lambda: listener.codes[-1:])
            await (await sim.phone("40700000001")).scan(code[0])
            await listener.wait_state(pb.CONNECTED)
            await sim.wait_settled()
            assert account.stream is not None
            assert unsent_limit_bytes(account.stream) <= 2 * SEND_BUFFER_BYTES
            before = len(sim.record.stanzas)
            expired = True
            account.stream.write(_ping())
            with pytest.raises(ExceptionGroup) as ended:
                await asyncio.wait_for(running, PATIENCE_S)

        assert ended.group_contains(LeaseExpired, match="send <iq>")
        assert refused
        assert [
            each for each in sim.record.stanzas[before:] if each.direction.value == "received"
        ] == []


def unsent_limit_bytes(stream: Stream) -> int:
    """Return how much the kernel takes before the other side has read it."""
    sock = stream._connection._socket._ws.get_extra_info("socket")
    return int(sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))


def _ping() -> Node:
    return Node("iq", {"id": "1", "type": "get", "xmlns": "w:p", "to": "s.whatsapp.net"})
