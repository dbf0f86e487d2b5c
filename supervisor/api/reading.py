"""Reading over HTTP: the people who wrote are told that their messages were read."""

from collections.abc import Collection, Iterable
from typing import Final

from aiohttp import web

from shared import link_pb2 as pb
from shared.accounts import AccountStatus
from supervisor.api.accounts import known_account
from supervisor.api.deps import Deps, deps
from supervisor.api.doors import WorkerUnavailable
from supervisor.api.errors import BadRequest
from supervisor.api.json import JsonObject, answer, body_of, text_field
from supervisor.api.messages import known_thread
from supervisor.api.query import MAX_LIMIT
from supervisor.api.request_id import request_id
from supervisor.api.send import MAX_ID_CHARS
from supervisor.events import MessageChanged
from supervisor.store import rules
from supervisor.store.records import (
    Change,
    Direction,
    MessageRecord,
    MessageStatus,
    MessageStored,
    Page,
    StatusAdvance,
    ThreadRecord,
)

MAX_MARKED: Final = 100  # messages in one request; also how far back "unread" looks by itself
MAX_THREAD_ID_CHARS: Final = 300


async def mark_read(request: web.Request) -> web.Response:
    """`POST /api/whatsapp/mark-read`: `{accountId, threadId, messageIds?}`.

    Without ids it is the unread ones among the newest messages. Marking again changes nothing,
    and tells nobody anything.
    """
    outside = deps(request)
    body = await body_of(request)
    account_id = text_field(body, "accountId", required=True, limit=MAX_ID_CHARS)
    thread_id = text_field(body, "threadId", required=True, limit=MAX_THREAD_ID_CHARS)
    assert account_id is not None
    assert thread_id is not None
    wanted = _ids(body)
    account = await known_account(outside, account_id)
    thread = await known_thread(outside, account, thread_id)
    outside.lease.check("mark messages as read")
    page = Page(limit=MAX_MARKED if wanted is None else MAX_LIMIT)
    found = await outside.store.conversations.messages(account_id, thread_id, page)
    unread = [message for message in found if is_unread(message, wanted)]
    if unread:
        await _tell(outside, thread, unread)
        await _note(outside, thread, unread)
    marked = [message.wa_message_id for message in unread]
    return answer(
        {
            "success": True,
            "threadId": thread_id,
            "messageIds": marked,
            "count": len(marked),
            "requestId": request_id(),
        }
    )


def is_unread(message: MessageRecord, wanted: Collection[str] | None) -> bool:
    """Tell whether a message can be marked, and is among the wanted ones if any are named."""
    return (
        message.direction is Direction.INBOUND
        and message.status is not MessageStatus.READ
        and message.undecryptable is None  # nobody can have read it
        and (wanted is None or message.doc_id in wanted or message.wa_message_id in wanted)
    )


def marks(chat: str, messages: Iterable[MessageRecord]) -> list[pb.MarkRead]:
    """Return what the worker is told: one word for each who wrote, in a group."""
    by_sender: dict[str, list[str]] = {}
    for message in messages:
        sender = message.sender if rules.is_group(chat) else ""
        by_sender.setdefault(sender, []).append(message.wa_message_id)
    return [pb.MarkRead(chat=chat, participant=who, ids=ids) for who, ids in by_sender.items()]


async def _tell(outside: Deps, thread: ThreadRecord, messages: list[MessageRecord]) -> None:
    view = outside.fleet.view(thread.account_id)
    if view is None or view.status is not AccountStatus.CONNECTED:
        raise WorkerUnavailable("the account is not connected", hint="try again when it is")
    for mark in marks(thread.chat, messages):
        await outside.fleet.mark_read(thread.account_id, mark)


async def _note(outside: Deps, thread: ThreadRecord, messages: list[MessageRecord]) -> None:
    ids = tuple(message.wa_message_id for message in messages)
    read: list[Change] = [
        StatusAdvance(thread.chat, ids, Direction.INBOUND, MessageStatus.READ),
    ]
    outcomes = await outside.store.conversations.record(
        thread.account_id, read, at_ms=outside.now_ms()
    )
    for outcome in outcomes:
        if isinstance(outcome, MessageStored):
            outside.events.publish(MessageChanged(outcome.message, created=False))


def _ids(body: JsonObject) -> frozenset[str] | None:
    """Return which messages are meant, None for all unread ones."""
    given = body.get("messageIds")
    if given is None:
        return None
    is_list = isinstance(given, list) and 0 < len(given) <= MAX_MARKED
    if not is_list or not all(isinstance(each, str) and each for each in given):
        message = f'"messageIds" must be a list of 1 to {MAX_MARKED} ids of messages.'
        raise BadRequest(message, field="messageIds")
    return frozenset(given)


ROUTES: Final = (web.post("/api/whatsapp/mark-read", mark_read),)
