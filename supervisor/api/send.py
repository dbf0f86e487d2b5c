"""Sending over HTTP: repeated calls with one clientMessageId send one message."""

from typing import Final

from aiohttp import web

from supervisor.api.accounts import known_account
from supervisor.api.deps import deps
from supervisor.api.doors import SendReport
from supervisor.api.errors import Refused
from supervisor.api.json import JsonObject, answer, body_of, text_field
from supervisor.api.recipient import recipient_jid
from supervisor.api.request_id import request_id
from supervisor.store.records import OutboxState

MAX_ID_CHARS: Final = 128


async def send_message(request: web.Request) -> web.Response:
    """`POST /api/whatsapp/send-message`: `{accountId, to, message, clientMessageId?}`."""
    outside = deps(request)
    body = await body_of(request)
    account_id = text_field(body, "accountId", required=True, limit=MAX_ID_CHARS)
    to = text_field(body, "to", required=True)
    text = text_field(body, "message", required=True)
    client_message_id = text_field(body, "clientMessageId", limit=MAX_ID_CHARS)
    assert account_id is not None
    assert to is not None
    assert text is not None
    chat = recipient_jid(to)
    await known_account(outside, account_id)
    outside.lease.check("send a message")
    report = await outside.sender.send(account_id, chat, text, client_message_id)
    return answer({**_shape(report), "requestId": request_id()})


def _shape(report: SendReport) -> JsonObject:
    record = report.record
    if record.state is OutboxState.FAILED:
        raise _failed(report)
    body: JsonObject = {"success": True, "clientMessageId": record.client_message_id}
    body["threadId"] = record.thread_id
    if report.repeated:
        body["duplicate"] = True
    if record.state is OutboxState.SENT:
        sent: JsonObject = {"messageId": record.wa_message_id, "status": "sent"}
        return {**body, **sent, **({"queued": False} if report.repeated else {})}
    return {**body, "queued": True, "messageId": record.request_id, "status": "queued"}


def _failed(report: SendReport) -> Refused:
    record = report.record
    return Refused(
        422,
        "send_failed",
        f"WhatsApp did not take the message: {record.error or 'no reason was given'}.",
        status="failed",
        duplicate=report.repeated,
        messageId=record.request_id,
        clientMessageId=record.client_message_id,
    )


ROUTES: Final = (web.post("/api/whatsapp/send-message", send_message),)
