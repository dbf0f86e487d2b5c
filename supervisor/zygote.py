"""The supervisor's zygote: asked for workers, replaced when it dies, ended with us.

The zygote (`worker/zygote.py`) is a fresh interpreter; only the way it is started depends on us,
and that is exec, which is safe with threads and with grpc. It should still start before grpc is
imported, so that nothing of ours can ever be between the two.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from typing import Any, Final, TypeVar

from shared import prctl
from shared.errors import LinkError
from shared.logs import get_logger
from shared.spawn import BIRTH_BYTES, read_birth, request_birth
from supervisor.processes import ChildProcess, SpawnError, held
from supervisor.strays import reap_strays

log = get_logger(__name__)

T = TypeVar("T")
ZYGOTE_PROGRAM: Final = (sys.executable, "-P", "-m", "worker.zygote")
FIRST_BIRTH_TIMEOUT_S: Final = 20.0  # it waits until everything is imported
BIRTH_TIMEOUT_S: Final = 5.0
END_TIMEOUT_S: Final = 2.0
BIRTH_TRIES: Final = 3  # each with a zygote of its own


class _Incarnation:
    """One zygote process, and the socket to it."""

    def __init__(self, program: Sequence[str]) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.setblocking(False)
        with theirs:
            fd = theirs.fileno()
            command = [*program, str(os.getpid()), str(fd)]
            try:
                self.process = ChildProcess.start(command, "the zygote", fd)
            except SpawnError:
                self._channel.close()
                raise
        self.fertile = False

    async def bear(self, name: str) -> ChildProcess:
        """Have a worker forked; it waits for its order.

        Raises:
            SpawnError: the system can't have one more process.
            LinkError, OSError, TimeoutError: this zygote is of no more use.
        """
        order, order_end = os.pipe()
        try:
            pid = await self._ask(name, order)
            child = ChildProcess.adopt(pid, order_end)
        except BaseException:
            os.close(order_end)
            raise
        finally:
            os.close(order)
        self.fertile = True
        return child

    async def _ask(self, name: str, order: int) -> int:
        request_birth(self._channel, name, order)
        async with asyncio.timeout(BIRTH_TIMEOUT_S if self.fertile else FIRST_BIRTH_TIMEOUT_S):
            answer = await asyncio.get_running_loop().sock_recv(self._channel, BIRTH_BYTES)
        try:
            return read_birth(answer)
        except OSError as error:
            raise SpawnError(
                f"no process could be forked for {name}: {error.strerror}",
                hint="look at the limits of processes and memory",
            ) from error

    async def end(self) -> None:
        """End it: by a word, or by force. Idempotent."""
        self._channel.close()
        with contextlib.suppress(TimeoutError):
            await self.process.wait(END_TIMEOUT_S)
        self.process.signal(signal.SIGKILL)
        await self.process.wait()


class Zygote:
    """Bears this supervisor's workers; make it with `running`."""

    def __init__(self, program: Sequence[str] = ZYGOTE_PROGRAM) -> None:
        self._program = program
        self._current: _Incarnation | None = None
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, program: Sequence[str] = ZYGOTE_PROGRAM) -> AsyncIterator["Zygote"]:
        """Give a running zygote; its workers may live longer. Call it on the main thread.

        Raises:
            SpawnError: it could not be started.
        """
        zygote = cls(program)
        prctl.adopt_orphans(wanted=True)
        try:
            with _told_of_dead_children(zygote.sweep):
                zygote._begin()
                try:
                    yield zygote
                finally:
                    await zygote._close()
        finally:
            prctl.adopt_orphans(wanted=False)

    @property
    def pid(self) -> int | None:
        """The pid of the zygote that runs now; None between two."""
        return self._current.process.pid if self._current else None

    async def spawn(self, name: str) -> ChildProcess:
        """Fork a worker; it does nothing until it is given its order (`ChildProcess.begin`).

        Args:
            name: whose worker it is, for the list of processes.

        Raises:
            SpawnError: the system refused, or zygote after zygote died.
        """
        birth = self._run(self._bear(name))
        try:
            return await asyncio.shield(birth)
        except asyncio.CancelledError:
            birth.add_done_callback(_abandon)
            raise

    def sweep(self) -> None:
        """Reap dead children that nobody knows."""
        if self._turn.locked():  # one who has just been born is not known yet; it comes again
            return
        for pid, status in reap_strays(held):
            log.warning("stray_reaped", pid=pid, status=str(status))

    async def _bear(self, name: str) -> ChildProcess:
        try:
            async with self._turn:
                return await self._born(name)
        finally:
            self.sweep()

    async def _born(self, name: str) -> ChildProcess:
        why: Exception | None = None
        for _ in range(BIRTH_TRIES):
            zygote = self._current or self._begin()
            try:
                return await zygote.bear(name)
            except (LinkError, OSError, TimeoutError) as error:
                why = error
                log.warning("zygote_useless", pid=zygote.process.pid, error=error)
                await self._discard(zygote)
        raise SpawnError(
            f"no worker for {name}: {BIRTH_TRIES} zygotes failed",
            hint="the log lines above say how they ended",
        ) from why

    def _begin(self) -> _Incarnation:
        if self._closing:
            raise SpawnError("no worker is started while the supervisor stops")
        self._current = zygote = _Incarnation(self._program)
        log.info("zygote_started", pid=zygote.process.pid)
        self._run(self._watch(zygote))
        return zygote

    async def _watch(self, zygote: _Incarnation) -> None:
        """Replace a zygote that dies, unless it never was of use: the next birth tries again."""
        status = await zygote.process.wait()
        if self._closing:
            return
        log.warning("zygote_died", pid=zygote.process.pid, status=str(status))
        if self._turn.locked():  # whoever waits for a birth sees it too, and takes the next one
            return
        await self._discard(zygote)
        if zygote.fertile:
            self._begin_again()

    def _begin_again(self) -> None:
        if self._current is None:
            try:
                self._begin()
            except SpawnError:
                log.exception("zygote_not_started")

    async def _discard(self, zygote: _Incarnation) -> None:
        if self._current is zygote:
            self._current = None
        await zygote.end()

    async def _close(self) -> None:
        self._closing = True
        async with self._turn:
            if self._current is not None:
                await self._discard(self._current)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.sweep()

    def _run(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _abandon(birth: asyncio.Task[ChildProcess]) -> None:
    """Send away a worker that came when nobody waited for it any more."""
    if not birth.cancelled() and birth.exception() is None:
        birth.result().begin(b"")


@contextlib.contextmanager
def _told_of_dead_children(sweep: Callable[[], None]) -> Iterator[None]:
    """Call `sweep` when a child died; only the main thread can be told."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGCHLD, sweep)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGCHLD)
