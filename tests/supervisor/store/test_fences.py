"""What every implementation's fences keep out, and whom they let pass."""

import asyncio

import pytest

from shared.accounts import AccountStatus
from shared.errors import WakeeperError
from supervisor.store.contract import Fenced, Permit, StatusConflict, Tenure
from supervisor.store.records import AccountChanges
from tests.supervisor.store.backends import Backend
from tests.supervisor.store.samples import ACCOUNT, NOW_MS, OTHER_ACCOUNT, account

T = 5.0


class LeaseIsGone(WakeeperError):
    """What a guard raises."""


def always(epoch: int, holder: str = "") -> Permit:
    tenure = Tenure(epoch, holder or f"h{epoch}")
    return lambda: tenure


async def test_a_store_without_fences_has_no_epoch(backend: Backend) -> None:
    assert await (await backend.ledger()).fences.highest(timeout_s=T) == 0


async def test_the_highest_epoch_is_that_of_any_account(backend: Backend) -> None:
    fences = (await backend.ledger()).fences
    await fences.raise_to([ACCOUNT], 7, "h7", timeout_s=T)
    await fences.raise_to([OTHER_ACCOUNT], 12, "h12", timeout_s=T)

    assert await fences.highest(timeout_s=T) == 12


async def test_hundreds_of_fences_are_raised_at_once(backend: Backend) -> None:
    fences = (await backend.ledger()).fences
    names = [f"account_{number:03}" for number in range(450)]

    await fences.raise_to(names, 3, "h3", timeout_s=T)
    await fences.raise_to([*names, "one-more"], 4, "h4", timeout_s=T)

    for name in (names[0], names[210], names[-1], "one-more"):
        with pytest.raises(Fenced):
            await fences.raise_to([name], 3, "h3", timeout_s=T)


async def test_raising_again_changes_nothing(backend: Backend) -> None:
    fences = (await backend.ledger()).fences
    await fences.raise_to([ACCOUNT], 7, "h7", timeout_s=T)
    await fences.raise_to([ACCOUNT], 7, "h7", timeout_s=T)
    await fences.raise_to([], 1, "h1", timeout_s=T)

    assert await fences.highest(timeout_s=T) == 7


@pytest.mark.parametrize(("epoch", "holder"), [(6, "h6"), (6, "h7"), (7, "another"), (0, "")])
async def test_a_fence_is_never_lowered_nor_shared(
    backend: Backend, epoch: int, holder: str
) -> None:
    fences = (await backend.ledger()).fences
    await fences.raise_to([ACCOUNT], 7, "h7", timeout_s=T)

    with pytest.raises(Fenced, match="epoch 7"):
        await fences.raise_to([OTHER_ACCOUNT, ACCOUNT], epoch, holder, timeout_s=T)

    await fences.raise_to([ACCOUNT], 7, "h7", timeout_s=T)


async def test_of_two_takeovers_at_once_the_newer_has_all_accounts(backend: Backend) -> None:
    ledgers = [await backend.ledger() for _ in range(2)]
    names = [f"account_{number:02}" for number in range(20)]

    older, newer = await asyncio.gather(
        ledgers[0].fences.raise_to(names, 5, "h5", timeout_s=T),
        ledgers[1].fences.raise_to(names, 6, "h6", timeout_s=T),
        return_exceptions=True,
    )

    assert newer is None
    assert older is None or isinstance(older, Fenced)
    for name in names:
        with pytest.raises(Fenced, match="epoch 6"):
            await ledgers[0].fences.raise_to([name], 5, "h5", timeout_s=T)


# ----------------------------------------------------------------------------- writes for accounts


async def test_the_older_holder_can_not_write_once_the_newer_has_raised_the_fence(
    backend: Backend,
) -> None:
    old, new = await backend.ledger(always(1)), await backend.ledger(always(2))
    await old.fences.raise_to([ACCOUNT], 1, "h1", timeout_s=T)
    await old.accounts.create(account())
    await old.accounts.set_status(ACCOUNT, AccountStatus.CONNECTED, at_ms=NOW_MS + 1)

    await new.fences.raise_to([ACCOUNT], 2, "h2", timeout_s=T)

    before = await new.accounts.get(ACCOUNT)
    with pytest.raises(Fenced, match="epoch 2"):
        await old.accounts.set_status(ACCOUNT, AccountStatus.NEEDS_QR, at_ms=NOW_MS + 2)
    with pytest.raises(Fenced, match="epoch 2"):
        await old.accounts.update(ACCOUNT, AccountChanges(name="stale"), at_ms=NOW_MS + 2)
    assert await old.accounts.get(ACCOUNT) == before
    await new.accounts.update(ACCOUNT, AccountChanges(name="fresh"), at_ms=NOW_MS + 3)


