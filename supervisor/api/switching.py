"""Taking an account off and on again over HTTP; its session stays as it is."""

import asyncio
from typing import Final

from aiohttp import web

from shared.accounts import AccountStatus
from shared.logs import get_logger
from supervisor.api.account import found
from supervisor.api.accounts import NEEDS_SCAN, check_not_deleting, start, status_of
from supervisor.api.deps import Deps, deps
from supervisor.api.doors import ADMIN_DISCONNECT, BY_PERSON, USER_DISCONNECT
from supervisor.api.errors import Refused
from supervisor.api.json import JsonObject, answer
from supervisor.api.request_id import request_id
from supervisor.events import AccountState
from supervisor.store.records import AccountChanges, AccountRecord

RECONNECT_WAIT_S: Final = 60.0

log = get_logger(__name__)


async def disconnect(request: web.Request) -> web.Response:
    """`POST /api/whatsapp/disconnect/:id`: off, until somebody starts it again."""
    return await _disconnect(request, USER_DISCONNECT)


async def admin_disconnect(request: web.Request) -> web.Response:
    """`POST /api/admin/account/:id/disconnect`: the same, with the admin's reason."""
    return await _disconnect(request, ADMIN_DISCONNECT)


async def _disconnect(request: web.Request, reason: str) -> web.Response:
    outside = deps(request)
    record = await found(outside, request.match_info["account_id"])
    check_not_deleting(record)
    at_ms = record.status_since_ms
    if not _is_off(outside, record):
        outside.lease.check("disconnect an account")
        at_ms = outside.now_ms()
        await outside.fleet.stop(record.account_id, reason=reason)
        await _take_off(outside, record.account_id, reason, at_ms)
        log.info("account_disconnected", account_id=record.account_id, why=reason)
    body: JsonObject = {
        "success": True,
        "accountId": record.account_id,
        "tsDisconnect": at_ms,
        "reason": reason,
        "requestId": request_id(),
    }
    return answer(body)


def _is_off(outside: Deps, record: AccountRecord) -> bool:
    """Tell whether a person took it off already, so that a repeated call finds it done."""
    by_person = record.status is AccountStatus.DISCONNECTED and record.reason in BY_PERSON
    return by_person and outside.fleet.view(record.account_id) is None


async def _take_off(outside: Deps, account_id: str, reason: str, at_ms: int) -> None:
    """Say that it is off, also of an account that had no worker; a ban is the person's to know."""
    record = await found(outside, account_id)
    if record.retry_at_ms is not None:
        await outside.store.accounts.update(account_id, AccountChanges(retry_at_ms=0), at_ms=at_ms)
    off = AccountStatus.DISCONNECTED
    if record.status in NEEDS_SCAN or (record.status, record.reason) == (off, reason):
        return
    await outside.store.accounts.set_status(account_id, off, at_ms=at_ms, reason=reason)
    outside.events.publish(AccountState(account_id, off, at_ms, reason))


async def admin_reconnect(request: web.Request) -> web.Response:
    """`POST /api/admin/account/:id/reconnect`: on, and wait until it is connected."""
    outside = deps(request)
    record = await found(outside, request.match_info["account_id"])
    check_not_deleting(record)
    _check_session(status_of(outside, record))
    begun_ms = outside.now_ms()
    try:
        async with asyncio.timeout(RECONNECT_WAIT_S), outside.events.subscribe() as events:
            await start(outside, record)
            while (status := await _status(outside, record)) is not AccountStatus.CONNECTED:
                _check_session(status)
                await anext(events)
    except (TimeoutError, StopAsyncIteration):
        message = "The account did not connect in time; it goes on trying by itself."
        raise Refused(408, "Reconnect timed out", message, accountId=record.account_id) from None
    view = outside.fleet.view(record.account_id)
    now_ms = outside.now_ms()
    body: JsonObject = {
        "success": True,
        "accountId": record.account_id,
        "tsConnected": now_ms if view is None else view.since_ms,
        "mttrMs": now_ms - begun_ms,
        "requestId": request_id(),
    }
    return answer(body)


async def _status(outside: Deps, record: AccountRecord) -> AccountStatus:
    view = outside.fleet.view(record.account_id)
    return view.status if view is not None else (await found(outside, record.account_id)).status


def _check_session(status: AccountStatus) -> None:
    if status in NEEDS_SCAN:
        message = "The account needs a new QR code: POST /api/whatsapp/regenerate-qr/:accountId."
        raise Refused(409, "invalid_state", message, currentStatus=status.value)


ROUTES: Final = (
    web.post("/api/whatsapp/disconnect/{account_id}", disconnect),
    web.post("/api/admin/account/{account_id}/disconnect", admin_disconnect),
    web.post("/api/admin/account/{account_id}/reconnect", admin_reconnect),
)
