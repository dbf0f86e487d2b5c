"""Accounts over HTTP: list them, add one."""

from typing import Final

from aiohttp import web

from shared.accounts import AccountStatus, account_id, canonical_phone, legacy_account_ids
from shared.logs import get_logger
from supervisor.api.deps import Deps, deps
from supervisor.api.doors import AccountView
from supervisor.api.errors import AccountNotFound, Refused
from supervisor.api.json import JsonObject, answer, body_of, iso, text_field
from supervisor.api.qr_image import png_data_url
from supervisor.api.request_id import request_id
from supervisor.events import AccountState
from supervisor.store.records import AccountChanges, AccountRecord

MAX_NAME_CHARS: Final = 100
UNNAMED: Final = "WhatsApp account"
AT_REST: Final = frozenset({AccountStatus.DISCONNECTED, AccountStatus.DELETED})
"""Statuses that a person ends by adding the account again."""
NEEDS_SCAN: Final = frozenset({AccountStatus.NEEDS_QR, AccountStatus.LOGGED_OUT})
"""Statuses that end only when a person asks for a QR code."""

log = get_logger(__name__)


async def list_accounts(request: web.Request) -> web.Response:
    """`GET /api/whatsapp/accounts`: what the store holds, with what the fleet sees right now."""
    outside = deps(request)
    records = await outside.store.accounts.list()
    shown = [record for record in records if record.status is not AccountStatus.DELETED]
    stands = outside.lease.stands()
    body: JsonObject = {
        "success": True,
        "accounts": [shape(outside, record) for record in shown],
        "cached": False,
        "instanceId": outside.config.instance_id,
        "waMode": "active" if stands.active else "passive",
        "lockReason": None if stands.active else stands.why,
        "requestId": request_id(),
    }
    return answer(body)


async def add_account(request: web.Request) -> web.Response:
    """`POST /api/whatsapp/add-account`: a phone's account is made once, however it is spelled."""
    outside = deps(request)
    body = await body_of(request)
    name = text_field(body, "name", limit=MAX_NAME_CHARS)
    phone = text_field(body, "phone")
    # One at a time, so that two requests can't both take the last free place.
    async with outside.adding:
        record = await _find(outside, phone) or await _create(outside, name, phone)
        if record.status is AccountStatus.DELETED and name is not None:
            outside.lease.check("add an account")
            changes = AccountChanges(name=name)
            record = await outside.store.accounts.update(
                record.account_id, changes, at_ms=outside.now_ms()
            )
    await _start(outside, record)
    record = await outside.store.accounts.get(record.account_id) or record
    account = shape(outside, record)
    return answer(
        {
            "success": True,
            "account": account,
            "instanceId": outside.config.instance_id,
            "waMode": "active",
            "requestId": request_id(),
        }
    )


async def known_account(outside: Deps, wanted: str) -> AccountRecord:
    """Return the account of an id that came from outside.

    Raises:
        AccountNotFound: there is none, or it is deleted.
    """
    record = await outside.store.accounts.get(wanted)
    if record is None or record.status is AccountStatus.DELETED:
        raise AccountNotFound
    return record


def status_of(outside: Deps, record: AccountRecord) -> AccountStatus:
    """Return an account's status: what its worker says, else what the store last heard."""
    view = outside.fleet.view(record.account_id)
    return record.status if view is None else view.status


def shape(outside: Deps, record: AccountRecord) -> JsonObject:
    """Return an account as the contract lists it, with `reason`, `code` and `since` added."""
    view = outside.fleet.view(record.account_id)
    reason = record.reason if view is None else view.reason
    code = record.code if view is None else view.code
    since_ms = record.status_since_ms if view is None else view.since_ms
    status = status_of(outside, record)
    stands = outside.lease.stands()
    return {
        "id": record.account_id,
        "name": record.name,
        "phone": record.phone,
        "status": status.value,
        "passiveModeReason": None if stands.active else stands.why,
        "qrCode": _qr_code(view),
        "pairingCode": None,
        "createdAt": iso(record.created_at_ms),
        "lastUpdate": iso(max(record.updated_at_ms, since_ms)),
        "lastError": None if status is AccountStatus.CONNECTED else reason,
        "reason": reason,
        "code": code or None,
        "since": iso(since_ms),
        "retryAt": None if view is None or not view.retry_at_ms else iso(view.retry_at_ms),
        "jid": record.jid,
        "pushName": record.push_name,
    }


def _qr_code(view: AccountView | None) -> str | None:
    return png_data_url(view.qr_payload) if view is not None and view.qr_payload else None


async def _find(outside: Deps, raw_phone: str | None) -> AccountRecord | None:
    """Return the account that a phone already has, under its id or a former one's."""
    if raw_phone is None:
        return None
    namespace = outside.config.namespace
    ids = [account_id(raw_phone, namespace), *legacy_account_ids(raw_phone, namespace)]
    return await outside.store.accounts.find_by_phone(canonical_phone(raw_phone), ids)


async def _create(outside: Deps, name: str | None, raw_phone: str | None) -> AccountRecord:
    current = await outside.store.accounts.count()
    if current >= outside.config.max_accounts:
        raise _too_many(outside, current)
    outside.lease.check("add an account")
    now_ms = outside.now_ms()
    phone = None if raw_phone is None else canonical_phone(raw_phone)
    record = AccountRecord(
        account_id=account_id(raw_phone, outside.config.namespace, outside.rng),
        name=name or phone or UNNAMED,
        phone=phone,
        status=AccountStatus.CONNECTING,
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
        status_since_ms=now_ms,
    )
    stored = await outside.store.accounts.create(record)
    log.info("account_added", account_id=stored.account_id)
    outside.events.publish(AccountState(stored.account_id, stored.status, now_ms))
    return stored


def _too_many(outside: Deps, current: int) -> Refused:
    most = outside.config.max_accounts
    return Refused(
        429,
        "rate_limited",
        f"There are {current} accounts, and at most {most} are allowed. "
        "Delete one, or raise MAX_ACCOUNTS.",
        maxAccounts=most,
        currentAccounts=current,
    )


async def _start(outside: Deps, record: AccountRecord) -> None:
    check_not_deleting(record)
    if record.status not in NEEDS_SCAN:
        await start(outside, record)


def check_not_deleting(record: AccountRecord) -> None:
    """Return when an account is not on its way out.

    Raises:
        Refused: it is.
    """
    if record.status is AccountStatus.DELETING:
        message = "The account is being deleted. Add it again in a minute."
        raise Refused(409, "account_deleting", message, retryAfterSeconds=60)


async def start(outside: Deps, record: AccountRecord) -> None:
    """Start an account with the session it has, because a person wants it."""
    outside.lease.check("start an account")
    if record.status in AT_REST:
        now_ms = outside.now_ms()
        connecting = AccountStatus.CONNECTING
        await outside.store.accounts.set_status(record.account_id, connecting, at_ms=now_ms)
        outside.events.publish(AccountState(record.account_id, connecting, now_ms))
    await outside.fleet.ensure(record.account_id)


ROUTES: Final = (
    web.get("/api/whatsapp/accounts", list_accounts),
    web.get("/accounts", list_accounts),
    web.post("/api/whatsapp/add-account", add_account),
)
