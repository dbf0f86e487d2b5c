"""What every lease store does, whichever database is behind it."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from shared.errors import StoreError
from supervisor.lease.decisions import Knowledge, Refuse, conclude
from supervisor.lease.document import Incarnation, LeaseDocument
from supervisor.store.contract import LeaseStore, PreconditionFailed, Refused, Written
from tests.supervisor.store.backends import Backend

T = 5.0
ME = Incarnation("host/boot/me", "host", "boot", "state", "blue", 7, "1.0")
TAKEN = LeaseDocument(None, 0, 0, ttl_ms=1).taken_by(ME, 45_000)
CONTENDERS = 8


def fields(document: LeaseDocument = TAKEN) -> dict[str, Any]:
    return document.to_fields(1_790_000_000_000)


async def outcomes(attempts: list[Awaitable[Written]]) -> tuple[list[Written], list[BaseException]]:
    done = await asyncio.gather(*attempts, return_exceptions=True)
    written = [each for each in done if isinstance(each, Written)]
    return written, [each for each in done if isinstance(each, BaseException)]


async def test_a_new_store_has_no_lease_and_says_when_that_was(backend: Backend) -> None:
    seen = await (await backend.leases()).read(timeout_s=T)

    assert seen.stored is None
    assert seen.read_ns > 0


async def test_what_was_created_is_read_with_the_stores_own_time(backend: Backend) -> None:
    written = await (await backend.leases()).create(fields(), timeout_s=T)
    seen = await (await backend.leases()).read(timeout_s=T)

    assert seen.stored is not None
    assert {name: seen.stored[name] for name in fields()} == fields()
    assert (seen.updated_ns, seen.version) == (written.update_ns, written.version)
    assert 0 <= seen.read_ns - seen.updated_ns < 5e9


async def test_what_is_there_is_not_created_again(backend: Backend) -> None:
    leases = await backend.leases()
    await leases.create(fields(), timeout_s=T)

    with pytest.raises(PreconditionFailed):
        await leases.create(fields(TAKEN.renewed()), timeout_s=T)

    seen = await leases.read(timeout_s=T)
    assert seen.stored is not None
    assert seen.stored["renewSeq"] == TAKEN.renew_seq


async def test_only_the_state_that_was_seen_is_replaced(backend: Backend) -> None:
    leases = await backend.leases()
    first = await leases.create(fields(), timeout_s=T)

    second = await leases.replace(fields(TAKEN.renewed()), first.version, timeout_s=T)
    with pytest.raises(PreconditionFailed):
        await leases.replace(fields(TAKEN.released()), first.version, timeout_s=T)

    seen = await leases.read(timeout_s=T)
    assert seen.version == second.version
    assert seen.stored is not None
    assert seen.stored["holder"] == ME.id
    assert second.update_ns > first.update_ns


async def test_of_many_who_take_one_state_exactly_one_has_it(backend: Backend) -> None:
    first = await (await backend.leases()).create(fields(TAKEN.released()), timeout_s=T)
    instances = [await backend.leases() for _ in range(CONTENDERS)]

    won, lost = await outcomes(
        [
            each.replace({**fields(), "holder": f"h{number}"}, first.version, timeout_s=T)
            for number, each in enumerate(instances)
        ]
    )

    assert len(won) == 1
    assert all(isinstance(error, PreconditionFailed | Refused) for error in lost), lost
    seen = await instances[0].read(timeout_s=T)
    assert seen.version == won[0].version


async def test_of_many_who_create_it_exactly_one_does(backend: Backend) -> None:
    instances = [await backend.leases() for _ in range(CONTENDERS)]

    won, lost = await outcomes([each.create(fields(), timeout_s=T) for each in instances])

    assert len(won) == 1
    assert all(isinstance(error, PreconditionFailed | Refused) for error in lost), lost


async def test_a_hundred_rounds_of_take_and_release_never_have_two_winners(
    backend: Backend,
) -> None:
    instances = [await backend.leases() for _ in range(3)]
    await instances[0].create({**fields(), "epoch": 0}, timeout_s=T)

    async def compete(leases: LeaseStore, taken: list[int]) -> None:
        while len(taken) < 100:
            seen = await leases.read(timeout_s=T)
            assert seen.stored is not None
            epoch = seen.stored["epoch"] + 1
            try:
                await leases.replace({**fields(), "epoch": epoch}, seen.version, timeout_s=T)
            except (PreconditionFailed, Refused):
                continue
            taken.append(epoch)

    taken: list[int] = []
    await asyncio.gather(*(compete(each, taken) for each in instances))

    assert sorted(taken) == list(range(1, len(taken) + 1))


async def test_every_write_moves_the_time_even_one_that_says_nothing_new(backend: Backend) -> None:
    leases = await backend.leases()
    first = await leases.create(fields(), timeout_s=T)

    second = await leases.replace(fields(), first.version, timeout_s=T)

    seen = await leases.read(timeout_s=T)
    assert second.update_ns > first.update_ns
    assert second.version != first.version
    assert seen.version == second.version


async def test_readings_age_by_the_stores_clock(backend: Backend) -> None:
    leases = await backend.leases()
    await leases.create(fields(), timeout_s=T)

    younger, older = await leases.read(timeout_s=T), await leases.read(timeout_s=T)

    assert older.read_ns > younger.read_ns
    assert older.updated_ns == younger.updated_ns


async def test_fields_of_others_stay(backend: Backend) -> None:
    await backend.tamper({**fields(), "previousHolder": "node-1"})
    leases = await backend.leases()
    seen = await leases.read(timeout_s=T)

    await leases.replace(fields(TAKEN.renewed()), seen.version, timeout_s=T)

    after = await leases.read(timeout_s=T)
    assert after.stored is not None
    assert after.stored["previousHolder"] == "node-1"
    assert after.stored["renewSeq"] == TAKEN.renew_seq + 1


async def test_times_for_people_are_stamped_by_the_store(backend: Backend) -> None:
    leases = await backend.leases()
    first = await leases.create(fields(), timeout_s=T)
    created = (await leases.read(timeout_s=T)).stored
    second = await leases.replace(fields(TAKEN.renewed()), first.version, timeout_s=T)
    renewed = (await leases.read(timeout_s=T)).stored
    await asyncio.sleep(0.01)
    taken = TAKEN.taken_by(ME, 45_000)
    await leases.replace(fields(taken), second.version, timeout_s=T)
    retaken = (await leases.read(timeout_s=T)).stored

    assert created is not None
    assert renewed is not None
    assert retaken is not None
    assert created["acquiredAt"] == renewed["acquiredAt"] < retaken["acquiredAt"]
    assert created["renewedAt"] <= renewed["renewedAt"] < retaken["renewedAt"]
    assert retaken["updatedAt"] == retaken["renewedAt"]


async def test_a_deleted_document_is_missing_and_can_not_be_renewed(backend: Backend) -> None:
    leases = await backend.leases()
    first = await leases.create(fields(), timeout_s=T)
    await backend.tamper(None)

    with pytest.raises(PreconditionFailed):
        await leases.replace(fields(TAKEN.renewed()), first.version, timeout_s=T)

    assert (await leases.read(timeout_s=T)).stored is None


async def test_nothing_is_replaced_where_nothing_was_seen(backend: Backend) -> None:
    leases = await backend.leases()
    seen = await leases.read(timeout_s=T)

    with pytest.raises(PreconditionFailed):
        await leases.replace(fields(), seen.version, timeout_s=T)


@pytest.mark.parametrize(
    "garbled",
    [{}, {"epoch": "seven"}, {**fields(), "ttlMs": -1}, {"holder": ["x"], "nested": {"a": [None]}}],
)
async def test_a_garbled_document_is_given_as_it_stands(
    backend: Backend, garbled: dict[str, Any]
) -> None:
    await backend.tamper(garbled)

    seen = await (await backend.leases()).read(timeout_s=T)

    assert seen.stored is not None
    assert {name: seen.stored[name] for name in garbled} == garbled
    assert isinstance(conclude(seen, Knowledge(ME, 45_000)), Refuse)


# -------------------------------------------------------------------------------------- watching


class Watch:
    """A watch whose next change can be waited for, again and again."""

    def __init__(self, leases: LeaseStore) -> None:
        self._heard = asyncio.Event()
        self._task = asyncio.create_task(self._run(leases))

    async def _run(self, leases: LeaseStore) -> None:
        async for _ in leases.watch():
            self._heard.set()

    async def quiet(self, for_s: float = 0.7) -> None:
        """Wait until nothing was heard for a while: what the opening itself tells is over."""
        while await self.heard(for_s):
            pass

    async def heard(self, within_s: float) -> bool:
        """Tell whether something was heard since the last time, or is in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._heard.wait()
        except TimeoutError:
            return False
        self._heard.clear()
        return True

    async def close(self) -> None:
        assert not self._task.done()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        assert self._task.cancelled()


