"""One worker's handle: started once, spoken to over its link, ended within a bound.

A handle is for one process. Starting again is a new handle with a new token; when and whether
that happens is `restarts.py`'s decision and `keeper.py`'s act.
"""

import asyncio
import contextlib
import enum
import hmac
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared import link_pb2 as pb
from shared.errors import LinkError, WakeeperError
from shared.link import SupervisorLink, ToWorkerBody
from shared.logs import get_logger
from shared.spawn import TOKEN_BYTES, SpawnOrder
from shared.worker_settings import WorkerSettings
from supervisor.api.doors import WorkerUnavailable
from supervisor.processes import WORKER_PROGRAM, ChildProcess, ExitStatus
from supervisor.zygote import Zygote

log = get_logger(__name__)

LINK_SEND_S: Final = 5.0  # a worker that does not read for so long is as good as not there
TERM_GRACE_S: Final = 3.0  # from SIGTERM to SIGKILL
KILL_GRACE_S: Final = 10.0  # a killed process that stays hangs in the kernel: say so, go on
ABORT_GRACE_S: Final = 5.0  # from SIGABRT, for the stacks to reach the log, to SIGKILL
MAX_WAITING_SENDS: Final = 1000

Rng = Callable[[int], bytes]


class WorkerStuck(WakeeperError):
    """A killed process has not gone: it hangs in the kernel; its account must stay untouched."""


class WorkerState(enum.Enum):
    """The life of one worker process."""

    NEW = "new"  # not started
    SPAWNED = "spawned"  # the process is there and has not said hello
    LINKED = "linked"  # it proved itself and is welcomed
    STOPPING = "stopping"  # it was told to end
    EXITED = "exited"  # reaped; its exit status is known


