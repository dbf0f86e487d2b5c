"""The lease when calls are lost, late, refused or swallowed: what is reported, and when."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from shared.errors import StoreError
from supervisor.lease.document import Incarnation, LeaseDocument
from supervisor.store.contract import Ambiguous, PreconditionFailed, Refused, Written
from supervisor.store.firestore.leases import FirestoreLeases
from tests.firestore.faults import FaultProxy, Way
from tests.firestore.instances import Instances

T = 5.0
SHORT = 0.4
LATE = 0.3  # what a deadline may be missed by
Code = grpc.StatusCode
FREE = LeaseDocument(None, 0, 0, ttl_ms=1)


def taken(name: str, base: LeaseDocument = FREE) -> LeaseDocument:
    me = Incarnation(name, "host", "boot", "state", name, 7, "1.0")
    return base.taken_by(me, 45_000)


def fields(document: LeaseDocument) -> dict[str, Any]:
    return document.to_fields(1_790_000_000_000)


@pytest.fixture
def leases(instances: Instances) -> FirestoreLeases:
    return FirestoreLeases(instances.through_proxy())


@pytest.fixture
def truth(instances: Instances) -> FirestoreLeases:
    """See the lease past all faults."""
    return FirestoreLeases(instances.beside())


@pytest.fixture
async def held(truth: FirestoreLeases) -> Written:
    """Let `a` hold the lease."""
    return await truth.create(fields(taken("a")), timeout_s=T)


async def stored(truth: FirestoreLeases) -> dict[str, Any]:
    seen = await truth.read(timeout_s=T)
    assert seen.stored is not None
    return dict(seen.stored)


@asynccontextmanager
async def lasting(least_s: float, most_s: float) -> AsyncIterator[None]:
    began = time.monotonic()
    yield
    lasted = time.monotonic() - began
    assert least_s <= lasted <= most_s, lasted


# ---------------------------------------------------------------------- applied, the reply lost


async def test_a_creation_whose_reply_is_lost_is_unknown_and_a_reading_tells(
    leases: FirestoreLeases, truth: FirestoreLeases, proxy: FaultProxy
) -> None:
    with proxy.fault("Commit", Way.LOSE_REPLY, calls=1), pytest.raises(Ambiguous):
        await leases.create(fields(taken("a")), timeout_s=T)

    with pytest.raises(PreconditionFailed):
        await leases.create(fields(taken("a")), timeout_s=T)
    assert (await stored(truth))["holder"] == "a"
    assert proxy.calls.count("Commit") == 2


async def test_a_renewal_whose_reply_is_lost_is_taken_up_from_a_reading(
    leases: FirestoreLeases, held: Written, proxy: FaultProxy
) -> None:
    renewed = taken("a").renewed()
    with proxy.fault("Commit", Way.LOSE_REPLY, calls=1), pytest.raises(Ambiguous):
        await leases.replace(fields(renewed), held.version, timeout_s=T)

    with pytest.raises(PreconditionFailed):
        await leases.replace(fields(renewed), held.version, timeout_s=T)
    seen = await leases.read(timeout_s=T)
    assert seen.stored is not None
    assert (seen.stored["holder"], seen.stored["renewSeq"]) == ("a", renewed.renew_seq)
    await leases.replace(fields(renewed.renewed()), seen.version, timeout_s=T)


async def test_nothing_is_sent_twice_by_itself(
    leases: FirestoreLeases, held: Written, proxy: FaultProxy
) -> None:
    for code in (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.ABORTED, Code.INTERNAL):
        with proxy.fault("Commit", Way.ABORT, code=code), pytest.raises(StoreError):
            await leases.replace(fields(taken("a").renewed()), held.version, timeout_s=T)
        with proxy.fault("BatchGetDocuments", Way.ABORT, code=code), pytest.raises(StoreError):
            await leases.read(timeout_s=T)

    assert proxy.calls.count("Commit") == proxy.calls.count("BatchGetDocuments") == 4


# ----------------------------------------------------------------------------------- late, or never


async def test_a_late_acquisition_takes_effect_after_its_deadline(
    leases: FirestoreLeases, truth: FirestoreLeases, held: Written, proxy: FaultProxy
) -> None:
    mine = taken("b", taken("a"))
    with proxy.fault("Commit", Way.DELAY, delay_s=2 * SHORT, calls=1) as fault:
        async with lasting(SHORT - 0.01, SHORT + LATE):
            with pytest.raises(Ambiguous):
                await leases.replace(fields(mine), held.version, timeout_s=SHORT)
        assert (await stored(truth))["holder"] == "a"

        async with asyncio.timeout(T):
            await fault.applied.wait()

    assert (await stored(truth))["holder"] == "b"


async def test_a_late_acquisition_of_a_state_that_has_changed_is_refused(
    leases: FirestoreLeases, truth: FirestoreLeases, held: Written, proxy: FaultProxy
) -> None:
    with proxy.fault("Commit", Way.DELAY, delay_s=2 * SHORT, calls=1) as fault:
        with pytest.raises(Ambiguous):
            await leases.replace(fields(taken("b", taken("a"))), held.version, timeout_s=SHORT)
        await truth.replace(fields(taken("c", taken("a"))), held.version, timeout_s=T)
        await asyncio.gather(*proxy.late(), return_exceptions=True)
        assert not fault.applied.is_set()

    assert (await stored(truth))["holder"] == "c"


@pytest.mark.parametrize("method", ["BatchGetDocuments", "Commit", "RunQuery"])
async def test_a_call_that_is_swallowed_ends_at_its_deadline(
    leases: FirestoreLeases, held: Written, proxy: FaultProxy, method: str
) -> None:
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "BatchGetDocuments": lambda: leases.read(timeout_s=SHORT),
        "Commit": lambda: leases.replace(
            fields(taken("a").renewed()), held.version, timeout_s=SHORT
        ),
        "RunQuery": lambda: leases.wishes(timeout_s=SHORT),
    }
    with proxy.fault(method, Way.BLACK_HOLE):
        for _ in range(3):  # the third goes over a new connection
            async with lasting(SHORT - 0.01, SHORT + LATE):
                with pytest.raises(Ambiguous):
                    await calls[method]()


async def test_a_caller_who_gives_up_is_not_told_something_else(
    leases: FirestoreLeases, proxy: FaultProxy
) -> None:
    with proxy.fault("BatchGetDocuments", Way.BLACK_HOLE) as fault:
        reading = asyncio.create_task(leases.read(timeout_s=T))
        async with asyncio.timeout(T):
            await fault.hit.wait()
        reading.cancel()
        async with lasting(0, LATE):
            with pytest.raises(asyncio.CancelledError):
                await reading


async def test_a_client_that_is_closed_meanwhile_says_so_as_an_error(
    instances: Instances, proxy: FaultProxy
) -> None:
    client = instances.through_proxy()
    leases = FirestoreLeases(client)
    with proxy.fault("BatchGetDocuments", Way.BLACK_HOLE) as fault:
        reading = asyncio.create_task(leases.read(timeout_s=T))
        async with asyncio.timeout(T):
            await fault.hit.wait()
        await client.close()
        with pytest.raises(Ambiguous):
            await reading

    with pytest.raises(StoreError, match="closed"):
        await leases.read(timeout_s=T)


# --------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    "code",
    [Code.PERMISSION_DENIED, Code.UNAUTHENTICATED, Code.RESOURCE_EXHAUSTED, Code.ABORTED],
)
async def test_a_refusal_wrote_nothing_and_is_no_lost_lease(
    leases: FirestoreLeases,
    truth: FirestoreLeases,
    held: Written,
    proxy: FaultProxy,
    code: grpc.StatusCode,
) -> None:
    with proxy.fault("Commit", Way.ABORT, code=code), pytest.raises(Refused):
        await leases.replace(fields(taken("a").renewed()), held.version, timeout_s=T)
    with proxy.fault("BatchGetDocuments", Way.ABORT, code=code), pytest.raises(Refused):
        await leases.read(timeout_s=T)

    assert (await truth.read(timeout_s=T)).version == held.version


@pytest.mark.parametrize(
    "code",
    [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.UNKNOWN, Code.CANCELLED],
)
async def test_an_answer_that_tells_nothing_is_unknown(
    leases: FirestoreLeases, held: Written, proxy: FaultProxy, code: grpc.StatusCode
) -> None:
    with proxy.fault("Commit", Way.ABORT, code=code), pytest.raises(Ambiguous):
        await leases.replace(fields(taken("a").renewed()), held.version, timeout_s=T)


@pytest.mark.parametrize("code", [Code.NOT_FOUND, Code.FAILED_PRECONDITION, Code.ALREADY_EXISTS])
async def test_a_read_that_is_refused_is_never_a_missing_document(
    leases: FirestoreLeases, held: Written, proxy: FaultProxy, code: grpc.StatusCode
) -> None:
    with proxy.fault("BatchGetDocuments", Way.ABORT, code=code), pytest.raises(Refused):
        await leases.read(timeout_s=T)


async def test_an_empty_answer_is_no_missing_document(
    leases: FirestoreLeases, held: Written, proxy: FaultProxy
) -> None:
    with proxy.fault("BatchGetDocuments", Way.EMPTY), pytest.raises(Ambiguous):
        await leases.read(timeout_s=T)
    with proxy.fault("RunQuery", Way.EMPTY), pytest.raises(Ambiguous):
        await leases.wishes(timeout_s=T)


# -------------------------------------------------------------------------------------- watching


class Watch:
    def __init__(self, leases: FirestoreLeases) -> None:
        self.heard = asyncio.Event()
        self.task = asyncio.create_task(self._run(leases))

    async def _run(self, leases: FirestoreLeases) -> None:
        async for _ in leases.watch():
            self.heard.set()

    async def next(self, within_s: float) -> None:
        async with asyncio.timeout(within_s):
            await self.heard.wait()
        self.heard.clear()

    async def quiet(self) -> None:
        while True:
            try:
                await self.next(0.5)
            except TimeoutError:
                return

    async def close(self) -> None:
        assert not self.task.done()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_a_watch_hears_again_after_its_connection_broke(
    leases: FirestoreLeases, truth: FirestoreLeases, held: Written, proxy: FaultProxy
) -> None:
    watch = Watch(leases)
    await watch.quiet()
    await proxy.down()
    await proxy.up()

    await watch.next(6)  # opened again: something may have been missed
    await watch.quiet()
    await truth.replace(fields(taken("a").released()), held.version, timeout_s=T)

    await watch.next(1)
    await watch.close()


async def test_a_watch_that_is_not_allowed_stays_calm(
    leases: FirestoreLeases, held: Written, proxy: FaultProxy
) -> None:
    with proxy.fault("Listen", Way.ABORT, code=Code.PERMISSION_DENIED) as fault:
        watch = Watch(leases)
        async with asyncio.timeout(T):
            await fault.hit.wait()
        await asyncio.sleep(1.2)
        # gRPC may lose the code of a stream that is refused while it opens: that one is retried.
        assert fault.hits <= 2
        assert (await leases.read(timeout_s=T)).version == held.version
        await watch.close()


async def test_a_watch_that_hears_nothing_disturbs_nobody(
    leases: FirestoreLeases, truth: FirestoreLeases, held: Written, proxy: FaultProxy
) -> None:
    with proxy.fault("Listen", Way.HOLD_ANSWERS):
        watch = Watch(leases)
        await truth.replace(fields(taken("a").released()), held.version, timeout_s=T)
        seen = await leases.read(timeout_s=T)
        assert seen.stored is not None
        assert seen.stored["holder"] is None
        assert not watch.heard.is_set()
        await watch.close()
