"""Takes the lease, renews it, and loses it in an orderly way.

Three rules carry everything. The deadline of a renewal counts from *before* it was sent. An
answer that did not come (a timeout, a broken connection) proves nothing: it neither extends the
lease nor counts as a loss, and the next attempt gets a start time of its own. And nothing is
given back while a worker may still live.

The manager does no I/O itself: the store, the clock, and whoever starts and ends the workers are
handed in. Waiting is asyncio's, so that a simulated loop can run it in virtual time.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from shared.clock import Clock
from shared.errors import StoreError, WakeeperError
from shared.logs import get_logger
from supervisor.lease.decisions import (
    Conclusion,
    Create,
    Knowledge,
    Placeholder,
    Refuse,
    Seen,
    Take,
    Wait,
    conclude,
)
from supervisor.lease.document import Incarnation, LeaseDocument, parse
from supervisor.lease.guard import LeaseGuard
from supervisor.lease.modes import DEMOTIONS, SEVERITY, Demotion, Mode
from supervisor.lease.timing import LeaseTiming
from supervisor.store.contract import Fences, LeaseStore, PreconditionFailed, Written

log = get_logger(__name__)

RENEW_JITTER: Final = 0.1
POLL_JITTER: Final = 0.2
# After a hand-over the one who asked for it must have had its chance before we compete again.
STAND_ASIDE_POLLS: Final = 3

Rng = Callable[[int], bytes]


class Crew(Protocol):
    """Who does what the lease allows: the fleet, and everything around it."""

    async def fence(self, epoch: int) -> None:
        """Raise every account's fence to the new epoch; nothing runs yet.

        Raises:
            Fenced: an account carries a higher epoch.
            StoreError: the store could not be written; the take-over is given up.
        """
        ...

    async def start(self, epoch: int) -> None:
        """Start what should run; returns when that is under way."""
        ...

    def deadline_moved(self, hard_ns: int) -> None:
        """Tell every worker until when it may live (CLOCK_BOOTTIME)."""
        ...

    async def stop(self, *, kill_now: bool, until_ns: int, reason: str) -> bool:
        """End every worker; tell whether all of them are reaped.

        Args:
            kill_now: SIGKILL at once, without a word.
            until_ns: whoever is left at this instant is killed.
            reason: for the log.
        """
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How this instance stands, for people and for `/ready`.

    Attributes:
        mode: what it is.
        why: a sentence; the same one that is logged.
        epoch: of the lease, as last seen.
        held_by: the holder's incarnation, empty where nobody or nobody known holds it.
        holder_name: its instance id.
        left_s: seconds until it expires, as far as known; None where that makes no sense.
    """

    mode: Mode
    why: str
    epoch: int = 0
    held_by: str = ""
    holder_name: str = ""
    left_s: float | None = None


class Unreaped(WakeeperError):
    """A worker could not be ended: the lease is left to expire, and this process must go."""


