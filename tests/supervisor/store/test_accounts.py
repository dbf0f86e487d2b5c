import asyncio

import pytest

from shared.accounts import AccountStatus
from supervisor.store.contract import LineageConflict, StatusConflict, UnknownAccount
from supervisor.store.records import NO_SESSION, AccountChanges, AccountRecord, Lineage
from tests.supervisor.store.backends import Backend, Ledger
from tests.supervisor.store.samples import ACCOUNT, NOW_MS, OTHER_ACCOUNT, account

BRANCH = Lineage("5e55", "b0")


@pytest.fixture(name="store")
async def _store(backend: Backend) -> Ledger:
    return await backend.ledger()


async def test_a_created_account_is_read_back_whole(store: Ledger) -> None:
    record = account(jid="40000000001:3@s.whatsapp.net", code=515, reason="restart")

    assert await store.accounts.create(record) == record
    assert await store.accounts.get(ACCOUNT) == record


async def test_creating_again_returns_what_stands_there(store: Ledger) -> None:
    first = await store.accounts.create(account())

    again = await store.accounts.create(account(name="Somebody else"))

    assert again == first
    assert await store.accounts.list() == [first]


async def test_accounts_are_listed_oldest_first(store: Ledger) -> None:
    await store.accounts.create(account(created_at_ms=NOW_MS + 1))
    await store.accounts.create(account(account_id=OTHER_ACCOUNT, phone=None))

    assert [each.account_id for each in await store.accounts.list()] == [OTHER_ACCOUNT, ACCOUNT]


async def test_deleted_accounts_do_not_count(store: Ledger) -> None:
    await store.accounts.create(account())
    await store.accounts.create(account(account_id=OTHER_ACCOUNT, status=AccountStatus.DELETED))

    assert await store.accounts.count() == 1


async def test_an_account_is_found_by_an_older_id_of_its_phone(store: Ledger) -> None:
    legacy = await store.accounts.create(account(account_id="account_dev_1", phone=None))

    assert await store.accounts.find_by_phone("+40000000001", [ACCOUNT, "account_dev_1"]) == legacy


async def test_an_account_is_found_by_its_phone_when_its_id_tells_nothing(store: Ledger) -> None:
    stamped = await store.accounts.create(account(account_id="account_1706600000000"))

    assert await store.accounts.find_by_phone("+40000000001", [ACCOUNT]) == stamped
    assert await store.accounts.find_by_phone("+40000000002", [OTHER_ACCOUNT]) is None


async def test_changes_leave_the_other_fields_alone(store: Ledger) -> None:
    before = await store.accounts.create(account())

    after = await store.accounts.update(
        ACCOUNT, AccountChanges(jid="40000000001:3@s.whatsapp.net"), at_ms=NOW_MS + 5
    )

    assert (after.jid, after.name, after.status) == (
        "40000000001:3@s.whatsapp.net",
        before.name,
        before.status,
    )
    assert after.updated_at_ms == NOW_MS + 5


async def test_a_change_that_expects_another_status_changes_nothing(store: Ledger) -> None:
    before = await store.accounts.create(account())

    with pytest.raises(StatusConflict):
        await store.accounts.update(
            ACCOUNT,
            AccountChanges(name="New"),
            at_ms=NOW_MS + 5,
            expected_status=AccountStatus.CONNECTED,
        )

    assert await store.accounts.get(ACCOUNT) == before


async def test_a_status_carries_its_reason_and_since_when(store: Ledger) -> None:
    await store.accounts.create(account())

    await store.accounts.set_status(ACCOUNT, AccountStatus.CONNECTED, at_ms=NOW_MS + 1)
    left = await store.accounts.set_status(
        ACCOUNT, AccountStatus.LOGGED_OUT, at_ms=NOW_MS + 2, reason="device removed", code=401
    )

    assert (left.reason, left.code, left.status_since_ms) == ("device removed", 401, NOW_MS + 2)
    assert (left.last_connected_at_ms, left.last_disconnected_at_ms) == (NOW_MS + 1, NOW_MS + 2)


async def test_the_same_status_keeps_its_since(store: Ledger) -> None:
    await store.accounts.create(account())

    again = await store.accounts.set_status(
        ACCOUNT, AccountStatus.CONNECTING, at_ms=NOW_MS + 9, reason="dialling"
    )

    assert (again.status_since_ms, again.reason) == (NOW_MS, "dialling")


async def test_an_illegal_transition_changes_nothing(store: Ledger) -> None:
    before = await store.accounts.create(account(status=AccountStatus.DISCONNECTED))

    with pytest.raises(StatusConflict, match="disconnected can't become connected"):
        await store.accounts.set_status(ACCOUNT, AccountStatus.CONNECTED, at_ms=NOW_MS + 1)

    assert await store.accounts.get(ACCOUNT) == before