async def test_a_release_wakes_the_one_who_waits_within_a_second(backend: Backend) -> None:
    holder = await backend.leases()
    held = await holder.create(fields(), timeout_s=T)
    watch = Watch(await backend.leases())
    await watch.quiet()

    await holder.replace(fields(TAKEN.released()), held.version, timeout_s=T)

    assert await watch.heard(1.0)
    await watch.close()


async def test_a_wish_wakes_the_holder_within_a_second(backend: Backend) -> None:
    holder = await backend.leases()
    await holder.create(fields(), timeout_s=T)
    watch = Watch(holder)
    await watch.quiet()

    await (await backend.leases()).wish("another", timeout_s=T)

    assert await watch.heard(1.0)
    await watch.close()


async def test_a_watch_of_nothing_hears_the_creation(backend: Backend) -> None:
    watch = Watch(await backend.leases())
    await watch.quiet()

    await (await backend.leases()).create(fields(), timeout_s=T)

    assert await watch.heard(1.0)
    await watch.close()


# ---------------------------------------------------------------------------------------- wishes


async def test_wishes_are_read_latest_first_and_end_when_cleared(backend: Backend) -> None:
    first, second = await backend.leases(), await backend.leases()
    assert await first.wishes(timeout_s=T) == []
    await first.wish("one", timeout_s=T)
    await second.wish("two", timeout_s=T)

    found = await first.wishes(timeout_s=T)
    assert [wish.incarnation for wish in found] == ["two", "one"]
    assert all(0 <= wish.read_ns - wish.at_ns < 5e9 for wish in found)

    await first.wish("one", timeout_s=T)
    assert [wish.incarnation for wish in await second.wishes(timeout_s=T)] == ["one", "two"]

    await first.clear_wish("one", timeout_s=T)
    await first.clear_wish("one", timeout_s=T)
    assert [wish.incarnation for wish in await second.wishes(timeout_s=T)] == ["two"]


async def test_wishes_leave_the_lease_alone(backend: Backend) -> None:
    leases = await backend.leases()
    written = await leases.create(fields(), timeout_s=T)

    await leases.wish("another", timeout_s=T)

    assert (await leases.read(timeout_s=T)).version == written.version


async def test_no_time_at_all_is_an_error_and_not_a_missing_document(backend: Backend) -> None:
    leases = await backend.leases()
    await leases.create(fields(), timeout_s=T)

    with pytest.raises(StoreError):
        await leases.read(timeout_s=0.0)
