"""A new QR code over HTTP, and a clean slate. Repeating a call changes nothing more."""

from typing import Final

from aiohttp import web

from shared.accounts import AccountStatus
from shared.logs import get_logger
from supervisor.api.accounts import (
    NEEDS_SCAN,
    check_not_deleting,
    known_account,
    start,
    status_of,
)
from supervisor.api.deps import Deps, deps
from supervisor.api.doors import AccountView
from supervisor.api.json import JsonObject, answer
from supervisor.api.qr_image import png_data_url
from supervisor.api.request_id import request_id
from supervisor.store.records import AccountRecord

FRESH_MS: Final = 60_000
RESET: Final = "the account was reset; ask for a new QR code"
UNDER_WAY: Final = frozenset(
    {
        AccountStatus.CONNECTING,
        AccountStatus.QR_READY,
        AccountStatus.AWAITING_SCAN,
        AccountStatus.PAIRING,
        AccountStatus.RECONNECTING,
    }
)
"""An account that is on its way by itself; nothing of it is thrown away for a tap."""

log = get_logger(__name__)


async def regenerate_qr(request: web.Request) -> web.Response:
    """`POST /api/whatsapp/regenerate-qr/:accountId`: show a QR where one is needed.

    A dead session goes to quarantine, and the account pairs anew with new keys. A session that is
    alive is never given up here: `reset` does that.
    """
    outside = deps(request)
    record = await known_account(outside, request.match_info["account_id"])
    check_not_deleting(record)
    if record.account_id in outside.regenerating:
        message = "A new QR code is being made already."
        return _answer(record, "already_in_progress", message, http=202)
    status, view = status_of(outside, record), outside.fleet.view(record.account_id)
    if view is not None and view.qr_payload:
        return _shown(outside, record, view, view.qr_payload)
    if status is AccountStatus.CONNECTED:
        return _answer(record, "already_connected", "The account is connected: no QR is needed.")
    if status in UNDER_WAY:
        message = "The account is connecting; a QR code appears if one is needed."
        return _answer(record, "already_connecting", message)
    return await _regenerate(outside, record, status)


async def _regenerate(outside: Deps, record: AccountRecord, status: AccountStatus) -> web.Response:
    outside.lease.check("make a new QR code")
    outside.regenerating.add(record.account_id)
    try:
        if status in NEEDS_SCAN:
            await outside.fleet.pair_anew(record.account_id)
        else:  # taken off, with a session that may be as good as ever
            await start(outside, record)
    finally:
        outside.regenerating.discard(record.account_id)
    log.info("qr_asked_for", account_id=record.account_id, was=status)
    message = "A new QR code is on its way."
    instance = outside.config.instance_id
    return _answer(record, "in_progress", message, instanceId=instance, waMode="active")


def _shown(outside: Deps, record: AccountRecord, view: AccountView, payload: str) -> web.Response:
    age_ms = max(0, outside.now_ms() - (view.qr_shown_at_ms or view.since_ms))
    if age_ms >= FRESH_MS:
        message = "The QR code is old; the next one comes by itself."
        return _answer(record, "already_connecting", message)
    return _answer(
        record,
        view.status.value,
        "A QR code is shown already.",
        qrCode=png_data_url(payload),
        ageSeconds=age_ms // 1000,
        idempotent=True,
    )


async def reset(request: web.Request) -> web.Response:
    """`POST /api/whatsapp/accounts/:id/reset`: give up the session; it is kept in quarantine."""
    outside = deps(request)
    record = await known_account(outside, request.match_info["account_id"])
    check_not_deleting(record)
    if record.status is not AccountStatus.NEEDS_QR or record.reason != RESET:
        outside.lease.check("reset an account")
        await outside.fleet.set_aside(record.account_id, reason=RESET)
        log.warning("account_reset", account_id=record.account_id)
    message = "The session was set aside. Ask for a new QR code to link the phone again."
    return _answer(record, AccountStatus.NEEDS_QR.value, message)


def _answer(
    record: AccountRecord, status: str, message: str, *, http: int = 200, **fields: object
) -> web.Response:
    body: JsonObject = {
        "success": True,
        "status": status,
        "message": message,
        "accountId": record.account_id,
        **fields,
        "requestId": request_id(),
    }
    return answer(body, status=http)


ROUTES: Final = (
    web.post("/api/whatsapp/regenerate-qr/{account_id}", regenerate_qr),
    web.post("/api/whatsapp/accounts/{account_id}/reset", reset),
)
