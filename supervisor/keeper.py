"""Keeps one account's worker: starts it, watches it, and starts it again.

A keeper lives from `run` until it rests (nothing will happen by itself any more) or is ended.
"""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from shared import link_pb2 as pb
from shared.accounts import AccountStatus
from shared.clock import Clock
from shared.errors import StoreError, WakeeperError
from shared.exit_codes import ExitCode
from shared.logs import get_logger
from supervisor.events import EventBus
from supervisor.lease.guard import NotHolding
from supervisor.link_server import LinkServer
from supervisor.liveness import DEFAULT_BOUNDS, Bounds, Pulse
from supervisor.processes import NOT_STARTED, ExitStatus, SpawnError
from supervisor.quarantine import Quarantine
from supervisor.registrar import RETRY, Registrar
from supervisor.restarts import (
    BANNED,
    OUTDATED,
    Decision,
    Next,
    Policy,
    RestartHistory,
    Unconfirmed,
)
from supervisor.standing import Standing
from supervisor.starts import Starts
from supervisor.store.contract import Accounts
from supervisor.store.records import NO_SESSION, AccountChanges, AccountRecord
from supervisor.workers import TERM_GRACE_S, Launch, WorkerHandle, WorkerState, WorkerStuck

log = get_logger(__name__)

STORE_READ_S: Final = 10.0
PROVE_S: Final = 60.0  # the hook has a bound of its own, from the lease's constants
TEMP_BANNED_CODE: Final = 402
CLIENT_OUTDATED_CODE: Final = 405
GONE: Final = frozenset({AccountStatus.DELETING, AccountStatus.DELETED})
# Only a person's wish for a QR brings an account back from the latter two.
NOT_STARTABLE: Final = GONE | {AccountStatus.NEEDS_QR, AccountStatus.LOGGED_OUT}
NOT_WANTED: Final = Decision(None, None, "not wanted")
# What must stand in the store before anything else happens: a restart must not forget it.
LASTING: Final = frozenset({Next.PROBATION, Next.WAIT, Next.SET_ASIDE})


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things may take.

    Attributes:
        heartbeat_interval_s: between two heartbeats of a worker.
        missed_beats: so many in a row, and it counts as hanging.
        hello_timeout_s: from its start to its hello.
        stop_grace_s: for an orderly end.
        bounds: how long its work may stand still.
    """

    heartbeat_interval_s: float = 5.0
    missed_beats: int = 3
    hello_timeout_s: float = 20.0
    stop_grace_s: float = 10.0
    bounds: Bounds = DEFAULT_BOUNDS


def unleased(_: str) -> None:
    """Let every act pass, for a fleet that needs no lease."""


async def alone() -> bool:
    """Confirm the lease, for a fleet that needs none."""
    return True


@dataclass(frozen=True, slots=True)
class Household:
    """What all keepers of a fleet share.

    Attributes:
        check: raises NotHolding when an act (its words) is not covered by the lease.
        workers: every worker that lives, and some that did.
        starts: gives every start its turn.
        prove: has the store confirm that the lease is ours, just now.
    """

    launch: Launch
    server: LinkServer
    accounts: Accounts
    events: EventBus
    clock: Clock
    timing: Timing = field(default_factory=Timing)
    policy: Policy = field(default_factory=Policy)
    rng: Callable[[int], bytes] = os.urandom
    check: Callable[[str], None] = unleased
    workers: set[WorkerHandle] = field(default_factory=set)
    starts: Starts = field(default_factory=Starts)
    prove: Callable[[], Awaitable[bool]] = alone

    @property
    def quarantine(self) -> Quarantine:
        """Where sessions go that must not be used again."""
        return Quarantine(self.launch.settings.sessions_path, self.clock)

    def now_ms(self) -> int:
        """Return the wall clock in milliseconds."""
        return int(self.clock.wall_s() * 1000)


class Keeper:
    """One account's; `run` is its life.

    Attributes:
        worker: the running process, None between two of them.
        resting: nothing will be started any more; only last words are still being written.
        pulse: of that process.
    """

    def __init__(self, account_id: str, house: Household) -> None:
        self.account_id: Final = account_id
        self.worker: WorkerHandle | None = None
        self.resting = False
        self.pulse = Pulse()
        self._house = house
        self._registrar = Registrar(account_id, house.accounts, house.clock, house.rng)
        self.standing: Final = Standing(account_id, self._registrar, house.events, house.clock)
        self._history = RestartHistory(house.policy, house.rng)
        self._generation = 0
        self._unread = 0  # times in a row that the account's record could not be read
        self._ending = False
        self._killed = False
        self._farewell: tuple[AccountStatus, str] | None = None
        self._unlinking = False
        self._hurry = asyncio.Event()
        self._called_off = asyncio.Event()

    async def run(self) -> None:
        """Keep the worker running; return when it rests, with everything written."""
        writing = asyncio.create_task(self._registrar.run())
        try:
            while not self._ending:
                decision = await self._one_life()
                if decision.delay_s is None:
                    break
                await self._pause(decision.delay_s)
            self.resting = True
            if self._farewell is not None:
                status, reason = self._farewell
                self.standing.show(status, reason=reason)
            await self._registrar.flush()
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def end(
        self, *, reason: str, unlink: bool = False, status: AccountStatus | None = None
    ) -> None:
        """End the worker and start none again; `run` returns soon after.

        Args:
            reason: why, for people.
            unlink: whether the worker also tells WhatsApp that the device is gone.
            status: what the account becomes; None leaves it, so that it runs again later.

        Raises:
            WorkerStuck: the process can't be killed.
        """
        self._ending = True
        self._unlinking = unlink
        if status is not None:
            self._farewell = (status, reason)
        self._hurry.set()
        self._called_off.set()
        if self.worker is not None:
            grace_s = self._house.timing.stop_grace_s
            await self.worker.terminate(grace_s, reason=reason, unlink=unlink)

    def kill(self) -> None:
        """End the worker without a word and start none again; `run` returns soon after."""
        self._ending = self._killed = True
        self._hurry.set()
        self._called_off.set()
        if self.worker is not None:
            self.worker.kill()

    def hurry(self) -> None:
        """Start now what is waiting for its next try: a person asked for it."""
        if self.worker is None:
            self._history.forget()
            self._hurry.set()

    async def _one_life(self) -> Decision:
        try:
            async with asyncio.timeout(STORE_READ_S):
                record = await self._house.accounts.get(self.account_id)
        except (StoreError, TimeoutError) as error:
            self._unread += 1
            log.warning("account_not_read", account_id=self.account_id, error=error)
            return Decision(RETRY.delay_s(self._unread, self._house.rng), None, "store")
        self._unread = 0
        if self._ending or record is None or record.status in NOT_STARTABLE:
            return NOT_WANTED
        return self._wait_for_ban(record) or await self._start(record)

    def _wait_for_ban(self, record: AccountRecord) -> Decision | None:
        """Return how long WhatsApp still wants to hear nothing; a restart does not forget it."""
        left_s = ((record.retry_at_ms or 0) - self._house.now_ms()) / 1000
        if left_s <= 0:
            return None
        status, reason = AccountStatus.DISCONNECTED, record.reason or BANNED.reason
        self.standing.show(status, reason=reason, code=TEMP_BANNED_CODE, delay_s=left_s)
        return Decision(left_s, status, reason, Next.WAIT)

    async def _start(self, record: AccountRecord) -> Decision:
        if not await self._admitted():
            return self._held_back()
        crashed = False
        try:
            self._house.check("start a worker")
            exit_status = await self._live((record.phone or "").removeprefix("+"))
            crashed = exit_status.meaning in (None, ExitCode.BOOT_ERROR) and not self._ending
        except NotHolding:  # whoever holds the lease next starts it
            return Decision(None, None, "the lease is not held here")
        finally:
            self._house.starts.ended(self.account_id, crashed=crashed)
        return await self._after(exit_status, record)

    async def _admitted(self) -> bool:
        """Wait for our turn; False when it does not come, or nobody wants the start any more."""
        starts = self._house.starts
        if starts.held is not None:
            self.standing.show(AccountStatus.CONNECTING, reason=starts.held)
        turn = asyncio.create_task(starts.turn(self.account_id))
        called_off = asyncio.create_task(self._called_off.wait())
        try:
            await asyncio.wait({turn, called_off}, return_when=asyncio.FIRST_COMPLETED)
            return turn.done() and turn.result()
        finally:
            turn.cancel()
            called_off.cancel()
            await asyncio.gather(turn, called_off, return_exceptions=True)

    def _held_back(self) -> Decision:
        if self._ending:
            return NOT_WANTED
        why = self._house.starts.outdated or OUTDATED.reason
        code = CLIENT_OUTDATED_CODE
        self.standing.show(AccountStatus.DISCONNECTED, reason=why, code=code)
        return Decision(None, AccountStatus.DISCONNECTED, why, Next.HOLD)

    async def _live(self, phone: str) -> ExitStatus:
        """Run one worker from its start to its end."""
        self._generation += 1
        worker = WorkerHandle(
            self.account_id,
            self._house.launch,
            phone=phone,
            generation=self._generation,
            rng=self._house.rng,
        )
        self.standing.worker_started()
        self._house.server.expect(worker)
        self._house.workers.add(worker)
        try:
            await worker.spawn()
            return await self._accompany(worker)
        except SpawnError:
            log.exception("worker_not_started", account_id=self.account_id)
            return NOT_STARTED
        finally:
            self._house.server.forget(worker)
            if not worker.living:
                self._house.workers.discard(worker)

    async def _accompany(self, worker: WorkerHandle) -> ExitStatus:
        self.worker, self.pulse = worker, Pulse(self._house.timing.bounds)
        watch = asyncio.create_task(self._watch(worker))
        try:
            if self._killed:  # asked for while it was being started, when there was none to end
                worker.kill()
            elif self._ending:
                return await worker.terminate(self._house.timing.stop_grace_s)
            return await worker.wait()
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            self.worker = None

    async def _pause(self, delay_s: float) -> None:
        self._hurry.clear()
        if self._ending:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._hurry.wait()

    async def _after(self, exit_status: ExitStatus, record: AccountRecord) -> Decision:
        connected_s = self.standing.worker_ended()
        last_word = self.standing.last_word
        decision = await self._decide(exit_status, record, connected_s)
        own_reason = last_word.reason if last_word.state == pb.STOPPED else ""
        reason = decision.reason if decision.outweighs else own_reason or decision.reason
        self._log_end(exit_status, decision, reason)
        self._remember(decision)
        # While it is being ended, only what a later start must know is kept: a log-out, say.
        if decision.status is not None and (not self._ending or decision.delay_s is None):
            self.standing.show(
                decision.status,
                reason=reason,
                code=last_word.code or None if own_reason else None,
                delay_s=decision.delay_s,
            )
        await self._follow_up(decision, reason)
        return decision

    async def _decide(
        self, exit_status: ExitStatus, record: AccountRecord, connected_s: float
    ) -> Decision:
        if self._unlinking and exit_status.meaning is ExitCode.LOGGED_OUT:
            exit_status = ExitStatus(code=ExitCode.STOPPED)  # we logged it out ourselves
        decision = self._history.after(
            exit_status,
            at_boot_ns=self._house.clock.boot_ns(),
            connected_s=connected_s,
            wait_s=self.standing.last_word.retry_in_ms / 1000,
            asked=self._ending,
            unconfirmed=Unconfirmed(record.unconfirmed_logouts, record.unconfirmed_since_ms or 0),
            at_ms=self._house.now_ms(),
        )
        if decision.next is Next.PROVE and not self._ending and not await self._proven():
            return self._history.unproven()
        return decision

    async def _proven(self) -> bool:
        try:
            async with asyncio.timeout(PROVE_S):
                return await self._house.prove()
        except (WakeeperError, TimeoutError) as error:
            log.warning("lease_not_proven", account_id=self.account_id, error=error)
            return False

    def _remember(self, decision: Decision) -> None:
        """Have written what a later start, here or elsewhere, must know."""
        now_ms = self._house.now_ms()
        if decision.next is Next.PROBATION:
            counted = AccountChanges(unconfirmed_logouts=1, unconfirmed_since_ms=now_ms)
            self._registrar.change(counted)
        elif decision.next is Next.WAIT and decision.delay_s is not None:
            until_ms = now_ms + int(decision.delay_s * 1000)
            self._registrar.change(AccountChanges(retry_at_ms=until_ms))

    async def _follow_up(self, decision: Decision, reason: str) -> None:
        if decision.next is Next.HOLD:
            self._house.starts.hold(reason)
        if decision.next in LASTING:
            await self._registrar.flush()
        if decision.next is Next.SET_ASIDE:
            self._farewell = None  # that it needs a QR is the more important word
            await self._set_aside()

    async def _set_aside(self) -> None:
        """Move the dead session away; where that fails, it is done before the next pairing."""
        try:
            await self._house.quarantine.set_aside(self.account_id)
        except WakeeperError as error:
            log.error("session_not_set_aside", account_id=self.account_id, error=error)
        else:
            self._registrar.change(NO_SESSION)

    def _log_end(self, exit_status: ExitStatus, decision: Decision, reason: str) -> None:
        say = log.info if exit_status.meaning is not None or self._ending else log.warning
        say(
            "worker_ended",
            account_id=self.account_id,
            worker_gen=self._generation,
            status=str(exit_status),
            why=reason,
            again_in_s=None if self._ending else decision.delay_s,
        )

    # ----------------------------------------------------------------------------- liveness

    async def _watch(self, worker: WorkerHandle) -> None:
        """End a worker that hangs."""
        interval_s = self._house.timing.heartbeat_interval_s
        why = await self.pulse.until_hanging(interval_s, lambda: self._patience_s(worker))
        log.error(
            "worker_hangs",
            account_id=self.account_id,
            pid=worker.pid,
            state=worker.state,
            why=why,
        )
        try:
            await worker.abort()
        except WorkerStuck:  # no further one is started: `wait` goes on waiting for this one
            log.exception("worker_stuck", account_id=self.account_id, pid=worker.pid)

    def _patience_s(self, worker: WorkerHandle) -> float:
        timing = self._house.timing
        if worker.state is WorkerState.SPAWNED:
            return timing.hello_timeout_s
        if worker.state is WorkerState.STOPPING:  # whoever stops it has bounds; these are wider
            return timing.stop_grace_s + 4 * TERM_GRACE_S
        return timing.missed_beats * timing.heartbeat_interval_s
