"""One tenure of the lease: from taking it, through renewing it, to giving it up or losing it.

The renewals, the deadlines, the way up and the way down are tasks of their own, so that none of
them can be held up by another. Whatever ends the tenure calls `demote`; `hold` then walks the way
down, and returns when the last worker is reaped.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from shared.clock import Clock
from shared.errors import StoreError, WakeeperError
from shared.logs import get_logger
from supervisor.lease.crew import Crew, Unreaped
from supervisor.lease.document import Incarnation, LeaseDocument, parse
from supervisor.lease.guard import LeaseGuard
from supervisor.lease.modes import DEMOTIONS, SEVERITY, Demotion, Mode
from supervisor.lease.server_time import ServerTime
from supervisor.lease.timing import LeaseTiming
from supervisor.store.contract import Fenced, LeaseStore, PreconditionFailed

log = get_logger(__name__)

RENEW_JITTER: Final = 0.1
RELEASE_TRIES: Final = 3
WISH_RENEWALS: Final = 3  # wishes are looked for once in so many renewals: each look costs a read

Rng = Callable[[int], bytes]
Tell = Callable[[Mode, str], None]


@dataclass(frozen=True, slots=True)
class Means:
    """What an instance takes, holds and loses the lease with."""

    store: LeaseStore
    crew: Crew
    guard: LeaseGuard
    me: Incarnation
    timing: LeaseTiming
    clock: Clock
    server_time: ServerTime
    rng: Rng

    def share(self) -> float:
        """Return a random number from 0 to 1."""
        return int.from_bytes(self.rng(4), "big") / 2**32

    def jittered(self, length_s: float, jitter: float) -> float:
        """Return a length give or take a share of it."""
        return length_s * (1 + jitter * (2 * self.share() - 1))


class Tenure:
    """The lease in our hands: `hold` is its whole life.

    Args:
        means: what it is held with.
        document: as we wrote it.
        version: of what we wrote.
        sent_ns: CLOCK_BOOTTIME before the request was sent that took it.
        tell: is told each mode, and why.
        yields: whether it is given up when another instance wishes for it.
    """

    def __init__(
        self,
        means: Means,
        document: LeaseDocument,
        version: object,
        *,
        sent_ns: int,
        tell: Tell,
        yields: bool = False,
    ) -> None:
        self._means = means
        self._guard = means.guard
        self._timing = means.timing
        self._document = document
        self._version = version
        self._tell = tell
        self._yields = yields
        self.epoch: Final = document.epoch
        self.demotion: Demotion | None = None
        self.fenced_off = False
        self._demoted = asyncio.Event()
        self._renewed_enough = asyncio.Event()
        self._failure: BaseException | None = None
        self._guard.move(Mode.FENCING)
        self._guard.take(self.epoch, sent_ns)

    def demote(self, why: Demotion) -> None:
        """Begin to go down, or go down harder; a softer reason does not overtake a harder one."""
        if self._guard.mode is Mode.PASSIVE:
            return
        if self.demotion is not None and SEVERITY[why] <= SEVERITY[self.demotion]:
            return
        self.demotion = why
        if self._guard.mode is not Mode.DEMOTING:
            self._guard.move(Mode.DEMOTING)
        if not DEMOTIONS[why].keep_renewing:
            self._guard.drop()
        self._tell(Mode.DEMOTING, f"gives up the lease: {why.value}")
        self._demoted.set()

    async def hold(self) -> Demotion:
        """Hold the lease until something ends that, and walk the way down; return what ended it.

        Cancelled, it lets nothing pass from then on, and leaves workers to their own deadline.

        Raises:
            Unreaped: a worker could not be ended; the process must exit without a release.
            Exception: a part of it broke by a fault of ours; every worker is reaped.
        """
        renewing = self._part(self._renew_until_told())
        rising = self._part(self._rise())
        parts = [renewing, rising, self._part(self._watch_deadlines())]
        if self._yields:
            parts.append(self._part(self._heed_wishes()))
        try:
            await self._demoted.wait()
            await self._put_away(rising)
            return await self._descend(renewing)
        finally:
            self._guard.drop()
            await self._put_away(*parts)

    # ------------------------------------------------------------------ parts

    def _part(self, life: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(life)
        task.add_done_callback(self._part_ended)
        return task

    def _part_ended(self, task: "asyncio.Task[None]") -> None:
        """Go down when a part breaks: nobody would renew, or notice that it's too late."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("lease_part_broke", epoch=self.epoch, error=error)
            self._failure = self._failure or error
            self.demote(Demotion.LOST)

    async def _put_away(self, *tasks: "asyncio.Task[None]") -> None:
        """End tasks; one that does not let itself be cancelled holds nothing up for long."""
        for task in tasks:
            task.cancel()
        _, late = await asyncio.wait(tasks, timeout=self._timing.kill_s)
        if late:
            log.error("lease_part_lingers", epoch=self.epoch, tasks=len(late))

    # ------------------------------------------------------------------ the way up

    async def _rise(self) -> None:
        """Raise the fences, then start the workers; what refuses us ends this tenure."""
        crew = self._means.crew
        try:
            await self._insist("raise the fences", crew.fence)
            self._guard.check_fencing("become active")
            self._guard.move(Mode.ACTIVE)
            self._tell(Mode.ACTIVE, f"holds the lease, epoch {self.epoch}")
            crew.deadline_moved(self._guard.hard_ns)
            await self._insist("start the workers", crew.start)
        except Fenced as error:
            log.error("takeover_fenced_off", epoch=self.epoch, error=error)
            self.fenced_off = True
            self.demote(Demotion.LOST)
        except WakeeperError as error:
            if self.demotion is None:
                log.error("takeover_failed", epoch=self.epoch, error=error)
            self.demote(Demotion.GRACEFUL)

    async def _insist(self, act: str, do: Callable[[int], Awaitable[None]]) -> None:
        """Repeat until the store has answered; if it never does, the soft deadline ends this."""
        while True:
            try:
                return await do(self.epoch)
            except Fenced:
                raise
            except StoreError as error:
                log.warning("takeover_delayed", epoch=self.epoch, act=act, error=error)
                await asyncio.sleep(self._soon_s())

    # ------------------------------------------------------------------ renewing

    async def _renew_until_told(self) -> None:
        """Renew; told that it's enough, finish the attempt that is under way, and return."""
        pause_s = self._pause_s()
        while not await self._enough_within(pause_s):
            if self.demotion is not None and not DEMOTIONS[self.demotion].keep_renewing:
                return
            pause_s = self._pause_s() if await self._renew() else self._soon_s()

    async def _enough_within(self, length_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(length_s):
                await self._renewed_enough.wait()
        return self._renewed_enough.is_set()

    async def _renew(self) -> bool:
        """Try to renew once; tell whether it is certain that it worked."""
        wanted = self._document.renewed()
        sent_ns = self._means.clock.boot_ns()
        try:
            await self._write(wanted, sent_ns)
        except PreconditionFailed:
            await self._look_again("the document has changed under us")
            return False
        except StoreError as error:
            log.warning("renewal_unanswered", epoch=self.epoch, error=error)
            await self._look_again("a renewal had no answer")
            return False
        self._extend(sent_ns)
        return True

    async def _write(self, wanted: LeaseDocument, sent_ns: int) -> None:
        """Replace what we know to stand there; afterwards that is what we know."""
        means = self._means
        fields = wanted.to_fields(means.server_time.now_ms())
        written = await means.store.replace(fields, self._version, timeout_s=self._timing.rpc_s)
        means.server_time.note(written.update_ns, sent_ns=sent_ns)
        self._document, self._version = wanted, written.version

    def _extend(self, sent_ns: int) -> None:
        """Move the deadlines, ours first, then the workers'; one that has passed is not revived."""
        if self.demotion is not None and not DEMOTIONS[self.demotion].keep_renewing:
            return
        if self._guard.hard_left_s <= 0:
            self.demote(Demotion.EXPIRED)
            return
        self._guard.extend(sent_ns)
        self._means.crew.deadline_moved(self._guard.hard_ns)

    async def _look_again(self, why: str) -> None:
        """Read the document to learn its state; a reading never extends anything."""
        try:
            seen = await self._means.store.read(timeout_s=self._timing.rpc_s)
        except StoreError as error:
            log.warning("lease_unreadable", why=why, error=error)
            return
        document = parse(seen.stored) if seen.stored is not None else None
        if not isinstance(document, LeaseDocument) or not self._is_ours(document):
            log.error("lease_lost", why=why, epoch=self.epoch)
            self.demote(Demotion.LOST)
            return
        self._document, self._version = document, seen.version

    def _is_ours(self, document: LeaseDocument) -> bool:
        return document.held_by(self._means.me.id, self.epoch)

    async def _watch_deadlines(self) -> None:
        """Notice the deadlines as they pass.

        A timer may be late, and stands still while the machine sleeps: the clock is read again,
        and often. What must not happen after a deadline does not depend on this; see the guard.
        """
        while True:
            if self._guard.hard_left_s <= 0:
                self.demote(Demotion.EXPIRED)
                return
            left_s = self._guard.soft_left_s
            if left_s <= 0:
                self.demote(Demotion.UNCERTAIN)
                left_s = self._guard.hard_left_s
            await asyncio.sleep(min(left_s, self._timing.slack_s))

    async def _heed_wishes(self) -> None:
        """Give up the lease when another instance has asked for it lately."""
        pause_s = WISH_RENEWALS * self._timing.renew_s
        while True:
            await asyncio.sleep(pause_s)
            try:
                wishes = await self._means.store.wishes(timeout_s=self._timing.rpc_s)
            except StoreError as error:
                log.warning("wishes_unreadable", error=error)
                continue
            fresh_ns = int(self._timing.ttl_s * 1e9)
            others = [wish for wish in wishes if wish.incarnation != self._means.me.id]
            if any(wish.read_ns - wish.at_ns <= fresh_ns for wish in others):
                log.info("lease_wished_for", epoch=self.epoch)
                self.demote(Demotion.GRACEFUL)
                return

    def _pause_s(self) -> float:
        return self._means.jittered(self._timing.renew_s, RENEW_JITTER)

    def _soon_s(self) -> float:
        return self._timing.slack_s * (0.2 + 0.8 * self._means.share())

    # ------------------------------------------------------------------ the way down

    async def _descend(self, renewing: "asyncio.Task[None]") -> Demotion:
        """End every worker as the demotion demands; harder if it gets harder meanwhile."""
        if not await self._stop_crew():
            raise Unreaped(
                "end every worker: one of them can't be killed",
                hint="it hangs in the kernel, often on a dead disk; the lease is left to expire",
            )
        assert self.demotion is not None
        if DEMOTIONS[self.demotion].release:
            await self._finish(renewing)
            await self._release()
        self._guard.drop()
        self._guard.move(Mode.PASSIVE)
        self._tell(Mode.PASSIVE, f"gave up the lease: {self.demotion.value}")
        if self._failure is not None:
            raise self._failure
        return self.demotion

    async def _stop_crew(self) -> bool:
        """End the workers; a harder reason calls again, beside the call that is under way.

        An earlier call is not cancelled before every worker is reaped: it may just be sending a
        signal, or noting who ended.
        """
        tasks: list[asyncio.Task[bool]] = []
        try:
            while True:
                self._demoted.clear()
                stopping = asyncio.create_task(self._stop_once())
                harder = asyncio.create_task(self._demoted.wait())
                tasks += (stopping, harder)
                await asyncio.wait({stopping, harder}, return_when=asyncio.FIRST_COMPLETED)
                if stopping.done():
                    return stopping.result()
        finally:
            for task in tasks:
                task.cancel()

    async def _stop_once(self) -> bool:
        assert self.demotion is not None
        return await self._means.crew.stop(
            kill_now=DEMOTIONS[self.demotion].kill_now,
            until_ns=self._kill_at_ns(self.demotion),
            reason=self.demotion.value,
        )

    def _kill_at_ns(self, demotion: Demotion) -> int:
        now_ns = self._means.clock.boot_ns()
        last_ns = self._guard.hard_ns - int(self._timing.kill_s * 1e9)
        if demotion is Demotion.UNCERTAIN:
            return last_ns
        if demotion is Demotion.GRACEFUL:
            return min(last_ns, now_ns + int(self._timing.grace_s * 1e9))
        return now_ns

    async def _finish(self, renewing: "asyncio.Task[None]") -> None:
        """Let a renewal that is under way end: a release beside it would fail, or undo it."""
        self._renewed_enough.set()
        await asyncio.wait({renewing}, timeout=2 * self._timing.rpc_s)
        await self._put_away(renewing)

    async def _release(self) -> None:
        """Give the lease back; that it fails is harmless, it expires."""
        for _ in range(RELEASE_TRIES):
            try:
                await self._write(self._document.released(), self._means.clock.boot_ns())
            except StoreError as error:
                log.warning("lease_not_released", epoch=self.epoch, error=error)
            else:
                return
            if not await self._is_still_ours():
                return

    async def _is_still_ours(self) -> bool:
        """Read what a release that failed has left; also True when nobody knows."""
        try:
            seen = await self._means.store.read(timeout_s=self._timing.rpc_s)
        except StoreError as error:
            log.warning("lease_unreadable", why="a release failed", error=error)
            return True
        document = parse(seen.stored) if seen.stored is not None else None
        if not isinstance(document, LeaseDocument) or not self._is_ours(document):
            return False
        self._document, self._version = document, seen.version
        return True
