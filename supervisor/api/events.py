"""`GET /api/events`: what happens here, as server-sent events.

A client subscribes first and reads the lists afterwards, so that nothing falls between the two.
Browsers use `fetch` for it: EventSource can't send the token's header.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from supervisor.api.deps import deps
from supervisor.api.documents import message_document, thread_document
from supervisor.api.errors import Refused
from supervisor.api.json import JsonObject, iso
from supervisor.events import (
    AccountState,
    Event,
    Lagged,
    MessageChanged,
    QrChanged,
    Subscription,
    ThreadChanged,
)

KEEPALIVE_S: Final = 15.0  # a comment, so that proxies and clients see a living stream
WRITE_TIMEOUT_S: Final = 20.0  # a client that takes nothing for so long is gone
MAX_STREAMS: Final = 100

STREAMS: Final = web.AppKey("streams", list[web.Request])


async def events(request: web.Request) -> web.StreamResponse:
    """Stream events until the client leaves, falls behind, or the supervisor stops."""
    streams = request.app[STREAMS]
    if len(streams) >= MAX_STREAMS:
        message = f"There are {MAX_STREAMS} listeners already."
        raise Refused(503, "too_many_streams", message, retryAfterSeconds=30)
    streams.append(request)
    try:
        async with deps(request).events.subscribe() as subscription:
            return await _stream(request, subscription)
    finally:
        streams.remove(request)


async def _stream(request: web.Request, subscription: Subscription) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    # A client that has gone is the usual end of a stream.
    with contextlib.suppress(ConnectionError, TimeoutError):
        await _write(response, "event: ready\ndata: {}\n\n")
        async for text in _texts(subscription):
            await _write(response, text)
    return response


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(WRITE_TIMEOUT_S):
        await response.write(text.encode())


async def _texts(subscription: Subscription) -> AsyncIterator[str]:
    number = 0
    while True:
        try:
            async with asyncio.timeout(KEEPALIVE_S):
                event = await anext(subscription)
        except TimeoutError:
            yield ": still here\n\n"
            continue
        except StopAsyncIteration:
            return
        number += 1
        name, data = shape(event)
        body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        yield f"id: {number}\nevent: {name}\ndata: {body}\n\n"


def shape(event: Event) -> tuple[str, JsonObject]:
    """Return an event's name and its data."""
    match event:
        case AccountState():
            return "account", _account(event)
        case QrChanged():
            data = {"accountId": event.account_id, "expiresAtMs": event.expires_at_ms}
            return "qr", data
        case MessageChanged():
            return "message", _message(event)
        case ThreadChanged():
            return "thread", {"thread": thread_document(event.thread)}
        case Lagged():
            return "lagged", {"message": "Too slow: connect again and read the lists anew."}


def _account(event: AccountState) -> JsonObject:
    return {
        "accountId": event.account_id,
        "status": event.status.value,
        "since": iso(event.since_ms),
        "reason": event.reason,
        "code": event.code,
        "retryAt": iso(event.retry_at_ms) if event.retry_at_ms else None,
    }


def _message(event: MessageChanged) -> JsonObject:
    return {"created": event.created, "message": message_document(event.message)}


ROUTES: Final = (web.get("/api/events", events),)