async def test_an_unknown_account_can_not_be_changed(store: Ledger) -> None:
    with pytest.raises(UnknownAccount):
        await store.accounts.set_status(ACCOUNT, AccountStatus.CONNECTED, at_ms=NOW_MS)
    with pytest.raises(UnknownAccount):
        await store.accounts.update(ACCOUNT, AccountChanges(name="x"), at_ms=NOW_MS)


async def test_what_a_restart_must_know_is_kept_and_taken_away(store: Ledger) -> None:
    await store.accounts.create(account(session_id="5e55", lineage="b0"))
    found = AccountChanges(
        unconfirmed_logouts=1, unconfirmed_since_ms=NOW_MS + 1, retry_at_ms=NOW_MS + 2
    )
    await store.accounts.update(ACCOUNT, found, at_ms=NOW_MS)
    kept = await store.accounts.get(ACCOUNT)
    await store.accounts.update(ACCOUNT, NO_SESSION, at_ms=NOW_MS)
    bare = await store.accounts.get(ACCOUNT)

    assert kept is not None
    assert (kept.unconfirmed_logouts, kept.unconfirmed_since_ms) == (1, NOW_MS + 1)
    assert kept.retry_at_ms == NOW_MS + 2
    assert bare == account()


# --------------------------------------------------------------------------------------- lineage


async def test_the_first_pairing_sets_the_lineage_of_an_account_without_one(store: Ledger) -> None:
    await store.accounts.create(account())

    after = await store.accounts.set_lineage(ACCOUNT, BRANCH, expected=None, at_ms=NOW_MS + 1)

    assert (after.session_id, after.lineage) == ("5e55", "b0")
    assert await store.accounts.get(ACCOUNT) == after


async def test_a_restored_copy_takes_a_new_lineage_of_the_same_pairing(store: Ledger) -> None:
    await store.accounts.create(account(session_id="5e55", lineage="b0"))

    after = await store.accounts.set_lineage(
        ACCOUNT, Lineage("5e55", "b1"), expected=BRANCH, at_ms=NOW_MS + 1
    )

    assert after.lineage == "b1"


@pytest.mark.parametrize("expected", [None, Lineage("5e55", "b7"), Lineage("0ther", "b0")])
async def test_an_older_copy_does_not_become_the_live_one(
    store: Ledger, expected: Lineage | None
) -> None:
    before = await store.accounts.create(account(session_id="5e55", lineage="b0"))

    with pytest.raises(LineageConflict):
        await store.accounts.set_lineage(
            ACCOUNT, Lineage("5e55", "b2"), expected=expected, at_ms=NOW_MS + 1
        )

    assert await store.accounts.get(ACCOUNT) == before


async def test_of_two_copies_that_start_at_once_one_becomes_the_live_one(backend: Backend) -> None:
    ledgers = [await backend.ledger() for _ in range(4)]
    await ledgers[0].accounts.create(account(session_id="5e55", lineage="b0"))

    done = await asyncio.gather(
        *(
            each.accounts.set_lineage(
                ACCOUNT, Lineage("5e55", f"c{number}"), expected=BRANCH, at_ms=NOW_MS + 1
            )
            for number, each in enumerate(ledgers)
        ),
        return_exceptions=True,
    )

    winners = [each for each in done if isinstance(each, AccountRecord)]
    assert len(winners) == 1
    assert sum(isinstance(each, LineageConflict) for each in done) == 3
    assert await ledgers[0].accounts.get(ACCOUNT) == winners[0]


# ----------------------------------------------------------------------------------- side by side


async def test_changes_of_several_at_once_are_all_kept(backend: Backend) -> None:
    ledgers = [await backend.ledger() for _ in range(4)]
    await ledgers[0].accounts.create(account())
    changes = [
        AccountChanges(name="New"),
        AccountChanges(push_name="Desk"),
        AccountChanges(jid="40000000001:3@s.whatsapp.net"),
        AccountChanges(lid="1:3@lid"),
    ]

    await asyncio.gather(
        *(
            each.accounts.update(ACCOUNT, change, at_ms=NOW_MS)
            for each, change in zip(ledgers, changes, strict=True)
        )
    )

    found = await ledgers[0].accounts.get(ACCOUNT)
    assert found is not None
    assert (found.name, found.push_name, found.jid, found.lid) == (
        "New", "Desk", "40000000001:3@s.whatsapp.net", "1:3@lid"
    )  # fmt: skip


async def test_several_who_create_one_account_all_get_the_same(backend: Backend) -> None:
    ledgers = [await backend.ledger() for _ in range(4)]

    found = await asyncio.gather(
        *(each.accounts.create(account(name=f"n{n}")) for n, each in enumerate(ledgers))
    )

    assert len({each.name for each in found}) == 1
