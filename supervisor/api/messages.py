"""Conversations over HTTP: an account's threads, and a thread's messages."""

from typing import Final

from aiohttp import web

from supervisor.api.accounts import known_account
from supervisor.api.deps import Deps, deps
from supervisor.api.documents import message_document, own_chats, thread_document
from supervisor.api.errors import Refused
from supervisor.api.json import answer
from supervisor.api.query import MAX_LIMIT, check_order, limit_of
from supervisor.api.request_id import request_id
from supervisor.store.records import AccountRecord, Page, ThreadRecord

THREAD_ORDERS: Final = frozenset({"lastMessageAt", "lastMessageAtMs"})
MESSAGE_ORDERS: Final = frozenset({"createdAt", "createdAtMs", "tsClient", "tsClientMs", "tsSort"})


async def threads(request: web.Request) -> web.Response:
    """`GET /api/whatsapp/threads/:accountId`: latest first, without the chat with oneself."""
    outside = deps(request)
    limit = limit_of(request)
    check_order(request, THREAD_ORDERS)
    account = await known_account(outside, request.match_info["account_id"])
    hidden = own_chats(account)
    found = await outside.store.conversations.threads(
        account.account_id, Page(limit=limit + len(hidden))
    )
    documents = [thread_document(thread) for thread in found if thread.chat not in hidden]
    return answer(
        {
            "success": True,
            "threads": documents[:limit],
            "count": len(documents[:limit]),
            "limit": limit,
            "maxLimit": MAX_LIMIT,
            "requestId": request_id(),
        }
    )


async def messages(request: web.Request) -> web.Response:
    """`GET /api/whatsapp/messages/:accountId/:threadId`: latest first."""
    outside = deps(request)
    limit = limit_of(request)
    check_order(request, MESSAGE_ORDERS)
    account = await known_account(outside, request.match_info["account_id"])
    thread_id = request.match_info["thread_id"]
    thread = await known_thread(outside, account, thread_id)
    found = await outside.store.conversations.messages(
        account.account_id, thread_id, Page(limit=limit)
    )
    return answer(
        {
            "success": True,
            "thread": thread_document(thread),
            "messages": [message_document(message) for message in found],
            "count": len(found),
            "limit": limit,
            "maxLimit": MAX_LIMIT,
            "requestId": request_id(),
        }
    )


async def known_thread(outside: Deps, account: AccountRecord, thread_id: str) -> ThreadRecord:
    """Return a conversation of an account, by an id that came from outside.

    Raises:
        Refused: there is none, or it is another account's.
    """
    thread = await outside.store.conversations.thread(thread_id)
    if thread is None:
        raise Refused(404, "Thread not found", "There is no conversation with this id.")
    if thread.account_id != account.account_id:
        message = "The conversation belongs to another account."
        raise Refused(403, "Thread does not belong to account", message)
    return thread


ROUTES: Final = (
    web.get("/api/whatsapp/threads/{account_id}", threads),
    web.get("/api/whatsapp/messages/{account_id}/{thread_id}", messages),
)
