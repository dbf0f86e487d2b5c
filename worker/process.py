"""The life of a worker: take the order, lock the account, open its session, connect, report.

Started by the zygote, or as `python -P -m worker.process ALIAS FD`. The order with the spawn token
is read from the descriptor, so that no secret stands where other users can read it. How the
process ends is told by its exit code (`shared/exit_codes.py`).
"""

import asyncio
import contextlib
import faulthandler
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Final, Never, cast

from shared import link_pb2, logs, prctl
from shared.clock import Clock, SystemClock
from shared.deadline import LeaseExpired
from shared.errors import ConfigError, LinkError, SessionError
from shared.exit_codes import ExitCode
from shared.link import ToWorkerBody
from shared.spawn import SpawnOrder, read_order
from shared.worker_settings import WorkerSettings
from worker.deadline import WorkerDeadline
from worker.link_watch import LinkWatch
from worker.reporter import Reporter
from worker.session import (
    AccountLock,
    Credentials,
    SessionCorrupt,
    SessionFile,
    SessionLocked,
    SessionMissing,
    SessionWriteFailed,
)
from worker.whatsapp.account import Account
from worker.whatsapp.stream import Surroundings
from worker.whatsapp.verdict import Over

log = logs.get_logger(__name__)

SESSION_NAME: Final = "session.db"
FLUSH_TIMEOUT_S: Final = 5.0
DRAIN_TIMEOUT_S: Final = 5.0
REST_TIMEOUT_S: Final = 35.0  # a batch that the store refuses is sent again after 15 s
PRUNE_EVERY_S: Final = 3600.0
MAY_BE_THE_END: Final = frozenset({ExitCode.LOGGED_OUT, ExitCode.LOGGED_OUT_UNCONFIRMED})
CRASHED: Final = 1  # no agreed exit code: the supervisor tries again, with growing pauses


class Stopped(Exception):
    """Somebody asked the worker to stop."""

    def __init__(self, reason: str, *, unlink: bool = False) -> None:
        super().__init__(reason)
        self.unlink = unlink


class Worker:
    """Everything between the link and the account."""

    def __init__(
        self,
        file: SessionFile,
        settings: WorkerSettings,
        reporter: Reporter,
        clock: Clock,
        deadline: WorkerDeadline,
    ) -> None:
        self._file = file
        self._settings = settings
        self._reporter = reporter
        self._clock = clock
        self._deadline = deadline
        self._sends: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self.account: Account | None = None

    async def run(self, wanted_phone: str) -> Over:
        """Keep the account connected until it is over; raises Stopped when asked to stop."""
        around = Surroundings(
            self._file,
            self._settings,
            self._clock,
            os.urandom,
            self._reporter,
            self._deadline.check,
        )
        account = self.account = Account(around, wanted_phone=wanted_phone)
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            delivering = tasks.create_task(self._reporter.deliver(self._file, account.delivered))
            duties = [
                tasks.create_task(self._reporter.send_news()),
                delivering,
                tasks.create_task(self._reporter.obey(self._take)),
                tasks.create_task(self._beat()),
                tasks.create_task(self._prune()),
                tasks.create_task(self._until_signalled()),
            ]
            self._reporter.spooled()
            over = await account.run()
            if over.exit_code in MAY_BE_THE_END:
                await self._deliver_rest(delivering)
            for duty in duties:
                duty.cancel()
        return over

    async def _deliver_rest(self, delivering: asyncio.Task[Never]) -> None:
        """Deliver what the spool still holds: this session may never be opened again.

        Asked to stop at the same moment, nothing is delivered any more.
        """
        emptied = asyncio.create_task(self._reporter.emptied())
        try:
            done, _ = await asyncio.wait(
                {emptied, delivering},
                timeout=REST_TIMEOUT_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            emptied.cancel()
        if not done:
            log.error("messages_left_in_session", waited_s=REST_TIMEOUT_S)

    async def drain(self) -> None:
        """Let sends that are under way end, for a bounded time."""
        if self._sends:
            await asyncio.wait(self._sends, timeout=DRAIN_TIMEOUT_S)

    async def _take(self, order: ToWorkerBody) -> None:
        assert self.account is not None
        assert self._tasks is not None
        if isinstance(order, link_pb2.Send):
            task = self._tasks.create_task(self._send(order))
            self._sends.add(task)
            task.add_done_callback(self._sends.discard)
        elif isinstance(order, link_pb2.MarkRead):
            self.account.mark_read(order)
        elif isinstance(order, link_pb2.Deadline):
            self._deadline.move(order.deadline_boot_ns)
        elif isinstance(order, link_pb2.Stop):
            await self._stop(order)

    async def _stop(self, order: link_pb2.Stop) -> Never:
        assert self.account is not None
        await self.drain()
        if order.unlink:
            await self.account.unlink()
        raise Stopped(order.reason, unlink=order.unlink)

    async def _send(self, order: link_pb2.Send) -> None:
        assert self.account is not None
        self._reporter.tell(await self.account.send(order))

    async def _beat(self) -> Never:
        """Tell the supervisor that this loop turns, and what it got done."""
        interval_s = self._settings.heartbeat_interval_s
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + interval_s
            await asyncio.sleep(interval_s)
            self._reporter.tell(self._heartbeat(max(0.0, loop.time() - due_s)))

    def _heartbeat(self, lag_s: float) -> link_pb2.Heartbeat:
        assert self.account is not None
        stream = self.account.stream
        with self._file.unit() as unit:
            spooled = unit.spool.count()
        beat = link_pb2.Heartbeat(
            boot_ns=self._clock.boot_ns(), loop_lag_ms=int(lag_s * 1000), spooled=spooled
        )
        if stream is not None:
            beat.stanzas_handled = stream.handled
            beat.oldest_unacked_ms = int(stream.oldest_unsettled_s() * 1000)
            beat.last_frame_age_ms = (self._clock.boot_ns() - stream.last_frame_ns) // 1_000_000
        return beat

    async def _prune(self) -> Never:
        while True:
            try:
                with self._file.unit() as unit:
                    unit.prune()
            except SessionWriteFailed as error:
                log.warning("prune_failed", error=error)
            await asyncio.sleep(PRUNE_EVERY_S)

    async def _until_signalled(self) -> Never:
        loop, asked = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, asked.set)
        await asked.wait()
        await self.drain()
        raise Stopped("the process was told to stop")


