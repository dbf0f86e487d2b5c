"""Waits for the lease, takes it, holds it for a tenure, and waits again.

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
from typing import Final

from shared.clock import Clock
from shared.errors import StoreError
from shared.logs import get_logger
from supervisor.lease.crew import Crew
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
    needs_fences,
)
from supervisor.lease.document import Garbled, Incarnation, LeaseDocument, parse
from supervisor.lease.guard import LeaseGuard
from supervisor.lease.modes import Demotion, Mode, Standing
from supervisor.lease.server_time import ServerTime
from supervisor.lease.tenure import Means, Rng, Tenure
from supervisor.lease.timing import LeaseTiming
from supervisor.store.contract import Ambiguous, Fences, LeaseStore, PreconditionFailed, Written

log = get_logger(__name__)

POLL_JITTER: Final = 0.2
# Nudges can't make us look more often than so many times per poll.
LOOKS_PER_POLL: Final = 10
# After a hand-over the one who asked for it must have had its chance before we compete again.
STAND_ASIDE_POLLS: Final = 3
# Takes in a row whose answer never came: the store hears us and we do not hear it. Going on, we
# would renew by our late writes what we can't hold, and keep it from those who could.
UNANSWERED_TAKES: Final = 2
UNANSWERED_ASIDE_POLLS: Final = 1.5  # beyond a TTL


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
        yields: bool = False,
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
            yields: the lease is handed over to an instance that wishes for it.
            changed: is told whenever the standing changes.
        """
        self.guard = guard
        self.standing = Standing(Mode.PASSIVE, "just started")
        self._store = store
        self._fences = fences
        self._me = me
        self._timing = timing
        self._clock = clock
        self._former_is_dead = former_is_dead
        self._node_is_stopped = node_is_stopped
        self._yields = yields
        self._changed = changed
        self._server_time = ServerTime(clock)
        self._means = Means(store, crew, guard, me, timing, clock, self._server_time, rng)
        self._highest_epoch = 0
        self._knows_fences = False  # what they carried at our start, or when one refused us
        self._tenure: Tenure | None = None
        self._next_look_s = timing.poll_s
        self._wishing = False
        self._unanswered = 0  # takes in a row
        self._aside_s = 0.0  # to stand aside before the next look
        self._ended = asyncio.Event()
        self._nudged = asyncio.Event()

    # ------------------------------------------------------------------ what others may ask

    def step_down(self) -> None:
        """Hand the lease over, and stand aside for a while; nothing where it is not held."""
        if self._tenure is not None:
            self._tenure.demote(Demotion.GRACEFUL)

    def ask_for_it(self) -> None:
        """Wish for the lease until we have it; a holder that yields hands it over."""
        self._wishing = self._tenure is None
        self._nudged.set()

    def fenced(self, epoch: int) -> None:
        """Hear that the store refused a write made under an epoch: somebody newer is there."""
        if self._tenure is not None and self._tenure.epoch == epoch:
            self._tenure.demote(Demotion.LOST)

    def end(self) -> None:
        """Give the lease back if it is held, and let `run` return; may be called again."""
        self._ended.set()
        self._nudged.set()
        self.step_down()

    def nudge(self) -> None:
        """Look at the document now: it may have changed."""
        self._nudged.set()

    # ------------------------------------------------------------------ the life

    async def run(self) -> None:
        """Wait for the lease, hold it, lose it, and wait again, until `end`.

        Cancelled, it lets no act pass from then on, releases nothing, and leaves workers to
        their own deadline: `end` is the orderly way.

        Raises:
            Unreaped: a worker could not be ended; the process must exit without a release.
        """
        while (tenure := await self._wait_for_it()) is not None:
            withdrawing = asyncio.create_task(self._withdraw_wish())
            demotion = await self._hold(tenure)
            await withdrawing
            if tenure.fenced_off:
                self._knows_fences = False
            graceful = demotion is Demotion.GRACEFUL
            await self._end_within((STAND_ASIDE_POLLS if graceful else 1) * self._timing.poll_s)
        await self._withdraw_wish()

    async def _hold(self, tenure: Tenure) -> Demotion:
        self._tenure = tenure
        if self._ended.is_set():  # while it was being taken
            tenure.demote(Demotion.GRACEFUL)
        try:
            return await tenure.hold()
        finally:
            self._tenure = None

    async def _wait_for_it(self) -> Tenure | None:
        """Look until it is ours; None when this is to end."""
        watching = asyncio.create_task(self._watch())
        try:
            while not self._ended.is_set():
                tenure = await self._try_to_take()
                if tenure is not None:
                    return tenure
                await self._pause()
        finally:
            watching.cancel()
            await asyncio.wait({watching}, timeout=self._timing.kill_s)
        return None

    async def _watch(self) -> None:
        """Look again when something changes; while we hold it, that is mostly ourselves."""
        while True:
            try:
                async for _ in self._store.watch():
                    self._nudged.set()
            except StoreError as error:
                log.warning("lease_watch_broke", error=error)
            await asyncio.sleep(self._timing.poll_s)

    async def _pause(self) -> None:
        """Wait until the next look, for a nudge at most; or stand aside, whatever nudges."""
        if self._aside_s:
            aside_s, self._aside_s = self._aside_s, 0.0
            await self._end_within(aside_s)
            return
        length_s = self._next_look_s
        floor_s = min(length_s, self._timing.poll_s / LOOKS_PER_POLL)
        if await self._end_within(floor_s):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(length_s - floor_s):
                await self._nudged.wait()
        self._nudged.clear()

    async def _end_within(self, length_s: float) -> bool:
        """Wait, except for `end`; tell whether that has come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(length_s):
                await self._ended.wait()
        return self._ended.is_set()

    # ------------------------------------------------------------------ PASSIVE

    async def _try_to_take(self) -> Tenure | None:
        """Look once, and take the lease if it is free."""
        self._next_look_s = self._means.jittered(self._timing.poll_s, POLL_JITTER)
        try:
            if not self._knows_fences:
                await self._learn_from_fences()
            sent_ns = self._clock.boot_ns()
            seen = await self._store.read(timeout_s=self._timing.rpc_s)
            self._server_time.note(seen.read_ns, sent_ns=sent_ns)
            return await self._act_on(seen, await self._conclude(seen))
        except StoreError as error:
            self._show(Mode.PASSIVE, f"the lease could not be read or taken: {error}")
            return None

    async def _conclude(self, seen: Seen) -> Conclusion:
        document = parse(seen.stored) if seen.stored is not None else None
        highest_fence = 0
        if needs_fences(document):
            highest_fence = await self._fences.highest(timeout_s=self._timing.rpc_s)
        is_dead = isinstance(document, LeaseDocument) and self._former_is_dead(document)
        conclusion = conclude(
            seen,
            Knowledge(
                me=self._me,
                ttl_ms=int(self._timing.ttl_s * 1000),
                highest_epoch=self._highest_epoch,
                highest_fence=highest_fence,
                former_is_dead=is_dead,
                node_is_stopped=self._node_is_stopped,
            ),
        )
        if document is not None and not isinstance(document, Garbled):
            self._highest_epoch = max(self._highest_epoch, document.epoch or 0)
        return conclusion

    async def _act_on(self, seen: Seen, conclusion: Conclusion) -> Tenure | None:
        match conclusion:
            case Take(base, why):
                return await self._take(base, seen.version, why)
            case Create():
                return await self._take(None, None, "the store is new")
            case Placeholder(document):
                await self._put_placeholder(document)
            case Wait():
                await self._note_holder(conclusion)
            case Refuse(why):
                self._show(Mode.PASSIVE, why)
        return None

    async def _take(self, base: LeaseDocument | None, version: object, why: str) -> Tenure | None:
        """Write ourselves down as the holder; an answer that does not come is not believed."""
        before = base or LeaseDocument(None, 0, 0, ttl_ms=1)
        mine = before.taken_by(self._me, int(self._timing.ttl_s * 1000))
        sent_ns = self._clock.boot_ns()
        try:
            written = await self._put(mine, version, create=base is None)
        except PreconditionFailed:
            self._show(Mode.PASSIVE, "another instance was faster")
            return None
        except Ambiguous:
            self._note_unanswered()
            raise
        self._unanswered = 0
        self._server_time.note(written.update_ns, sent_ns=sent_ns)
        self._highest_epoch = mine.epoch
        tenure = Tenure(
            self._means,
            mine,
            written.version,
            sent_ns=sent_ns,
            tell=self._show,
            yields=self._yields,
        )
        self._show(Mode.FENCING, f"took the lease: {why}")
        return tenure

    def _note_unanswered(self) -> None:
        self._unanswered += 1
        if self._unanswered >= UNANSWERED_TAKES:
            self._unanswered = 0
            self._aside_s = self._timing.ttl_s + UNANSWERED_ASIDE_POLLS * self._timing.poll_s

    async def _put(self, document: LeaseDocument, version: object, *, create: bool) -> Written:
        fields = document.to_fields(self._server_time.now_ms())
        if create:
            return await self._store.create(fields, timeout_s=self._timing.rpc_s)
        return await self._store.replace(fields, version, timeout_s=self._timing.rpc_s)

    async def _put_placeholder(self, document: LeaseDocument) -> None:
        with contextlib.suppress(PreconditionFailed):  # somebody put one there: as good
            await self._put(document, None, create=True)
        self._show(
            Mode.PASSIVE,
            "the lease document was missing although accounts carry an epoch: "
            "it was put back, and a whole TTL must pass",
        )

    async def _note_holder(self, wait: Wait) -> None:
        left_s = max(0.0, wait.left_ms / 1000)
        if wait.left_ms > 0:  # by its end the lease may be free: don't sleep past that
            self._next_look_s = min(self._next_look_s, left_s + self._timing.slack_s / 10)
        self._show(
            Mode.PASSIVE,
            wait.why,
            epoch=wait.epoch,
            held_by=wait.holder,
            holder_name=wait.instance_id,
            left_s=left_s,
        )
        if self._wishing:
            await self._wish()

    async def _wish(self) -> None:
        try:
            await self._store.wish(self._me.id, timeout_s=self._timing.rpc_s)
        except StoreError as error:
            log.warning("wish_not_heard", error=error)

    async def _withdraw_wish(self) -> None:
        if not self._wishing:
            return
        self._wishing = False
        try:
            await self._store.clear_wish(self._me.id, timeout_s=self._timing.rpc_s)
        except StoreError as error:
            log.warning("wish_not_withdrawn", error=error)

    async def _learn_from_fences(self) -> None:
        """Remember the highest epoch that any account carries: a lease below it makes no sense."""
        highest = await self._fences.highest(timeout_s=self._timing.rpc_s)
        self._highest_epoch = max(self._highest_epoch, highest)
        self._knows_fences = True

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
