"""Account records to documents and back, in the fields that the existing app reads.

Some are for others alone: `requiresQR`, `lastDisconnectReason` and `lastDisconnectCode` are kept
truthful; `qrCode` is always empty, because any signed-in user may read it. Fields that we don't
know stay as they are. What the Node backend wrote is read leniently, since it wrote times as
text, numbers and timestamps.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from shared.accounts import AccountStatus, InvalidAccountId, parse_account_id
from shared.errors import StoreError
from supervisor.store.firestore.client import Document
from supervisor.store.records import AccountRecord

NEEDS_SCAN: Final = frozenset({AccountStatus.NEEDS_QR, AccountStatus.LOGGED_OUT})
# Node leaves `requiresQR` beside these when the session is gone.
STALE_BESIDE_REQUIRES_QR: Final = frozenset(
    {
        AccountStatus.CONNECTING,
        AccountStatus.RECONNECTING,
        AccountStatus.DISCONNECTED,
        AccountStatus.PASSIVE,
    }
)
LEAST_MS: Final = 10**11  # a number below is seconds
MOST_MS: Final = 10**14
_TEXTS: Final = {
    "name": "name",
    "phoneE164": "phone",
    "waJid": "jid",
    "waLid": "lid",
    "sessionId": "session_id",
    "lineage": "lineage",
    "pushName": "push_name",
    "statusReason": "reason",
}
_TIMES: Final = {
    "updatedAt": "updated_at_ms",
    "statusSince": "status_since_ms",
    "lastConnectedAt": "last_connected_at_ms",
    "lastDisconnectedAt": "last_disconnected_at_ms",
    "unconfirmedSince": "unconfirmed_since_ms",
    "nextRetryAt": "retry_at_ms",
}


class GarbledAccount(StoreError):
    """An account's document that can't be understood; it is left as it is."""


def to_fields(record: AccountRecord) -> dict[str, Any]:
    """Return all fields that we keep of an account."""
    return {
        "accountId": record.account_id,
        "status": record.status.value,
        "statusCode": record.code,
        "unconfirmedLogouts": record.unconfirmed_logouts,
        "requiresQR": record.status in NEEDS_SCAN,
        "qrCode": None,
        "pairingCode": None,
        "createdAt": _iso(record.created_at_ms),
        **{field: getattr(record, name) for field, name in _TEXTS.items()},
        **{field: _time(getattr(record, name)) for field, name in _TIMES.items()},
    }


def changed_fields(document: Document, old: AccountRecord, new: AccountRecord) -> dict[str, Any]:
    """Return the fields to be written so that a document says `new` instead of `old`."""
    wanted, was = to_fields(new), to_fields(old)
    stored = document.fields
    changed = {
        name: value
        for name, value in wanted.items()
        if value != was[name] or (name in _TRUTHFUL and stored.get(name) != value)
    }
    gone = new.status is not AccountStatus.CONNECTED and (new.reason or new.code is not None)
    if gone and (new.reason, new.code) != (old.reason, old.code):
        changed |= {"lastDisconnectReason": new.reason, "lastDisconnectCode": new.code}
    return changed


_TRUTHFUL: Final = frozenset({"accountId", "requiresQR", "qrCode", "status"})


def to_record(document: Document) -> AccountRecord:
    """Read an account's document.

    Raises:
        GarbledAccount: its id or status is none.
    """
    fields = document.fields
    try:
        account_id = parse_account_id(document.id)
        status = AccountStatus(str(fields.get("status")))
    except (InvalidAccountId, ValueError) as error:
        raise GarbledAccount(f"read account {document.id[:60]!a}: its id or status is none") from (
            error
        )
    if fields.get("requiresQR") is True and status in STALE_BESIDE_REQUIRES_QR:
        status = AccountStatus.NEEDS_QR
    times: dict[str, Any] = {name: _ms(fields.get(field)) for field, name in _TIMES.items()}
    updated = times["updated_at_ms"] or document.update_ns // 1_000_000
    created = _ms(fields.get("createdAt"))
    return AccountRecord(
        account_id=account_id,
        status=status,
        code=_code(fields),
        unconfirmed_logouts=_count(fields.get("unconfirmedLogouts")),
        created_at_ms=updated if created is None else created,
        **{**_texts(fields), "reason": _reason(fields, status)},
        **{
            **times,
            "updated_at_ms": updated,
            "status_since_ms": times["status_since_ms"] or updated,
        },
    )


def _texts(fields: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: _text(fields.get(field)) for field, name in _TEXTS.items()}
    return {**texts, "name": texts["name"] or ""}


def _reason(fields: Mapping[str, Any], status: AccountStatus) -> str | None:
    if "statusReason" in fields or status is AccountStatus.CONNECTED:
        return _text(fields.get("statusReason"))
    return _text(fields.get("lastDisconnectReason"))


def _code(fields: Mapping[str, Any]) -> int | None:
    return _whole(fields.get("statusCode", fields.get("lastDisconnectCode")))


def _count(given: Any) -> int:
    return max(0, _whole(given) or 0)


def _whole(given: Any) -> int | None:
    if isinstance(given, float) and given.is_integer():  # JavaScript has no other numbers
        given = int(given)
    return given if isinstance(given, int) and not isinstance(given, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _time(at_ms: int | None) -> dt.datetime | None:
    if at_ms is None:
        return None
    return dt.datetime.fromtimestamp(at_ms // 1000, dt.UTC) + dt.timedelta(
        milliseconds=at_ms % 1000
    )


def _iso(at_ms: int) -> str:
    """Return a time as JavaScript writes it: `2026-01-30T12:00:00.000Z`."""
    at = dt.datetime.fromtimestamp(at_ms // 1000, dt.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03}Z"


def _ms(value: Any) -> int | None:
    """Return a time in milliseconds, however it was written; None for what is no time."""
    match value:
        case dt.datetime():
            return int(value.timestamp()) * 1000 + value.microsecond // 1000
        case bool():
            return None
        case int() | float() if LEAST_MS <= value <= MOST_MS:
            return int(value)
        case str():
            try:
                at = dt.datetime.fromisoformat(value)
            except ValueError:
                return None
            return _ms(at if at.tzinfo else at.replace(tzinfo=dt.UTC))
    return None