def open_session(directory: Path, clock: Clock) -> SessionFile:
    """Open the account's session, or begin one for an account that never had any.

    Raises:
        SessionError: there is one, and it can't be used as it is.
    """
    path = directory / SESSION_NAME
    try:
        return SessionFile.open(path, clock)
    except SessionMissing:
        log.info("session_begun")
        fresh = Credentials.generate(clock, os.urandom)
        return SessionFile.create(path, clock, lambda unit: unit.credentials.put(fresh))


async def work(order: SpawnOrder, settings: WorkerSettings, clock: Clock) -> int:
    """Live one life as a worker, and return how it ended."""
    reporter, welcome = await Reporter.connect(
        Path(order.link_path),
        account_id=order.account_id,
        token=bytes.fromhex(order.token),
        clock=clock,
    )
    try:
        deadline = WorkerDeadline(clock)
        deadline.move(welcome.deadline_boot_ns)
        with LinkWatch(reporter.fileno()):
            return await _with_session(order, settings, clock, reporter, deadline, welcome.phone)
    finally:
        await reporter.close()


async def _with_session(
    order: SpawnOrder,
    settings: WorkerSettings,
    clock: Clock,
    reporter: Reporter,
    deadline: WorkerDeadline,
    wanted_phone: str,
) -> int:
    directory = Path(order.directory)
    try:
        with AccountLock(directory), open_session(directory, clock) as file:
            worker = Worker(file, settings, reporter, clock, deadline)
            return await _ended(worker, reporter, wanted_phone)
    except SessionError as error:
        code = _exit_code_of(error)
        log.error("session_unusable", error=error, exit_code=code.name)
        reporter.tell(link_pb2.State(state=link_pb2.STOPPED, reason=str(error)))
        await reporter.flush(FLUSH_TIMEOUT_S)
        return code


def _exit_code_of(error: SessionError) -> ExitCode:
    if isinstance(error, SessionLocked):
        return ExitCode.LOCKED
    return ExitCode.CREDS_CORRUPT if isinstance(error, SessionCorrupt) else ExitCode.BOOT_ERROR


async def _ended(worker: Worker, reporter: Reporter, wanted_phone: str) -> int:
    """Run the worker, and turn its end into an exit code; the last words are sent."""
    code: int = ExitCode.STOPPED
    try:
        code = (await worker.run(wanted_phone)).exit_code
    except* Stopped as wish:
        log.info("worker_stopped", reason=str(wish.exceptions[0]))
    except* LinkError as error:
        log.warning("supervisor_gone", error=error.exceptions[0])
    except* LeaseExpired as error:
        log.warning("lease_expired", error=error.exceptions[0])
        code = ExitCode.LEASE_EXPIRED
    except* SessionError as group:
        code = _failed(group, reporter)
    with contextlib.suppress(LinkError):  # the supervisor may be gone: nobody is left to tell
        await reporter.flush(FLUSH_TIMEOUT_S)
    return code


def _failed(group: BaseExceptionGroup[SessionError], reporter: Reporter) -> int:
    """Tell that the session file failed while it was in use; return how the process ends."""
    error = group.exceptions[0]
    log.error("session_failed", error=error)
    reporter.tell(link_pb2.State(state=link_pb2.STOPPED, reason=str(error)))
    return ExitCode.CREDS_CORRUPT if isinstance(error, SessionCorrupt) else CRASHED


def harden(supervisor_pid: int) -> None:
    """Die with the supervisor, and let nobody look into our memory.

    Raises:
        LinkError: the supervisor is gone already.
    """
    prctl.die_with_parent()
    prctl.forbid_dumps()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.getppid() != supervisor_pid:
        raise LinkError("begin as a worker: the supervisor that asked for it is gone")


def main(arguments: list[str]) -> int:
    """Begin as a worker; `arguments` are an alias for people and the order's descriptor."""
    faulthandler.enable()
    try:
        order = read_order(int(arguments[1]))
        harden(order.supervisor_pid)
        settings = order.settings
    except (IndexError, ValueError, LinkError, ConfigError) as error:
        log.error("worker_not_begun", error=error)
        return ExitCode.BOOT_ERROR
    logs.configure(level=settings.log_level, fmt=cast("logs.Format", settings.log_format))
    logs.bind(account_id=order.account_id)
    try:
        return asyncio.run(work(order, settings, SystemClock()))
    except LinkError as error:
        log.error("worker_not_begun", error=error)
        return ExitCode.BOOT_ERROR


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