class LeaseManager:
    """One instance's part in the lease; `run` is its life."""

    def __init__(
        self,
        store: LeaseStore,
        fences: Fences,
        crew: Crew,
        guard: LeaseGuard,
        *,
        me: Incarnation,
        timing: LeaseTiming,
        clock: Clock,
        rng: Rng,
        former_is_dead: Callable[[LeaseDocument], bool] = lambda _: False,
        node_is_stopped: bool = False,
        changed: Callable[[Standing], None] = lambda _: None,
    ) -> None:
        """Make a manager; nothing happens before `run`.

        Args:
            store: keeps the lease document.
            fences: keep the accounts' epochs; asked when the document is missing.
            crew: starts and ends the workers.
            guard: the choke point of all acts; this manager alone moves it.
            me: this process.
            timing: checked constants.
            clock: ours; only CLOCK_BOOTTIME is used.
            rng: for jitter.
            former_is_dead: tells whether the holder of a document ran on this host, under this
                state directory, and all its locks are ours now.
            node_is_stopped: the operator's word that no Node instance runs.
            changed: is told whenever the standing changes.
        """
        self._store = store
        self._fences = fences
        self._crew = crew
        self.guard = guard
        self._me = me
        self._timing = timing
        self._clock = clock
        self._rng = rng
        self._former_is_dead = former_is_dead
        self._node_is_stopped = node_is_stopped
        self._changed = changed
        self.standing = Standing(Mode.PASSIVE, "just started")
        self._highest_epoch = 0
        self._document: LeaseDocument | None = None
        self._version: object = None
        self._server_offset_ns = 0
        self._demotion: Demotion | None = None
        self._demoted = asyncio.Event()
        self._ending = False
        self._nudged = asyncio.Event()

    # ------------------------------------------------------------------ what others may ask

    def step_down(self) -> None:
        """Hand the lease over, and stand aside for a while."""
        self._demote(Demotion.GRACEFUL)

    def fenced(self) -> None:
        """Hear that the store refused a write of ours: somebody newer is there."""
        self._demote(Demotion.LOST)

    def end(self) -> None:
        """Give the lease back if it is held, and let `run` return."""
        self._ending = True
        self._nudged.set()
        self._demote(Demotion.GRACEFUL)

    def nudge(self) -> None:
        """Look at the document now: it may have changed."""
        self._nudged.set()

    # ------------------------------------------------------------------ the life

    async def run(self) -> None:
        """Wait for the lease, hold it, lose it, and wait again, until `end`.

        Raises:
            Unreaped: a worker could not be ended; the process must exit without a release.
        """
        watching = asyncio.create_task(self._watch())
        try:
            while not self._ending:
                if await self._try_to_take():
                    await self._hold()
                    if not self._ending and self._demotion is Demotion.GRACEFUL:
                        await self._pause(STAND_ASIDE_POLLS * self._timing.poll_s, 0, wakes=False)
                else:
                    await self._pause(self._timing.poll_s, POLL_JITTER)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        async for _ in self._store.watch():
            self._nudged.set()

    async def _pause(self, length_s: float, jitter: float, *, wakes: bool = True) -> None:
        """Wait, for a nudge at most; never shorter than a tenth, so that nudges can't spin."""
        jittered = length_s * (1 + jitter * (2 * self._share() - 1))
        await asyncio.sleep(jittered / 10)
        if not wakes and not self._ending:
            await asyncio.sleep(jittered * 9 / 10)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(jittered * 9 / 10):
                await self._nudged.wait()
        self._nudged.clear()

    def _share(self) -> float:
        return int.from_bytes(self._rng(4), "big") / 2**32

    # ------------------------------------------------------------------ PASSIVE

    async def _try_to_take(self) -> bool:
        """Look once, and take the lease if it is free; tell whether it is ours now."""
        try:
            seen = await self._store.read(timeout_s=self._timing.rpc_s)
            return await self._act_on(seen, await self._conclude(seen))
        except StoreError as error:
            self._show(Mode.PASSIVE, f"the lease could not be read or taken: {error}")
            return False

    async def _conclude(self, seen: Seen) -> Conclusion:
        highest_fence = 0
        former_is_dead = False
        if seen.stored is None:
            highest_fence = await self._fences.highest(timeout_s=self._timing.rpc_s)
        else:
            document = parse(seen.stored)
            if isinstance(document, LeaseDocument):
                former_is_dead = self._former_is_dead(document)
        return conclude(
            seen,
            Knowledge(
                me=self._me,
                ttl_ms=int(self._timing.ttl_s * 1000),
                highest_epoch=self._highest_epoch,
                highest_fence=highest_fence,
                former_is_dead=former_is_dead,
                node_is_stopped=self._node_is_stopped,
            ),
        )

    async def _act_on(self, seen: Seen, conclusion: Conclusion) -> bool:
        self._server_offset_ns = seen.read_ns - self._clock.boot_ns()
        match conclusion:
            case Take(base, why):
                return await self._take(base, seen.version, why)
            case Create():
                return await self._create()
            case Placeholder(document):
                await self._put_placeholder(document)
            case Wait():
                self._note_holder(conclusion)
            case Refuse(why):
                self._show(Mode.PASSIVE, why)
        return False

    async def _take(self, base: LeaseDocument, version: object, why: str) -> bool:
        mine = base.taken_by(self._me, int(self._timing.ttl_s * 1000))
        sent_ns = self._clock.boot_ns()
        try:
            written = await self._store.replace(
                self._fields(mine), version, timeout_s=self._timing.rpc_s
            )
        except PreconditionFailed:
            self._show(Mode.PASSIVE, "another instance was faster")
            return False
        return self._taken(mine, written, sent_ns, why)

    async def _create(self) -> bool:
        nothing = LeaseDocument(None, 0, 0, ttl_ms=1)
        mine = nothing.taken_by(self._me, int(self._timing.ttl_s * 1000))
        sent_ns = self._clock.boot_ns()
        try:
            written = await self._store.create(self._fields(mine), timeout_s=self._timing.rpc_s)
        except PreconditionFailed:
            self._show(Mode.PASSIVE, "another instance was faster")
            return False
        return self._taken(mine, written, sent_ns, "the store is new")

    async def _put_placeholder(self, document: LeaseDocument) -> None:
        with contextlib.suppress(PreconditionFailed):  # somebody put one there: as good
            await self._store.create(self._fields(document), timeout_s=self._timing.rpc_s)
        self._show(
            Mode.PASSIVE,
            "the lease document was missing although accounts carry an epoch: "
            "it was put back, and a whole TTL must pass",
        )

    def _taken(self, mine: LeaseDocument, written: Written, sent_ns: int, why: str) -> bool:
        self._document, self._version = mine, written.version
        self._highest_epoch = mine.epoch
        self._demotion = None
        self._demoted.clear()
        self.guard.move(Mode.FENCING)
        self.guard.take(mine.epoch, sent_ns)
        self._show(Mode.FENCING, f"took the lease: {why}")
        return True

    def _note_holder(self, wait: Wait) -> None:
        self._highest_epoch = max(self._highest_epoch, wait.epoch)
        self._show(
            Mode.PASSIVE,
            wait.why,
            epoch=wait.epoch,
            held_by=wait.holder,
            holder_name=wait.instance_id,
            left_s=max(0.0, wait.left_ms / 1000),
        )

    def _fields(self, document: LeaseDocument) -> dict[str, object]:
        server_ns = self._clock.boot_ns() + self._server_offset_ns
        return document.to_fields(server_ns // 1_000_000)

    # ------------------------------------------------------------------ FENCING and ACTIVE

    async def _hold(self) -> None:
        """Hold the lease until something ends that, and walk the way down."""
        renewing = asyncio.create_task(self._renew_for_ever())
        guarding = asyncio.create_task(self._watch_deadlines())
        rising = asyncio.create_task(self._rise())
        try:
            await self._demoted.wait()
            rising.cancel()
            await asyncio.gather(rising, return_exceptions=True)
            await self._descend(renewing)
        finally:
            for task in (renewing, guarding, rising):
                task.cancel()
            await asyncio.gather(renewing, guarding, rising, return_exceptions=True)

    async def _rise(self) -> None:
        """Raise the fences, then start the workers; any failure is the end of this epoch."""
        assert self._document is not None
        epoch = self._document.epoch
        try:
            await self._crew.fence(epoch)
            self.guard.check_fencing("become active")
            self.guard.move(Mode.ACTIVE)
            self._show(Mode.ACTIVE, f"holds the lease, epoch {epoch}")
            self._crew.deadline_moved(self.guard.hard_ns)
            await self._crew.start(epoch)
        except WakeeperError as error:
            log.error("takeover_failed", epoch=epoch, error=error)
            self._demote(Demotion.LOST)

    async def _renew_for_ever(self) -> None:
        pause_s = self._jittered(self._timing.renew_s)
        while True:
            await asyncio.sleep(pause_s)
            if self._demotion is not None and not DEMOTIONS[self._demotion].keep_renewing:
                return
            renewed = await self._renew()
            pause_s = self._jittered(self._timing.renew_s) if renewed else self._soon_s()

    async def _renew(self) -> bool:
        """Try to renew once; tell whether it is certain that it worked."""
        assert self._document is not None
        wanted = self._document.renewed()
        sent_ns = self._clock.boot_ns()
        try:
            written = await self._store.replace(
                self._fields(wanted), self._version, timeout_s=self._timing.rpc_s
            )
        except PreconditionFailed:
            await self._look_again("the document has changed under us")
            return False
        except StoreError as error:
            log.warning("renewal_unanswered", epoch=wanted.epoch, error=error)
            await self._look_again("a renewal had no answer")
            return False
        self._document, self._version = wanted, written.version
        self._extend(sent_ns)
        return True

    def _extend(self, sent_ns: int) -> None:
        """Move the deadlines, ours first, then the workers'."""
        self.guard.extend(sent_ns)
        if self._demotion is None:
            self._crew.deadline_moved(self.guard.hard_ns)

    async def _look_again(self, why: str) -> None:
        """Read the document to learn its state; a reading never extends anything."""
        assert self._document is not None
        try:
            seen = await self._store.read(timeout_s=self._timing.rpc_s)
        except StoreError as error:
            log.warning("lease_unreadable", why=why, error=error)
            return
        document = parse(seen.stored) if seen.stored is not None else None
        ours = isinstance(document, LeaseDocument) and document.held_by(
            self._me.id, self._document.epoch
        )
        if not ours:
            log.error("lease_lost", why=why, epoch=self._document.epoch)
            self._demote(Demotion.LOST)
            return
        assert isinstance(document, LeaseDocument)
        self._document, self._version = document, seen.version

    async def _watch_deadlines(self) -> None:
        """Notice the deadlines as they pass; a timer may be late, so the clock is read again."""
        while True:
            if self.guard.hard_left_s <= 0:
                self._demote(Demotion.EXPIRED)
                return
            if self.guard.soft_left_s <= 0:
                self._demote(Demotion.UNCERTAIN)
                await asyncio.sleep(max(0.001, self.guard.hard_left_s))
            else:
                await asyncio.sleep(self.guard.soft_left_s)

    def _jittered(self, length_s: float) -> float:
        return length_s * (1 + RENEW_JITTER * (2 * self._share() - 1))

    def _soon_s(self) -> float:
        return self._timing.slack_s * (0.2 + 0.8 * self._share())

    # ------------------------------------------------------------------ the way down

    def _demote(self, why: Demotion) -> None:
        """Begin to go down, or go down harder; the softer reason does not overtake the harder."""
        if self.guard.mode is Mode.PASSIVE:
            return
        if self._demotion is not None and SEVERITY[why] <= SEVERITY[self._demotion]:
            return
        self._demotion = why
        if self.guard.mode is not Mode.DEMOTING:
            self.guard.move(Mode.DEMOTING)
        self._show(Mode.DEMOTING, f"gives up the lease: {why.value}")
        self._demoted.set()

    async def _descend(self, renewing: "asyncio.Task[None]") -> None:
        """End every worker as the demotion demands; harder if it gets harder meanwhile."""
        reaped = False
        while True:
            demotion = self._demotion
            assert demotion is not None
            reaped = await self._stop_crew(demotion)
            if self._demotion is demotion:
                break
        if not reaped:
            raise Unreaped(
                "end every worker: one of them can't be killed",
                hint="it hangs in the kernel, often on a dead disk; the lease is left to expire",
            )
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        if DEMOTIONS[demotion].release:
            await self._release()
        self.guard.drop()
        self.guard.move(Mode.PASSIVE)
        self._show(Mode.PASSIVE, f"gave up the lease: {demotion.value}")

    async def _stop_crew(self, demotion: Demotion) -> bool:
        way = DEMOTIONS[demotion]
        stopping = asyncio.create_task(
            self._crew.stop(
                kill_now=way.kill_now, until_ns=self._kill_at_ns(demotion), reason=demotion.value
            )
        )
        harder = asyncio.create_task(self._harder_than(demotion))
        try:
            await asyncio.wait({stopping, harder}, return_when=asyncio.FIRST_COMPLETED)
            return stopping.done() and stopping.result()
        finally:
            for task in (stopping, harder):
                task.cancel()
            await asyncio.gather(stopping, harder, return_exceptions=True)

    async def _harder_than(self, demotion: Demotion) -> None:
        """Return once a harder reason has come up."""
        while self._demotion is demotion:
            self._demoted.clear()
            await self._demoted.wait()

    def _kill_at_ns(self, demotion: Demotion) -> int:
        grace_ns = int(self._timing.grace_s * 1e9)
        last_ns = self.guard.hard_ns - int(self._timing.kill_s * 1e9)
        if demotion is Demotion.GRACEFUL:
            return self._clock.boot_ns() + grace_ns
        return last_ns

    async def _release(self) -> None:
        """Give the lease back; that it fails is harmless, it expires."""
        assert self._document is not None
        try:
            await self._store.replace(
                self._fields(self._document.released()),
                self._version,
                timeout_s=self._timing.rpc_s,
            )
        except StoreError as error:
            log.warning("lease_not_released", epoch=self._document.epoch, error=error)

    # ------------------------------------------------------------------ telling

    def _show(
        self,
        mode: Mode,
        why: str,
        *,
        epoch: int | None = None,
        held_by: str = "",
        holder_name: str = "",
        left_s: float | None = None,
    ) -> None:
        holding = mode is not Mode.PASSIVE
        standing = Standing(
            mode=mode,
            why=why,
            epoch=self._highest_epoch if epoch is None else epoch,
            held_by=self._me.id if holding else held_by,
            holder_name=self._me.instance_id if holding else holder_name,
            left_s=left_s,
        )
        news = (standing.mode, standing.why) != (self.standing.mode, self.standing.why)
        self.standing = standing
        if news:
            log.info(
                "lease",
                mode=mode.value,
                why=why,
                epoch=standing.epoch,
                held_by=standing.holder_name,
                expires_in_s=left_s,
            )
            self._changed(standing)