async def test_an_account_is_fenced_by_whoever_creates_it(backend: Backend) -> None:
    new, old = await backend.ledger(always(9)), await backend.ledger(always(8))
    await new.accounts.create(account())

    with pytest.raises(Fenced):
        await old.accounts.update(ACCOUNT, AccountChanges(name="stale"), at_ms=NOW_MS)

    assert await new.fences.highest(timeout_s=T) == 9


async def test_a_newer_holders_write_raises_a_fence_that_was_left_behind(backend: Backend) -> None:
    old, new = await backend.ledger(always(1)), await backend.ledger(always(2))
    await old.accounts.create(account())  # after the newer one listed what it takes over

    await new.accounts.update(ACCOUNT, AccountChanges(name="new"), at_ms=NOW_MS)

    with pytest.raises(Fenced):
        await old.accounts.update(ACCOUNT, AccountChanges(name="stale"), at_ms=NOW_MS)


async def test_nobody_writes_without_a_lease_once_there_was_one(backend: Backend) -> None:
    tool, holder = await backend.ledger(), await backend.ledger(always(1))
    await tool.accounts.create(account())
    await holder.accounts.update(ACCOUNT, AccountChanges(name="held"), at_ms=NOW_MS)

    with pytest.raises(Fenced):
        await tool.accounts.update(ACCOUNT, AccountChanges(name="by hand"), at_ms=NOW_MS)


async def test_without_a_permit_nothing_is_written(backend: Backend) -> None:
    def refuse() -> Tenure:
        raise LeaseIsGone("write: the lease ran out")

    passive = await backend.ledger(refuse)

    with pytest.raises(LeaseIsGone):
        await passive.accounts.create(account())

    assert await passive.accounts.list() == []


async def test_a_lease_that_ends_while_the_write_waits_stops_it(backend: Backend) -> None:
    asked: list[int] = []

    def ends_at_second_glance() -> Tenure:
        asked.append(1)
        return Tenure(1, "h1") if len(asked) == 1 else Tenure(2, "h2")

    await (await backend.ledger(always(1))).accounts.create(account())
    late = await backend.ledger(ends_at_second_glance)

    with pytest.raises(Fenced, match="is over"):
        await late.accounts.update(ACCOUNT, AccountChanges(name="late"), at_ms=NOW_MS)

    found = await late.accounts.get(ACCOUNT)
    assert found is not None
    assert found.name == "Front desk"


async def test_a_refused_change_is_still_told_from_a_fence(backend: Backend) -> None:
    ledger = await backend.ledger(always(1))
    await ledger.accounts.create(account(status=AccountStatus.DISCONNECTED))

    with pytest.raises(StatusConflict):
        await ledger.accounts.set_status(ACCOUNT, AccountStatus.CONNECTED, at_ms=NOW_MS)


async def test_a_storm_of_writes_during_a_takeover_ends_with_the_newer_holders_state(
    backend: Backend,
) -> None:
    old, new = await backend.ledger(always(1)), await backend.ledger(always(2))
    names = [f"account_{number:02}" for number in range(8)]
    for name in names:
        await old.accounts.create(account(account_id=name, phone=None))
    raised = asyncio.Event()

    async def write_on(name: str) -> str:
        for count in range(1000):
            mark = f"old-{count}-{raised.is_set()}"
            try:
                await old.accounts.update(name, AccountChanges(name=mark), at_ms=NOW_MS)
            except Fenced:
                return "fenced"
        return "never fenced"

    async def take_over() -> None:
        await asyncio.sleep(0.1)
        await new.fences.raise_to(names, 2, "h2", timeout_s=T)
        raised.set()

    ends = await asyncio.gather(*(write_on(name) for name in names), take_over())

    assert ends[:-1] == ["fenced"] * len(names)
    found = await new.accounts.list()
    assert len(found) == len(names)
    assert not [each.name for each in found if each.name.endswith("True")]
