"""One child process, held by a pidfd from its first moment: started, signalled, reaped.

A pid alone can be recycled under our feet (cpython#127049), a pidfd can't. asyncio's own child
watcher is not used: on Python 3.11 it costs a thread per child.

A process is ours by exec (`spawn`, `start`) or by adoption: forked below us by somebody who ended
(`adopt`). Either way we are its parent and alone reap it, so its pid stays its own until then.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.errors import WakeeperError
from shared.exit_codes import ExitCode

# What a worker may know of our environment. The journal's stream lets it prefix its priorities.
ENVIRONMENT_KEPT: Final = ("PATH", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "JOURNAL_STREAM")
WORKER_PROGRAM: Final = (sys.executable, "-P", "-m", "worker.process")


class SpawnError(WakeeperError):
    """The operating system did not start a process; nothing was changed."""


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a process ended: by a code of its own, or by a signal; neither if it never began."""

    code: int | None = None
    signal: int | None = None

    @property
    def meaning(self) -> ExitCode | None:
        """The agreed meaning of the code; None is a crash."""
        try:
            return ExitCode(self.code) if self.code is not None else None
        except ValueError:
            return None

    def __str__(self) -> str:
        if self == NOT_STARTED:
            return "not started"
        if self.signal is not None:
            with contextlib.suppress(ValueError):
                return f"killed by {signal.Signals(self.signal).name}"
            return f"killed by signal {self.signal}"
        name = f" ({self.meaning.name.lower()})" if self.meaning is not None else ""
        return f"exit code {self.code}{name}"


NOT_STARTED: Final = ExitStatus()


def exit_status(found: os.waitid_result) -> ExitStatus:
    """Return how a process ended, as the kernel told it."""
    if found.si_code == os.CLD_EXITED:
        return ExitStatus(code=found.si_status)
    return ExitStatus(signal=found.si_status)


def scrubbed_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a worker gets of `environment`: no token, no credential, no notify socket."""
    return {name: environment[name] for name in ENVIRONMENT_KEPT if name in environment}


# Children that a `ChildProcess` reaps; nobody else may.
held: Final[set[int]] = set()


class ChildProcess:
    """A running child of this process; make it with `spawn`, `start` or `adopt`."""

    def __init__(
        self,
        pid: int,
        pidfd: int,
        popen: subprocess.Popen[bytes] | None = None,
        order_fd: int | None = None,
    ) -> None:
        self.pid: Final = pid
        self.status: ExitStatus | None = None
        self._popen = popen
        self._pidfd = pidfd
        self._order_fd = order_fd
        held.add(pid)
        self._exited = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(pidfd, self._reap)

    @classmethod
    def spawn(cls, command: Sequence[str], name: str, order: bytes) -> "ChildProcess":
        """Start `command NAME FD`; the child reads `order` from the descriptor FD.

        Raises:
            SpawnError: the system refused (no memory, no processes, no such program).
        """
        with _filled_pipe(order) as fd:
            return cls.start([*command, name, str(fd)], name, fd)

    @classmethod
    def start(cls, command: Sequence[str], name: str, fd: int) -> "ChildProcess":
        """Start `command`, which inherits the descriptor `fd`.

        Only the main thread may call this: a parent-death signal is about the *thread* that
        started the child (prctl(2)), and only that one lives as long as the process.

        Raises:
            SpawnError: the system refused (no memory, no processes, no such program).
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("workers are started from the main thread only")
        try:
            popen = _start(list(command), fd)
        except OSError as error:
            raise SpawnError(
                f"no process could be started for {name}: {error.strerror}",
                hint="look at the limits of processes, memory and open files",
            ) from error
        return cls(popen.pid, _open_pidfd(popen), popen)

    @classmethod
    def adopt(cls, pid: int, order_fd: int) -> "ChildProcess":
        """Hold a process that was forked below us and has become our child.

        Args:
            pid: of the process; it can't be another's, since only we could have reaped it.
            order_fd: the write end of the pipe from which it reads its order; closed by `begin`.

        Raises:
            SpawnError: it is no child of ours.
        """
        try:
            pidfd = os.pidfd_open(pid)
        except OSError as error:
            raise SpawnError(f"process {pid} could not be held: {error.strerror}") from error
        try:
            os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError as error:
            os.close(pidfd)
            raise SpawnError(f"process {pid} is not our child") from error
        return cls(pid, pidfd, order_fd=order_fd)

    def begin(self, order: bytes) -> None:
        """Give an adopted process its order; without one (empty) it ends."""
        assert self._order_fd is not None, "a process gets its order once"
        fd, self._order_fd = self._order_fd, None
        try:
            # Far below the pipe's capacity: whole, and at once.
            with contextlib.suppress(BrokenPipeError):  # its exit status will tell why
                os.write(fd, order)
        finally:
            os.close(fd)

    @property
    def exited(self) -> bool:
        """Whether it has been reaped."""
        return self.status is not None

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal to exactly this process; tell whether it was still there."""
        if self.exited:
            return False
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return False
        return True

    async def wait(self, timeout_s: float | None = None) -> ExitStatus:
        """Return how it ended, once it did.

        Raises:
            TimeoutError: it did not end within `timeout_s`.
        """
        async with asyncio.timeout(timeout_s):
            await self._exited.wait()
        assert self.status is not None
        return self.status

    def _reap(self) -> None:
        found = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG)
        if found is None:
            return
        self.status = exit_status(found)
        if self._popen is not None:
            self._popen.returncode = found.si_status  # else Popen warns of a child left behind
        held.discard(self.pid)
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._exited.set()


@contextlib.contextmanager
def _filled_pipe(data: bytes) -> Iterator[int]:
    """Give the read end of a pipe that holds `data` and then ends."""
    reader, writer = os.pipe()
    try:
        try:
            os.write(writer, data)  # far below the pipe's capacity: whole, and at once
        finally:
            os.close(writer)
        yield reader
    finally:
        os.close(reader)


def _start(command: list[str], fd: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 -- the command is ours
        command,
        env=scrubbed_environment(os.environ),
        stdin=subprocess.DEVNULL,
        close_fds=True,
        pass_fds=(fd,),
        start_new_session=True,
    )


def _open_pidfd(popen: subprocess.Popen[bytes]) -> int:
    """Open a pidfd; nobody else reaps our children, so the pid can't have been recycled yet."""
    try:
        return os.pidfd_open(popen.pid)
    except OSError as error:
        popen.kill()
        popen.wait()
        raise SpawnError(f"process {popen.pid} could not be held: {error.strerror}") from error
