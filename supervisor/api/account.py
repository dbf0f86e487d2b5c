"""One account over HTTP: its name, how well it is, and its end."""

import asyncio
from typing import Final

from aiohttp import web

from shared.accounts import AccountStatus
from shared.logs import get_logger
from supervisor.api.accounts import MAX_NAME_CHARS, known_account, status_of
from supervisor.api.deps import Deps, deps
from supervisor.api.errors import Refused
from supervisor.api.json import JsonObject, answer, body_of, text_field
from supervisor.api.request_id import request_id
from supervisor.events import AccountState
from supervisor.store.records import AccountChanges, AccountRecord, Page

DEGRADED_AFTER_MS: Final = 5 * 60 * 1000

log = get_logger(__name__)


class Unknown(Refused):
    """404 in the words that the contract has for these routes."""

    def __init__(self, error: str = "Account not found") -> None:
        super().__init__(404, error, f"{error}. GET /api/whatsapp/accounts lists them all.")


async def found(outside: Deps, account_id: str) -> AccountRecord:
    """Return an account.

    Raises:
        Unknown: there is none, or it is deleted.
    """
    record = await outside.store.accounts.get(account_id)
    if record is None or record.status is AccountStatus.DELETED:
        raise Unknown
    return record


async def rename(request: web.Request) -> web.Response:
    """`PATCH /api/whatsapp/accounts/:id/name`: `{name}`."""
    outside = deps(request)
    body = await body_of(request)
    name = text_field(body, "name", required=True, limit=MAX_NAME_CHARS)
    assert name is not None
    record = await known_account(outside, request.match_info["account_id"])
    outside.lease.check("rename an account")
    changes = AccountChanges(name=name.strip())
    record = await outside.store.accounts.update(record.account_id, changes, at_ms=outside.now_ms())
    account: JsonObject = {
        "id": record.account_id,
        "name": record.name,
        "phone": record.phone,
        "status": status_of(outside, record).value,
    }
    message = "The account has its new name."
    return answer(
        {"success": True, "message": message, "account": account, "requestId": request_id()}
    )


async def account_health(request: web.Request) -> web.Response:
    """`GET /api/whatsapp/accounts/:id/health`: whether messages still flow."""
    outside = deps(request)
    record = await found(outside, request.match_info["account_id"])
    status = status_of(outside, record)
    is_connected = status is AccountStatus.CONNECTED
    latest = await outside.store.conversations.threads(record.account_id, Page(limit=1))
    last_ms = latest[0].last_message_at_ms or None if latest else None
    quiet_ms = None if last_ms is None else max(0, outside.now_ms() - last_ms)
    is_degraded = is_connected and quiet_ms is not None and quiet_ms > DEGRADED_AFTER_MS
    warning = f"No message for {quiet_ms // 60_000} min." if is_degraded and quiet_ms else None
    view = outside.fleet.view(record.account_id)
    return answer(
        {
            "success": True,
            "accountId": record.account_id,
            "status": status.value,
            "connected": is_connected,
            "lastRealMessageMs": last_ms,
            "timeSinceLastRealMs": quiet_ms,
            "isDegraded": is_degraded,
            "warning": warning,
            "reason": record.reason if view is None else view.reason,
            "code": record.code if view is None else view.code,
            "requestId": request_id(),
        }
    )


async def delete(request: web.Request) -> web.Response:
    """`DELETE /api/whatsapp/accounts/:id`: its device and sessions go, its messages stay."""
    outside = deps(request)
    record = await outside.store.accounts.get(request.match_info["account_id"])
    if record is None:
        raise Unknown
    if record.status is AccountStatus.DELETED:
        raise Unknown("Account already deleted")
    previous, was_running = status_of(outside, record), outside.fleet.view(record.account_id)
    outside.lease.check("delete an account")
    if record.status is not AccountStatus.DELETING:
        now_ms, deleting = outside.now_ms(), AccountStatus.DELETING
        await outside.store.accounts.set_status(record.account_id, deleting, at_ms=now_ms)
        outside.events.publish(AccountState(record.account_id, deleting, now_ms))
        log.warning("account_deletion_begun", account_id=record.account_id)
    # Shielded: what has begun goes on when the client hangs up or this server is shut down.
    await asyncio.shield(outside.fleet.remove(record.account_id))
    return answer(
        {
            "success": True,
            "message": "The account is deleted. Its threads and messages are kept.",
            "accountId": record.account_id,
            "deletedFromMemory": was_running is not None,
            "deletedFromFirestore": True,
            "status": previous.value,
            "requestId": request_id(),
        }
    )


ROUTES: Final = (
    web.patch("/api/whatsapp/accounts/{account_id}/name", rename),
    web.get("/api/whatsapp/accounts/{account_id}/health", account_health),
    web.delete("/api/whatsapp/accounts/{account_id}", delete),
)
