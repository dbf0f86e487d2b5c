import pytest

from shared.accounts import AccountStatus
from supervisor.store.contract import StatusConflict, Store, UnknownAccount
from supervisor.store.records import AccountChanges
from tests.supervisor.store.samples import ACCOUNT, NOW_MS, OTHER_ACCOUNT, account


async def test_a_created_account_is_read_back_whole(store: Store) -> None:
    record = account(jid="40000000001:3@s.whatsapp.net", code=515, reason="restart")

    assert await store.accounts.create(record) == record
    assert await store.accounts.get(ACCOUNT) == record


async def test_creating_again_returns_what_stands_there(store: Store) -> None:
    first = await store.accounts.create(account())

    again = await store.accounts.create(account(name="Somebody else"))

    assert again == first
    assert await store.accounts.list() == [first]


async def test_accounts_are_listed_oldest_first(store: Store) -> None:
    await store.accounts.create(account(created_at_ms=NOW_MS + 1))
    await store.accounts.create(account(account_id=OTHER_ACCOUNT, phone=None))

    assert [each.account_id for each in await store.accounts.list()] == [OTHER_ACCOUNT, ACCOUNT]


async def test_deleted_accounts_do_not_count(store: Store) -> None:
    await store.accounts.create(account())
    await store.accounts.create(account(account_id=OTHER_ACCOUNT, status=AccountStatus.DELETED))

    assert await store.accounts.count() == 1


async def test_an_account_is_found_by_an_older_id_of_its_phone(store: Store) -> None:
    legacy = await store.accounts.create(account(account_id="account_dev_1", phone=None))

    assert await store.accounts.find_by_phone("+40000000001", [ACCOUNT, "account_dev_1"]) == legacy


async def test_an_account_is_found_by_its_phone_when_its_id_tells_nothing(store: Store) -> None:
    stamped = await store.accounts.create(account(account_id="account_1706600000000"))

    assert await store.accounts.find_by_phone("+40000000001", [ACCOUNT]) == stamped
    assert await store.accounts.find_by_phone("+40000000002", [OTHER_ACCOUNT]) is None


async def test_changes_leave_the_other_fields_alone(store: Store) -> None:
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


async def test_a_change_that_expects_another_status_changes_nothing(store: Store) -> None:
    before = await store.accounts.create(account())

    with pytest.raises(StatusConflict):
        await store.accounts.update(
            ACCOUNT,
            AccountChanges(name="New"),
            at_ms=NOW_MS + 5,
            expected_status=AccountStatus.CONNECTED,
        )

    assert await store.accounts.get(ACCOUNT) == before


async def test_a_status_carries_its_reason_and_since_when(store: Store) -> None:
    await store.accounts.create(account())

    await store.accounts.set_status(ACCOUNT, AccountStatus.CONNECTED, at_ms=NOW_MS + 1)
    left = await store.accounts.set_status(
        ACCOUNT, AccountStatus.LOGGED_OUT, at_ms=NOW_MS + 2, reason="device removed", code=401
    )

    assert (left.reason, left.code, left.status_since_ms) == ("device removed", 401, NOW_MS + 2)
    assert (left.last_connected_at_ms, left.last_disconnected_at_ms) == (NOW_MS + 1, NOW_MS + 2)


async def test_the_same_status_keeps_its_since(store: Store) -> None:
    await store.accounts.create(account())

    again = await store.accounts.set_status(
        ACCOUNT, AccountStatus.CONNECTING, at_ms=NOW_MS + 9, reason="dialling"
    )

    assert (again.status_since_ms, again.reason) == (NOW_MS, "dialling")


async def test_an_illegal_transition_changes_nothing(store: Store) -> None:
    before = await store.accounts.create(account(status=AccountStatus.DISCONNECTED))

    with pytest.raises(StatusConflict, match="disconnected can't become connected"):
        await store.accounts.set_status(ACCOUNT, AccountStatus.CONNECTED, at_ms=NOW_MS + 1)

    assert await store.accounts.get(ACCOUNT) == before


async def test_an_unknown_account_can_not_be_changed(store: Store) -> None:
    with pytest.raises(UnknownAccount):
        await store.accounts.set_status(ACCOUNT, AccountStatus.CONNECTED, at_ms=NOW_MS)
    with pytest.raises(UnknownAccount):
        await store.accounts.update(ACCOUNT, AccountChanges(name="x"), at_ms=NOW_MS)
