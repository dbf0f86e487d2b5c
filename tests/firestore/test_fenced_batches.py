"""Batches behind a fence, under load, contention and lost replies."""

import asyncio
from typing import Any

import grpc
import pytest

from shared.accounts import AccountStatus
from shared.errors import StoreError
from supervisor.store.contract import Ambiguous, Fenced, Permit, PreconditionFailed, Tenure
from supervisor.store.firestore import writes
from supervisor.store.firestore.accounts import FirestoreAccounts
from supervisor.store.firestore.client import FirestoreClient
from supervisor.store.firestore.fences import FirestoreFences, GarbledFence
from tests.firestore.faults import FaultProxy, Way
from tests.firestore.instances import Instances
from tests.supervisor.store.samples import ACCOUNT, NOW_MS, account

T = 10.0
Code = grpc.StatusCode


def always(epoch: int) -> Permit:
    return lambda: Tenure(epoch, f"h{epoch}")


def note(client: FirestoreClient, name: str) -> Any:
    return writes.create(client.name(f"notes/{name}"), {"by": name})


async def test_two_hundred_batches_of_the_holder_pass_side_by_side_and_the_stale_one_does_not(
    instances: Instances,
) -> None:
    client = instances.beside()
    old, new = FirestoreFences(client, always(1)), FirestoreFences(client, always(2))
    await old.commit(ACCOUNT, [note(client, "before")], timeout_s=T)
    await new.raise_to([ACCOUNT], 2, "h2", timeout_s=T)
    raised = await client.get([f"fences/{ACCOUNT}"], timeout_s=T)

    batches = [
        new.commit(ACCOUNT, [note(client, f"n{number}")], timeout_s=T) for number in range(200)
    ]
    *passed, stale = await asyncio.gather(
        *batches,
        old.commit(ACCOUNT, [note(client, "stale")], timeout_s=T),
        return_exceptions=True,
    )

    assert [each for each in passed if isinstance(each, BaseException)] == []
    assert isinstance(stale, Fenced)
    found = await client.get([f"notes/n{number}" for number in range(200)], timeout_s=T)
    assert len(found.documents) == 200
    assert (await client.get(["notes/stale"], timeout_s=T)).documents == {}
    after = await client.get([f"fences/{ACCOUNT}"], timeout_s=T)
    assert after.documents == raised.documents  # a fence that is passed does not move


async def test_what_else_fails_in_a_batch_is_told_from_the_fence(instances: Instances) -> None:
    client = instances.beside()
    fences = FirestoreFences(client, always(1))
    await fences.commit(ACCOUNT, [note(client, "once")], timeout_s=T)

    with pytest.raises(PreconditionFailed):
        await fences.commit(ACCOUNT, [note(client, "once"), note(client, "other")], timeout_s=T)

    assert (await client.get(["notes/other"], timeout_s=T)).documents == {}


async def test_a_fence_that_was_deleted_is_put_back_by_the_next_batch(instances: Instances) -> None:
    client = instances.beside()
    fences = FirestoreFences(client, always(4))
    await fences.commit(ACCOUNT, [note(client, "first")], timeout_s=T)
    await client.commit([writes.delete(client.name(f"fences/{ACCOUNT}"))], timeout_s=T)

    await fences.commit(ACCOUNT, [note(client, "second")], timeout_s=T)

    assert await fences.highest(timeout_s=T) == 4


@pytest.mark.parametrize("garbled", [{"epoch": "9", "holder": "x"}, {"epoch": True}, {}])
async def test_a_garbled_fence_stops_everything_and_is_left_alone(
    instances: Instances, garbled: dict[str, Any]
) -> None:
    client = instances.beside()
    fences = FirestoreFences(client, always(4))
    await client.commit([writes.put(client.name(f"fences/{ACCOUNT}"), garbled)], timeout_s=T)

    with pytest.raises(GarbledFence):
        await fences.commit(ACCOUNT, [note(client, "x")], timeout_s=T)
    with pytest.raises(GarbledFence):
        await fences.raise_to([ACCOUNT], 4, "h4", timeout_s=T)

    found = await client.get([f"fences/{ACCOUNT}", "notes/x"], timeout_s=T)
    assert [each.fields for each in found.documents.values()] == [garbled]