TRANSITIONS: Final[Mapping[WorkerState, frozenset[WorkerState]]] = {
    WorkerState.NEW: frozenset({WorkerState.SPAWNED}),
    WorkerState.SPAWNED: frozenset({WorkerState.LINKED, WorkerState.STOPPING, WorkerState.EXITED}),
    WorkerState.LINKED: frozenset({WorkerState.STOPPING, WorkerState.EXITED}),
    WorkerState.STOPPING: frozenset({WorkerState.EXITED}),
    WorkerState.EXITED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Launch:
    """What every worker of this supervisor is started with.

    Attributes:
        settings: what every worker is told; names the sessions folder and our socket.
        command: the worker's program, started anew for each where there is no zygote.
        zygote: bears the workers.
    """

    settings: WorkerSettings
    command: Sequence[str] = WORKER_PROGRAM
    zygote: Zygote | None = None


class WorkerHandle:
    """A worker of one account, from before its start until it is reaped.

    Args:
        account_id: whose worker it is.
        phone: the number the account must have, digits; empty where whoever scans is welcome.
        generation: counts the starts of this account's workers, for the log.
        launch: what it is started with.
        rng: where the token comes from.
    """

    def __init__(
        self,
        account_id: str,
        launch: Launch,
        *,
        phone: str = "",
        generation: int = 1,
        rng: Rng = os.urandom,
    ) -> None:
        self.account_id: Final = account_id
        self.phone: Final = phone
        self.generation: Final = generation
        self.state = WorkerState.NEW
        self._launch = launch
        self._token: bytes | None = rng(TOKEN_BYTES)
        self._child: ChildProcess | None = None
        self._link: SupervisorLink | None = None
        self._waiting: dict[str, asyncio.Future[pb.SendResult | None]] = {}
        self._born = asyncio.Event()  # or never will be
        self._log = log.bind(account_id=account_id, worker_gen=generation)

    # ---------------------------------------------------------------------------- the process

    async def spawn(self) -> None:
        """Start the process; call it on the main thread.

        Raises:
            SpawnError: the system refused.
        """
        assert self._child is None, "a handle is for one process"
        order, zygote = self._order().encode(), self._launch.zygote
        try:
            if zygote is None:
                self._child = ChildProcess.spawn(self._launch.command, self.account_id, order)
            else:
                self._child = await zygote.spawn(self.account_id)
                self._child.begin(order)  # only now: its hello is believed when its pid is known
        finally:
            self._born.set()
        self._move(WorkerState.SPAWNED, pid=self._child.pid)

    def _order(self) -> SpawnOrder:
        assert self._token is not None
        return SpawnOrder(
            account_id=self.account_id,
            directory=str(self._launch.settings.sessions_path / self.account_id),
            link_path=str(self._launch.settings.link_path),
            token=self._token.hex(),
            supervisor_pid=os.getpid(),
            settings=self._launch.settings,
        )

    @property
    def pid(self) -> int | None:
        """Its process id, None before the start."""
        return self._child.pid if self._child else None

    @property
    def exit_status(self) -> ExitStatus | None:
        """How it ended, None while it has not."""
        return self._child.status if self._child else None

    async def wait(self, timeout_s: float | None = None) -> ExitStatus:
        """Return how it ended, once it did and was reaped.

        Raises:
            TimeoutError: it did not end within `timeout_s`.
        """
        status = await self._started.wait(timeout_s)
        self._note_exit(status)
        return status

    async def terminate(
        self, grace_s: float, *, reason: str = "", unlink: bool = False
    ) -> ExitStatus:
        """End the worker: a word over the link, then SIGTERM, then SIGKILL, each with its time.

        Args:
            grace_s: how long it may take for an orderly end.
            reason: why, for its log.
            unlink: whether it also tells WhatsApp that this device is gone.

        Raises:
            WorkerStuck: even a killed process did not go.
        """
        self._begin_stop()
        asked = await self._asked_to_stop(pb.Stop(reason=reason, unlink=unlink))
        status = await self._ended_within(grace_s) if asked else None
        if status is None:  # without a link, the signal is the first it hears of it
            self._started.signal(signal.SIGTERM)
            status = await self._ended_within(TERM_GRACE_S if asked else grace_s + TERM_GRACE_S)
        return status or await self._kill()

    @property
    def living(self) -> bool:
        """Whether there is a process, or may soon be one."""
        return not self._born.is_set() or (self._child is not None and not self._child.exited)

    async def gone(self) -> None:
        """Return when the process is reaped, or certainly will not be started."""
        await self._born.wait()
        if self._child is not None:
            await self.wait()

    def kill(self) -> None:
        """Send SIGKILL without a word; `gone` returns when that has taken effect."""
        if self._child is not None and not self._child.exited:
            self._begin_stop()
            self._log.warning("worker_killed", pid=self.pid)
            self._child.signal(signal.SIGKILL)

    async def abort(self) -> ExitStatus:
        """End a worker that hangs: SIGABRT writes its stacks into the log, SIGKILL ends it.

        Raises:
            WorkerStuck: even a killed process did not go.
        """
        self._begin_stop()
        self._started.signal(signal.SIGABRT)
        return await self._ended_within(ABORT_GRACE_S) or await self._kill()

    async def _kill(self) -> ExitStatus:
        self._log.warning("worker_killed", pid=self.pid)
        self._started.signal(signal.SIGKILL)
        status = await self._ended_within(KILL_GRACE_S)
        if status is None:
            raise WorkerStuck(
                f"process {self.pid} of {self.account_id} was killed and is still there",
                hint="it hangs in the kernel, often on a dead disk; look at `dmesg`",
            )
        return status

    async def _ended_within(self, timeout_s: float) -> ExitStatus | None:
        try:
            return await self.wait(timeout_s)
        except TimeoutError:
            return None

    @property
    def _started(self) -> ChildProcess:
        assert self._child is not None, "the worker was never started"
        return self._child

    def _begin_stop(self) -> None:
        if self.state in (WorkerState.SPAWNED, WorkerState.LINKED):
            self._move(WorkerState.STOPPING)

    def _note_exit(self, status: ExitStatus) -> None:
        if self.state is not WorkerState.EXITED:
            self._move(WorkerState.EXITED, status=str(status))
            self._release_waiting()

    def _move(self, state: WorkerState, **fields: Any) -> None:
        if state not in TRANSITIONS[self.state]:
            raise RuntimeError(f"a worker can't come from {self.state} to {state}")
        self._log.info(f"worker_{state.value}", was=self.state, **fields)
        self.state = state

    # ------------------------------------------------------------------------------- the link

    @property
    def linked(self) -> bool:
        """Whether there is a link to speak on."""
        return self._link is not None

    def accepts(self, token: bytes) -> bool:
        """Tell whether `token` is this spawn's; it is good once."""
        if self._token is None or not hmac.compare_digest(self._token, token):
            return False
        self._token = None
        return True

    def attach(self, link: SupervisorLink) -> None:
        """Take the link that this worker proved to be its own."""
        self._link = link
        if self.state is WorkerState.SPAWNED:
            self._move(WorkerState.LINKED)

    def detach(self) -> None:
        """Forget the link: it is closed. What waits for an answer hears that there is none."""
        self._link = None
        self._release_waiting()

    async def tell(self, body: ToWorkerBody) -> None:
        """Hand a message to the worker.

        Raises:
            WorkerUnavailable: there is no link, or the worker does not read.
        """
        if self._link is None:
            raise WorkerUnavailable(
                f"{self.account_id} has no running worker", hint="try again in a few seconds"
            )
        try:
            await self._link.send(body, timeout_s=LINK_SEND_S)
        except LinkError as error:
            raise WorkerUnavailable(
                f"the worker of {self.account_id} can't be reached: {error.message}",
                hint="try again in a few seconds",
            ) from error

    async def send(self, send: pb.Send, timeout_s: float) -> pb.SendResult:
        """Let the worker send a message; return what became of it.

        Raises:
            WorkerUnavailable: no link, too many waiting, or no answer within `timeout_s`.
        """
        answer = self._expect(send.request_id)
        try:
            async with asyncio.timeout(timeout_s):
                await self.tell(send)
                result = await answer
        except TimeoutError:
            raise WorkerUnavailable(
                f"the worker of {self.account_id} gave no result within {timeout_s:g} s",
                hint="the same message id may be tried again",
            ) from None
        finally:
            self._waiting.pop(send.request_id, None)
        if result is None:
            raise WorkerUnavailable(
                f"the worker of {self.account_id} went away before it gave a result",
                hint="the same message id may be tried again",
            )
        return result

    def settle(self, result: pb.SendResult) -> bool:
        """Hand a result to who waits for it; tell whether somebody did."""
        answer = self._waiting.get(result.request_id)
        if answer is None or answer.done():
            return False
        answer.set_result(result)
        return True

    def _expect(self, request_id: str) -> "asyncio.Future[pb.SendResult | None]":
        if request_id in self._waiting or len(self._waiting) >= MAX_WAITING_SENDS:
            raise WorkerUnavailable(
                f"{self.account_id} has this one, or {MAX_WAITING_SENDS} messages, on their way",
                hint="wait for their results first",
            )
        answer = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        return answer

    def _release_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_result(None)

    async def _asked_to_stop(self, stop: pb.Stop) -> bool:
        with contextlib.suppress(WorkerUnavailable):
            await self.tell(stop)
            return True
        return False
