"""Threads and messages with the field names and types that the existing clients read."""

from typing import Final

from supervisor.api.json import JsonObject, timestamp
from supervisor.store import rules
from supervisor.store.records import AccountRecord, Direction, MessageRecord, ThreadRecord

MESSAGE_TYPES: Final = frozenset({"text", "image", "video", "audio", "document", "sticker"})
"""What clients can show; the finer `kind` stands beside it."""


def thread_document(thread: ThreadRecord) -> JsonObject:
    """Return a conversation."""
    phone = phone_of(thread.chat)
    return {
        "id": thread.thread_id,
        "accountId": thread.account_id,
        "clientJid": thread.chat,
        "isLid": rules.is_lid(thread.chat),
        "displayName": thread.subject or thread.name or phone or thread.chat.partition("@")[0],
        "groupSubject": thread.subject,
        "phoneE164": phone,
        "phone": phone,
        "phoneNumber": phone,
        "normalizedPhone": phone,
        "lastMessageAt": timestamp(thread.last_message_at_ms or None),
        "lastMessageAtMs": thread.last_message_at_ms or None,
        "lastMessageText": thread.last_message_text,
        "lastMessagePreview": thread.last_message_text,
        "lastMessageDirection": _value(thread.last_message_direction),
        "lastMessageSenderName": thread.last_message_sender_name,
        "redirectTo": thread.redirect_to,
        "canonicalThreadId": thread.redirect_to,
        "createdAt": timestamp(thread.created_at_ms),
        "updatedAt": timestamp(thread.updated_at_ms),
    }


def message_document(message: MessageRecord) -> JsonObject:
    """Return a message; its time stands in every field that clients sort or show by."""
    at = timestamp(message.at_ms)
    return {
        "id": message.doc_id,
        "accountId": message.account_id,
        "threadId": message.thread_id,
        "clientJid": message.chat,
        "direction": message.direction.value,
        "body": message.body,
        "messageType": message.kind if message.kind in MESSAGE_TYPES else "unknown",
        "kind": message.kind,
        "media": None,
        "status": message.status.value,
        "error": message.error,
        "undecryptable": message.undecryptable is not None,
        "tsClient": at,
        "tsClientMs": message.at_ms,
        "tsServer": timestamp(message.stored_at_ms),
        "tsSort": at,
        "createdAt": at,
        "createdAtMs": message.at_ms,
        "updatedAt": timestamp(message.updated_at_ms),
        "waMessageId": message.wa_message_id,
        "providerMessageId": message.wa_message_id,
        "clientMessageId": message.client_message_id,
        **_sender(message),
        "key": _key(message),
    }


def own_chats(account: AccountRecord) -> set[str]:
    """Return the chats that an account has with itself, which lists leave out."""
    return {_bare(jid) for jid in (account.jid, account.lid) if jid}


def phone_of(jid: str) -> str | None:
    """Return the phone number in a JID as E.164; None for a LID or a group."""
    user, _, server = jid.partition("@")
    return f"+{user}" if server == "s.whatsapp.net" and user.isdigit() else None


def _sender(message: MessageRecord) -> JsonObject:
    name = message.sender_name or phone_of(message.sender)
    return {
        "senderName": name,
        "lastSenderName": name,
        "senderId": message.sender or None,
        "senderJid": message.sender or None,
    }


def _key(message: MessageRecord) -> JsonObject:
    key: JsonObject = {
        "id": message.wa_message_id,
        "remoteJid": message.chat,
        "fromMe": message.direction is Direction.OUTBOUND,
        "timestamp": message.at_ms // 1000,
    }
    return {**key, "participant": message.sender} if rules.is_group(message.chat) else key


def _bare(jid: str) -> str:
    user, _, server = jid.partition("@")
    return f"{user.partition(':')[0]}@{server}"


def _value(direction: Direction | None) -> str | None:
    return None if direction is None else direction.value