async def test_raising_goes_on_after_contention(client: FirestoreClient, proxy: FaultProxy) -> None:
    fences = FirestoreFences(client, always(1))
    with proxy.fault("Commit", Way.ABORT, code=Code.ABORTED, calls=2):
        await fences.raise_to([ACCOUNT], 3, "h3", timeout_s=T)

    assert await fences.highest(timeout_s=T) == 3


async def test_raising_is_repeated_after_a_lost_reply(
    client: FirestoreClient, proxy: FaultProxy
) -> None:
    fences = FirestoreFences(client, always(1))
    with proxy.fault("Commit", Way.LOSE_REPLY, calls=1), pytest.raises(Ambiguous):
        await fences.raise_to([ACCOUNT], 3, "h3", timeout_s=T)

    await fences.raise_to([ACCOUNT], 3, "h3", timeout_s=T)

    assert await fences.highest(timeout_s=T) == 3


async def test_raising_many_ends_at_its_deadline(
    client: FirestoreClient, proxy: FaultProxy
) -> None:
    fences = FirestoreFences(client, always(1))
    began = asyncio.get_running_loop().time()

    with proxy.fault("Commit", Way.BLACK_HOLE), pytest.raises(Ambiguous):
        await fences.raise_to([f"a{n}" for n in range(600)], 3, "h3", timeout_s=1.0)

    assert 0.9 < asyncio.get_running_loop().time() - began < 1.3


async def test_the_highest_epoch_is_unknown_rather_than_none_when_nobody_answers(
    client: FirestoreClient, proxy: FaultProxy
) -> None:
    fences = FirestoreFences(client, always(1))
    await fences.raise_to([ACCOUNT], 3, "h3", timeout_s=T)
    for way in (Way.EMPTY, Way.ABORT):
        with proxy.fault("RunQuery", way), pytest.raises(StoreError):
            await fences.highest(timeout_s=T)


async def test_a_change_whose_reply_is_lost_can_be_repeated(
    client: FirestoreClient, proxy: FaultProxy
) -> None:
    accounts = FirestoreAccounts(client, FirestoreFences(client, always(1)))
    await accounts.create(account())
    with proxy.fault("Commit", Way.LOSE_REPLY, calls=1), pytest.raises(Ambiguous):
        await accounts.set_status(ACCOUNT, AccountStatus.CONNECTED, at_ms=NOW_MS + 1)

    again = await accounts.set_status(ACCOUNT, AccountStatus.CONNECTED, at_ms=NOW_MS + 1)

    assert again.last_connected_at_ms == NOW_MS + 1
    assert await accounts.get(ACCOUNT) == again


async def test_a_late_change_of_the_older_holder_is_refused(
    instances: Instances, client: FirestoreClient, proxy: FaultProxy
) -> None:
    """The old holder's batch is on its way while the newer one takes over."""
    old = FirestoreFences(client, always(1))
    new = FirestoreFences(instances.beside(), always(2))
    await old.commit(ACCOUNT, [note(client, "before")], timeout_s=T)
    with proxy.fault("Commit", Way.DELAY, delay_s=0.4, calls=1) as fault:
        late = asyncio.create_task(old.commit(ACCOUNT, [note(client, "late")], timeout_s=T))
        async with asyncio.timeout(T):
            await fault.hit.wait()
        await new.raise_to([ACCOUNT], 2, "h2", timeout_s=T)

        with pytest.raises(Fenced):
            await late

    assert (await client.get(["notes/late"], timeout_s=T)).documents == {}
