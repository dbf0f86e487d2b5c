"""How our records stand in Firestore, and how those of the Node backend are read."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.accounts import AccountStatus
from supervisor.lease.decisions import Knowledge, Take, Wait, conclude
from supervisor.lease.document import Incarnation, LeaseDocument
from supervisor.store.contract import UnknownAccount, without_lease
from supervisor.store.firestore import values, writes
from supervisor.store.firestore.account_documents import GarbledAccount
from supervisor.store.firestore.accounts import FirestoreAccounts
from supervisor.store.firestore.client import FirestoreClient
from supervisor.store.firestore.fences import FirestoreFences
from supervisor.store.firestore.leases import FirestoreLeases
from supervisor.store.records import AccountChanges
from tests.supervisor.store.samples import ACCOUNT, NOW_MS, OTHER_ACCOUNT, account

T = 5.0
NOW = dt.datetime.fromtimestamp(NOW_MS / 1000, dt.UTC)
ME = Incarnation("host/boot/me", "host", "boot", "state", "blue", 7, "1.0")


@pytest.fixture
def accounts(client: FirestoreClient) -> FirestoreAccounts:
    return FirestoreAccounts(client, FirestoreFences(client, without_lease))


async def put(client: FirestoreClient, path: str, fields: dict[str, Any]) -> None:
    await client.commit([writes.put(client.name(path), fields)], timeout_s=T)


async def fields_of(client: FirestoreClient, path: str) -> dict[str, Any]:
    return (await client.get([path], timeout_s=T)).documents[path].fields


# ------------------------------------------------------------------------------------- the accounts


async def test_an_account_has_the_fields_that_the_app_reads(
    client: FirestoreClient, accounts: FirestoreAccounts
) -> None:
    await accounts.create(account(jid="40000000001:3@s.whatsapp.net"))
    await accounts.set_status(ACCOUNT, AccountStatus.CONNECTED, at_ms=NOW_MS + 7)
    await accounts.set_status(
        ACCOUNT, AccountStatus.LOGGED_OUT, at_ms=NOW_MS + 9, reason="removed", code=401
    )

    found = await fields_of(client, f"accounts/{ACCOUNT}")

    assert found["createdAt"] == f"{NOW:%Y-%m-%dT%H:%M:%S}.000Z"
    assert found["lastConnectedAt"] == NOW + dt.timedelta(milliseconds=7)
    assert found["updatedAt"] == NOW + dt.timedelta(milliseconds=9)
    shown = {
        name: found[name]
        for name in (
            "accountId", "name", "phoneE164", "status", "waJid", "qrCode", "pairingCode",
            "requiresQR", "lastDisconnectReason", "lastDisconnectCode",
        )
    }  # fmt: skip
    assert shown == {
        "accountId": ACCOUNT,
        "name": "Front desk",
        "phoneE164": "+40000000001",
        "status": "logged_out",
        "waJid": "40000000001:3@s.whatsapp.net",
        "qrCode": None,
        "pairingCode": None,
        "requiresQR": True,
        "lastDisconnectReason": "removed",
        "lastDisconnectCode": 401,
    }


async def test_the_last_reason_stays_when_the_account_is_back(
    client: FirestoreClient, accounts: FirestoreAccounts
) -> None:
    await accounts.create(account(status=AccountStatus.RECONNECTING))
    await accounts.set_status(
        ACCOUNT, AccountStatus.RECONNECTING, at_ms=NOW_MS, reason="stream error", code=515
    )
    after = await accounts.set_status(ACCOUNT, AccountStatus.CONNECTED, at_ms=NOW_MS + 1)

    assert (after.reason, after.code) == (None, None)
    found = await fields_of(client, f"accounts/{ACCOUNT}")
    assert (found["lastDisconnectReason"], found["lastDisconnectCode"]) == ("stream error", 515)
    assert found["requiresQR"] is False


NODE: dict[str, Any] = {
    "accountId": ACCOUNT,
    "name": "Desk",
    "phoneE164": "+40000000001",
    "status": "connected",
    "qrCode": "data:image/png;base64,AAAA",
    "createdAt": "2026-01-30T12:00:00.250Z",
    "updatedAt": NOW,
    "lastConnectedAt": "2026-01-30T12:00:01Z",
    "lastDisconnectCode": 428.0,
    "autoReplyEnabled": True,
    "worker": {"service": "whatsapp-backend", "uptime": 12.5},
    "autoBackfillLease": {"Until": NOW, "list": [1, None, {"a": b"\x00"}]},
}


async def test_an_account_of_the_node_backend_is_read(
    client: FirestoreClient, accounts: FirestoreAccounts
) -> None:
    await put(client, f"accounts/{ACCOUNT}", NODE)

    [found] = await accounts.list()

    assert (found.name, found.phone, found.status) == (
        "Desk", "+40000000001", AccountStatus.CONNECTED
    )  # fmt: skip
    assert found.created_at_ms == 1_769_774_400_250
    assert found.last_connected_at_ms == 1_769_774_401_000
    assert (found.updated_at_ms, found.status_since_ms) == (NOW_MS, NOW_MS)
    assert (found.reason, found.code, found.session_id) == (None, 428, None)


async def test_what_others_keep_in_an_account_is_left_alone(
    client: FirestoreClient, accounts: FirestoreAccounts
) -> None:
    await put(client, f"accounts/{ACCOUNT}", NODE)

    await accounts.update(ACCOUNT, AccountChanges(push_name="Desk"), at_ms=NOW_MS + 5)

    found = await fields_of(client, f"accounts/{ACCOUNT}")
    foreign = ("autoReplyEnabled", "worker", "autoBackfillLease", "createdAt", "lastConnectedAt")
    assert {name: found[name] for name in foreign} == {name: NODE[name] for name in foreign}
    assert (found["pushName"], found["qrCode"]) == ("Desk", None)


async def test_a_change_that_changes_nothing_takes_nothing_away(
    client: FirestoreClient, accounts: FirestoreAccounts
) -> None:
    await put(client, f"accounts/{ACCOUNT}", NODE)
    await accounts.update(ACCOUNT, AccountChanges(name="Desk"), at_ms=NOW_MS)
    before = await fields_of(client, f"accounts/{ACCOUNT}")

    await accounts.update(ACCOUNT, AccountChanges(name="Desk"), at_ms=NOW_MS)

    assert await fields_of(client, f"accounts/{ACCOUNT}") == before
    assert before["autoReplyEnabled"] is True


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("connecting", AccountStatus.NEEDS_QR),
        ("disconnected", AccountStatus.NEEDS_QR),
        ("connected", AccountStatus.CONNECTED),
        ("logged_out", AccountStatus.LOGGED_OUT),
        ("qr_ready", AccountStatus.QR_READY),
    ],
)
async def test_an_account_that_node_lost_the_session_of_needs_a_qr(
    client: FirestoreClient, accounts: FirestoreAccounts, stored: str, shown: AccountStatus
) -> None:
    await put(client, f"accounts/{ACCOUNT}", {**NODE, "status": stored, "requiresQR": True})

    found = await accounts.get(ACCOUNT)

    assert found is not None
    assert found.status is shown


async def test_an_account_that_makes_no_sense_hides_no_other(
    client: FirestoreClient, accounts: FirestoreAccounts, log_lines: list[str]
) -> None:
    await put(client, f"accounts/{ACCOUNT}", NODE)
    await put(client, f"accounts/{OTHER_ACCOUNT}", {**NODE, "status": "sideways"})
    await put(client, "accounts/..%2Fx", NODE)

    assert [each.account_id for each in await accounts.list()] == [ACCOUNT]
    assert sum("account_garbled" in line for line in log_lines) == 2
    with pytest.raises(GarbledAccount):
        await accounts.set_status(OTHER_ACCOUNT, AccountStatus.CONNECTED, at_ms=NOW_MS)
    assert (await fields_of(client, f"accounts/{OTHER_ACCOUNT}"))["status"] == "sideways"


@pytest.mark.parametrize(
    "garbled",
    [
        {"name": 7, "phoneE164": ["x"], "createdAt": "soon", "updatedAt": 12, "lineage": {}},
        {"createdAt": 1e300, "lastConnectedAt": True, "statusCode": "x", "sessionId": b"x"},
        {"createdAt": -5, "updatedAt": None, "lastDisconnectCode": 1.5, "requiresQR": "yes"},
    ],
)
async def test_fields_that_make_no_sense_are_read_as_absent(
    client: FirestoreClient, accounts: FirestoreAccounts, garbled: dict[str, Any]
) -> None:
    await put(client, f"accounts/{ACCOUNT}", {"status": "connected", **garbled})

    found = await accounts.get(ACCOUNT)

    assert found is not None
    assert found.status is AccountStatus.CONNECTED
    assert (found.code, found.session_id, found.lineage, found.last_connected_at_ms) == (
        None, None, None, None
    )  # fmt: skip
    assert found.updated_at_ms > 10**12


async def test_an_older_document_is_found_by_its_number_without_a_plus(
    client: FirestoreClient, accounts: FirestoreAccounts
) -> None:
    await put(client, "accounts/account_1706600000000", {**NODE, "phoneE164": "40000000001"})

    found = await accounts.find_by_phone("+40000000001", [ACCOUNT, OTHER_ACCOUNT])

    assert found is not None
    assert found.account_id == "account_1706600000000"


async def test_a_change_of_an_account_that_is_deleted_meanwhile_is_refused(
    client: FirestoreClient, accounts: FirestoreAccounts
) -> None:
    await accounts.create(account())
    await client.commit([writes.delete(client.name(f"accounts/{ACCOUNT}"))], timeout_s=T)

    with pytest.raises(UnknownAccount):
        await accounts.update(ACCOUNT, AccountChanges(name="x"), at_ms=NOW_MS)


# --------------------------------------------------------------------------------------- the lease


async def test_a_node_instance_finds_its_own_fields_in_our_lease(client: FirestoreClient) -> None:
    document = LeaseDocument(None, 0, 0, ttl_ms=1).taken_by(ME, 45_000)
    await FirestoreLeases(client).create(document.to_fields(NOW_MS), timeout_s=T)

    found = await fields_of(client, "wa_metrics/longrun/locks/wa_connection")

    assert found["holderInstanceId"] == ME.id
    assert found["leaseUntil"] > NOW_MS + 45_000
    assert isinstance(found["acquiredAt"], dt.datetime)
    assert isinstance(found["updatedAt"], dt.datetime)


async def test_a_lock_of_node_is_respected_until_it_is_released(client: FirestoreClient) -> None:
    leases = FirestoreLeases(client)
    path = "wa_metrics/longrun/locks/wa_connection"
    seen = await leases.read(timeout_s=T)
    until = seen.read_ns // 1_000_000 + 90_000
    await put(client, path, {"holderInstanceId": "node-1", "leaseUntil": float(until)})

    held = conclude(await leases.read(timeout_s=T), Knowledge(ME, 45_000))
    await put(client, path, {"holderInstanceId": None, "leaseUntil": 0})
    freed = conclude(await leases.read(timeout_s=T), Knowledge(ME, 45_000))

    assert isinstance(held, Wait)
    assert held.holder == "node-1"
    assert isinstance(freed, Take)


# ------------------------------------------------------------------------------------------ values

_plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | st.datetimes(dt.datetime(1970, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001 - bounds are naive
)
_any = st.recursive(
    _plain,
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcé ._`"), inner),
    max_leaves=12,
)


@given(_any)
def test_values_come_back_as_they_went(value: Any) -> None:
    assert values.from_value(values.to_value(value)) == value


@pytest.mark.parametrize("value", [2**63, object(), {1, 2}, dt.datetime(2026, 1, 1)])  # noqa: DTZ001
def test_values_that_firestore_has_no_field_for_are_refused(value: Any) -> None:
    with pytest.raises(values.UnstorableValue):
        values.to_value(value)


def test_a_value_that_is_nested_too_deep_is_refused() -> None:
    deep: Any = 1
    for _ in range(30):
        deep = {"a": deep}

    with pytest.raises(values.UnstorableValue, match="deep"):
        values.to_value(deep)


async def test_places_and_references_are_kept_as_they_are(client: FirestoreClient) -> None:
    place = values.Opaque(values.Value(geo_point_value={"latitude": 1.5, "longitude": 2}))
    reference = values.Opaque(values.Value(reference_value=client.name("a/b")))
    await put(client, "some/document", {"place": place, "reference": reference})

    found = await fields_of(client, "some/document")

    assert found == {"place": place, "reference": reference}
