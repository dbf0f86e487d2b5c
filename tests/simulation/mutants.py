"""The lease, broken on purpose: the simulation must catch each of these.

Those with a letter are the designs that lease.md's model found wanting; the others are mistakes
that are easily made.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from shared.clock import Clock
from supervisor.lease import manager
from supervisor.lease.decisions import (
    Conclusion,
    Knowledge,
    Placeholder,
    Seen,
    Take,
    Wait,
    conclude,
)
from supervisor.lease.document import NODE_SKEW_MS, LeaseDocument, parse
from supervisor.lease.guard import LeaseGuard
from supervisor.lease.manager import LeaseManager
from supervisor.lease.modes import Demotion
from supervisor.lease.server_time import ServerTime
from supervisor.lease.tenure import Tenure
from tests.simulation.host import Parts, SimCrew
from tests.simulation.worker import Worker


@dataclass(frozen=True)
class Mutant:
    """A fault of design, and how it is planted.

    Attributes:
        parts: what the world is made of.
        plant: changes what parts can't.
        caught_by: a violation that it must provoke, among others.
    """

    name: str
    caught_by: str
    parts: Parts = field(default_factory=Parts)
    plant: Callable[[pytest.MonkeyPatch], None] = lambda _: None


# ---------------------------------------------------------------------- A: the wall clock decides


class ByWallClock(LeaseManager):
    """Both sides compare `leaseUntil` with their own wall clock, as Node does."""

    async def _conclude(self, seen: Seen) -> Conclusion:
        if seen.stored is not None:
            wall_ns = int(self._clock.wall_s() * 1e9)
            until_ns = int(seen.stored["leaseUntil"] - NODE_SKEW_MS) * 1_000_000
            ttl_ns = int(self._timing.ttl_s * 1e9)
            seen = replace(seen, read_ns=wall_ns, updated_ns=min(wall_ns, until_ns - ttl_ns))
        return await super()._conclude(seen)


class WallTime:
    """Stands where the server's time is kept, and keeps the wall clock's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def note(self, server_ns: int, *, sent_ns: int) -> None:
        """Take no notice."""

    def now_ms(self) -> int:
        return int(self._clock.wall_s() * 1000)


def _by_wall_clock(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(manager, "ServerTime", WallTime)


# ---------------------------------------------------------------------- C: counted from the reply


class CountsFromReply(LeaseGuard):
    def extend(self, sent_ns: int) -> None:  # noqa: ARG002
        super().extend(self._clock.boot_ns())


# ---------------------------------------------------------------------- K: no deadline in workers


class WithoutDeadline(Worker):
    def expired(self) -> bool:
        return False

    def _set_alarm(self) -> None:
        """Only the supervisor ends it."""


# ---------------------------------------------------------------------- N1: extended by a reading


class ExtendsOnRead(Tenure):
    def _is_ours(self, document: LeaseDocument) -> bool:
        ours = super()._is_ours(document)
        if ours:
            self._extend(self._means.clock.boot_ns())
        return ours


# ---------------------------------------------------------------------- ours


class ReleasesEarly(Tenure):
    """Gives the lease back while the last worker is still ending."""

    async def _stop_crew(self) -> bool:
        stopping = asyncio.create_task(super()._stop_crew())
        await asyncio.sleep(0.5)
        if self.demotion is Demotion.GRACEFUL:
            await self._release()
        return await stopping


class AdoptsLateTaking(LeaseManager):
    """Finds its own name in the document, after a taking without an answer, and believes it."""

    async def _take(self, base: LeaseDocument | None, version: object, why: str) -> Tenure | None:
        if base is None or base.holder != self._me.id:
            return await super()._take(base, version, why)
        now_ns = self._clock.boot_ns()
        return Tenure(self._means, base, version, sent_ns=now_ns, tell=self._show)


def _renew_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LeaseDocument, "renewed", lambda self: self)
    patch.setattr(ServerTime, "now_ms", lambda _: 0)


def _keep_epoch(patch: pytest.MonkeyPatch) -> None:
    taken_by = LeaseDocument.taken_by

    def same_epoch(self: LeaseDocument, me: Any, ttl_ms: int) -> LeaseDocument:
        return replace(taken_by(self, me, ttl_ms), epoch=max(1, self.epoch))

    patch.setattr(LeaseDocument, "taken_by", same_epoch)


def _take_what_is_missing(patch: pytest.MonkeyPatch) -> None:
    def eager(seen: Seen, known: Knowledge) -> Conclusion:
        conclusion = conclude(seen, known)
        if isinstance(conclusion, Placeholder):
            return Placeholder(replace(conclusion.document, holder=None))
        return conclusion

    patch.setattr(manager, "conclude", eager)


def _take_early(patch: pytest.MonkeyPatch) -> None:
    def early(seen: Seen, known: Knowledge) -> Conclusion:
        conclusion = conclude(seen, known)
        if isinstance(conclusion, Wait) and conclusion.left_ms < 20_000:
            document = parse(seen.stored or {})
            assert isinstance(document, LeaseDocument)
            return Take(document, "it is nearly over")
        return conclusion

    patch.setattr(manager, "conclude", early)


class FencesLast(SimCrew):
    """Starts the workers first, and raises the fences when there is time."""

    async def fence(self, epoch: int) -> None:
        """Later."""

    async def start(self, epoch: int) -> None:
        await super().start(epoch)
        await asyncio.sleep(10)
        await super().fence(epoch)


def _tenure(kind: type[Tenure]) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(manager, "Tenure", kind)


MUTANTS: Final = (
    Mutant(
        "A: the wall clock decides",
        "acted after",
        Parts(manager=ByWallClock),
        _by_wall_clock,
    ),
    Mutant("C: counted from the reply", "too long", Parts(guard=CountsFromReply)),
    Mutant("K: no deadline in the worker", "acted after", Parts(worker=WithoutDeadline)),
    Mutant("N1: extended by a reading", "too long", plant=_tenure(ExtendsOnRead)),
    Mutant("released before the last exit", "released while", plant=_tenure(ReleasesEarly)),
    Mutant("an unanswered taking is adopted", "too long", Parts(manager=AdoptsLateTaking)),
    Mutant("a renewal changes nothing", "acted after", plant=_renew_nothing),
    Mutant("the epoch stays on a take-over", "was acquired", plant=_keep_epoch),
    Mutant("a missing document is a free lease", "acted after", plant=_take_what_is_missing),
    Mutant("taken before its time", "acted after", plant=_take_early),
    Mutant("fences are raised last", "before its fence", Parts(crew=FencesLast)),
    Mutant("the store does not look at fences", "behind a fence", Parts(checks_fences=False)),
)
