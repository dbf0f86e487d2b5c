"""What an idle day costs in Firestore, counted call by call on the way to the emulator.

A holder and a standby run with the real constants while other things are measured. Google counts
each document read, also one that is not there or that a listener hears of, each write, and at
least one read for each query; so does this.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.cloud.firestore_v1 import types

from supervisor.store.firestore.listener import LISTEN_S
from tests.bench.fleet import ENVIRONMENT, pair
from tests.bench.machine import pss_mib
from tests.firestore import emulator
from tests.firestore.faults import FaultProxy
from tests.supervisor.standby.site import Instance, open_site

ACCOUNTS: Final = 3
DAY_S: Final = 86_400
PROBES: Final = 3
LEAST_S: Final = 90.0  # of counting
_Change: Final = types.TargetChange.TargetChangeType


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that is charged.

    Attributes:
        at_s: time.monotonic.
        kind: "reads" or "writes".
        documents: how many.
        opening: whether it is part of opening a listener.
    """

    at_s: float
    kind: str
    documents: int
    opening: bool = False


class CountingProxy(FaultProxy):
    """Counts what passes."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.operations: list[Operation] = []

    async def serve(
        self, method: str, requests: AsyncIterator[bytes], context: Any
    ) -> AsyncIterator[bytes]:
        """Answer one call, and count it."""
        name = method.rsplit("/", 1)[1]
        count = _Call(name, self.operations)
        async for answer in super().serve(method, _noted(requests, count), context):
            count.answer(answer)
            yield answer
        count.ended()


async def _noted(requests: AsyncIterator[bytes], count: "_Call") -> AsyncIterator[bytes]:
    async for request in requests:
        count.request(request)
        yield request


class _Call:
    """Counts one call."""

    def __init__(self, name: str, operations: list[Operation]) -> None:
        self._name = name
        self._operations = operations
        self._found = 0
        self._targets_to_come = 0

    def request(self, data: bytes) -> None:
        if self._name == "Commit":
            self._add("writes", len(types.CommitRequest.pb().FromString(data).writes))
        elif self._name == "Listen":
            request = types.ListenRequest.pb().FromString(data)
            if request.HasField("add_target"):
                self._targets_to_come += 1
                if request.add_target.HasField("query"):  # one that finds nothing is one read
                    self._add("reads", 1, opening=True)

    def answer(self, data: bytes) -> None:
        if self._name == "BatchGetDocuments":
            got = types.BatchGetDocumentsResponse.pb().FromString(data)
            self._add("reads", int(got.HasField("found") or bool(got.missing)))
        elif self._name == "RunQuery":
            self._found += types.RunQueryResponse.pb().FromString(data).HasField("document")
        elif self._name == "Listen":
            self._hear(types.ListenResponse.pb().FromString(data))

    def ended(self) -> None:
        if self._name == "RunQuery":
            self._add("reads", max(1, self._found))

    def _hear(self, heard: Any) -> None:
        kind = heard.WhichOneof("response_type")
        if kind in {"document_change", "document_delete"}:
            self._add("reads", 1, opening=self._targets_to_come > 0)
        elif kind == "target_change" and heard.target_change.target_change_type == _Change.CURRENT:
            self._targets_to_come -= len(heard.target_change.target_ids) or self._targets_to_come

    def _add(self, kind: str, documents: int, *, opening: bool = False) -> None:
        if documents:
            self._operations.append(Operation(time.monotonic(), kind, documents, opening))


@dataclass(frozen=True, slots=True)
class Day:
    """What an idle day costs, computed from what was counted."""

    reads: float
    writes: float
    counted_s: float

    @property
    def operations(self) -> float:
        """Reads and writes together."""
        return self.reads + self.writes


@dataclass(frozen=True, slots=True)
class Cost:
    """The figures.

    Attributes:
        probe_reads: documents that one `GET /ready` reads, with `ACCOUNTS` accounts.
        supervisor_mib: PSS of the holder's supervisor, which has grpc in it.
    """

    holder: Day
    standby: Day
    probe_reads: int
    supervisor_mib: float


def day_of(operations: Sequence[Operation], since_s: float, openings: int) -> Day:
    """Return a day's cost.

    Args:
        operations: all that were counted.
        since_s: when everything had settled.
        openings: how often a listener is opened in a day.
    """
    regular = [each for each in operations if each.at_s >= since_s and not each.opening]
    opening = sum(each.documents for each in operations if each.opening)
    if len(regular) < 2:
        return Day(opening * openings, 0, 0)
    # From the first to the last: the first one begins the interval, and is not in it.
    counted_s = regular[-1].at_s - regular[0].at_s
    each_day = {
        kind: sum(op.documents for op in regular[1:] if op.kind == kind) * DAY_S / counted_s
        for kind in ("reads", "writes")
    }
    return Day(each_day["reads"] + opening * openings, each_day["writes"], counted_s)


class Counting:
    """A holder and a standby that are being counted; make it with `counting`."""

    def __init__(self, holder: Instance, proxies: tuple[CountingProxy, CountingProxy]) -> None:
        self._holder = holder
        self._proxies = proxies
        self._since_s = time.monotonic()

    async def finish(self) -> Cost:
        """Return the figures, after a while where too little was counted."""
        await asyncio.sleep(max(0.0, self._since_s + LEAST_S - time.monotonic()))
        holder, standby = self._proxies
        days = (
            day_of(holder.operations, self._since_s, 0),  # it does not listen
            day_of(standby.operations, self._since_s, round(DAY_S / LISTEN_S)),
        )
        # The least of a few: other reads may fall into the same moment.
        probes = [await self._probe_reads(holder) for _ in range(PROBES)]
        return Cost(*days, min(probes), pss_mib(self._holder.pid))

    async def _probe_reads(self, proxy: CountingProxy) -> int:
        before = len(proxy.operations)
        await self._holder.get("/ready")
        return sum(each.documents for each in proxy.operations[before:] if each.kind == "reads")


@contextlib.asynccontextmanager
async def counting(settle_s: float = 5.0) -> AsyncIterator[Counting | None]:
    """Give a running pair, or nothing where there is no emulator."""
    if emulator.what_is_missing():
        yield None
        return
    host, project = emulator.shared().host, f"bench-{secrets.token_hex(6)}"
    extra = {**ENVIRONMENT, "STORE": "firestore", "GOOGLE_CLOUD_PROJECT": project}
    async with (
        CountingProxy(host) as ours,
        CountingProxy(host) as theirs,
        open_site(**extra) as site,
    ):
        holder = await site.started("holder", mode="active", FIRESTORE_EMULATOR_HOST=ours.host)
        await pair(site, holder, ACCOUNTS)
        await site.started("standby", mode="passive", FIRESTORE_EMULATOR_HOST=theirs.host)
        await asyncio.sleep(settle_s)
        yield Counting(holder, (ours, theirs))
