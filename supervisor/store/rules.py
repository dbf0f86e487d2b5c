"""What the store decides, apart from how it is kept: the same for every implementation.

The rules mend what the reference backend does wrong: receipts that step back, summaries that are
overwritten by older messages, a second document for a message that is already there.
"""

import hashlib
import re
from collections.abc import Collection
from dataclasses import asdict, replace
from typing import Any, Final

from shared.accounts import AccountStatus, IllegalTransition, advance
from supervisor.store.contract import LineageConflict, StatusConflict
from supervisor.store.records import (
    AccountChanges,
    AccountRecord,
    Direction,
    Lineage,
    MessageRecord,
    MessageStatus,
    NewMessage,
    NewSend,
    StatusAdvance,
    ThreadRecord,
)

PREVIEW_CHARS: Final = 100
MAX_DOC_ID_CHARS: Final = 120
SILENT_KINDS: Final = frozenset({"reaction", "revoke", "edit"})
"""Kinds that say something about another message: they are no news of their own in a list."""

TAKEN_AWAY: Final = frozenset(
    {"jid", "lid", "session_id", "lineage", "push_name", "unconfirmed_since_ms", "retry_at_ms"}
)
"""Fields of an account that an empty text or a time of 0 takes away."""

NEXT: Final = {
    MessageStatus.QUEUED: frozenset(
        {MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ, MessageStatus.FAILED}
    ),
    MessageStatus.SENT: frozenset({MessageStatus.DELIVERED, MessageStatus.READ}),
    MessageStatus.DELIVERED: frozenset({MessageStatus.READ}),
    MessageStatus.READ: frozenset(),
    # A receipt for a message we gave up on proves that it went out after all.
    MessageStatus.FAILED: frozenset(
        {MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ}
    ),
}

_SAFE_DOC_ID: Final = re.compile(rf"[A-Za-z0-9_-][A-Za-z0-9._-]{{0,{MAX_DOC_ID_CHARS - 1}}}")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]")


def advances(old: MessageStatus, new: MessageStatus) -> bool:
    """Tell whether a message may go from one status to the other."""
    return new in NEXT[old]


def check_transition(record: AccountRecord, status: AccountStatus) -> None:
    """Let an account go to a status that may follow its present one.

    Raises:
        StatusConflict: it may not.
    """
    try:
        advance(record.status, status)
    except IllegalTransition as error:
        raise StatusConflict(f"change account {record.account_id}: {error.message}") from error


def with_changes(
    record: AccountRecord,
    changes: AccountChanges,
    *,
    expected_status: AccountStatus | None,
    at_ms: int,
) -> AccountRecord:
    """Return an account with the fields that were given.

    Raises:
        StatusConflict: it is not in the expected status.
    """
    if expected_status is not None and record.status is not expected_status:
        raise StatusConflict(
            f"change account {record.account_id}: it is {record.status}, not {expected_status}"
        )
    given = {name: value for name, value in asdict(changes).items() if value is not None}
    new: dict[str, Any] = {
        name: value or None if name in TAKEN_AWAY else value for name, value in given.items()
    }
    return replace(record, **new, updated_at_ms=at_ms)


def with_lineage(
    record: AccountRecord, lineage: Lineage, *, expected: Lineage | None, at_ms: int
) -> AccountRecord:
    """Return an account whose live session is of another pairing or branch.

    Raises:
        LineageConflict: until now it is not of the expected one.
    """
    found = (record.session_id, record.lineage)
    if found != ((None, None) if expected is None else (expected.session_id, expected.lineage)):
        raise LineageConflict(
            f"set the live session of account {record.account_id}: another one is live already"
        )
    return replace(
        record, session_id=lineage.session_id, lineage=lineage.lineage, updated_at_ms=at_ms
    )


def with_status(
    record: AccountRecord,
    status: AccountStatus,
    *,
    at_ms: int,
    reason: str | None,
    code: int | None,
) -> AccountRecord:
    """Return an account in another status, with the times that follow from the change."""
    if status is record.status:
        return replace(record, reason=reason, code=code, updated_at_ms=at_ms)
    connected, left = status is AccountStatus.CONNECTED, record.status is AccountStatus.CONNECTED
    return replace(
        record,
        status=status,
        status_since_ms=at_ms,
        reason=reason,
        code=code,
        updated_at_ms=at_ms,
        last_connected_at_ms=at_ms if connected else record.last_connected_at_ms,
        last_disconnected_at_ms=at_ms if left else record.last_disconnected_at_ms,
    )


def thread_id(account_id: str, chat: str) -> str:
    """Return the id of a chat's conversation: `{accountId}__{jid}`."""
    return f"{account_id}__{chat}"


def is_lid(jid: str) -> bool:
    """Tell whether a JID is a LID, a person's name that does not show the phone number."""
    return jid.endswith("@lid")


def is_group(jid: str) -> bool:
    """Tell whether a JID is a group's."""
    return jid.endswith("@g.us")


def is_person(jid: str) -> bool:
    """Tell whether a JID is one person's, by LID or phone number."""
    return is_lid(jid) or jid.endswith("@s.whatsapp.net")


def document_id(wanted: str) -> str:
    """Return a document id for a message id that somebody else chose.

    WhatsApp's own ids stay as they are; anything that a database path could trip over is
    replaced, and told apart by a hash.
    """
    if _SAFE_DOC_ID.fullmatch(wanted):
        return wanted
    return suffixed(_UNSAFE.sub("_", wanted)[: MAX_DOC_ID_CHARS - 13], wanted)


def request_id(client_message_id: str) -> str:
    """Return the outbox id of a caller's message id, as the reference backend makes it."""
    return _UNSAFE.sub("_", client_message_id)


def suffixed(doc_id: str, apart_by: str) -> str:
    """Return an id beside a taken one; the same every time for the same `apart_by`."""
    return f"{doc_id}_{hashlib.sha256(apart_by.encode()).hexdigest()[:12]}"


def same_message(
    old: MessageRecord,
    new: NewMessage,
    *,
    sender_names: Collection[str],
    chat_names: Collection[str],
) -> bool:
    """Tell whether a report is of a message that is already stored under the same WhatsApp id.

    Senders choose ids by themselves, so an id only means something together with its sender and
    chat; `sender_names` and `chat_names` are all JIDs the new one's are known under. What the
    account itself sent is told by the id alone: LID or phone number, it is the same message.
    """
    if old.direction is not new.direction:
        return False
    if new.direction is Direction.OUTBOUND:
        return True
    same_sender = old.sender in sender_names or old.sender_lid in sender_names
    return same_sender and old.chat in chat_names


def may_be_same_chat(stored: str, names: Collection[str]) -> bool:
    """Tell whether a receipt's chat can be the message's.

    A group has one name only. A person has two, and a LID next to a phone number that nobody has
    told us to be the same person may still be.
    """
    if stored in names:
        return True
    if is_group(stored) or any(is_group(name) for name in names):
        return False
    return all(is_lid(name) is not is_lid(stored) for name in names)


def concerns(message: MessageRecord, receipt: StatusAdvance, chat_names: Collection[str]) -> bool:
    """Tell whether a receipt moves a message on that has an id it names."""
    return (
        message.direction is receipt.direction
        and advances(message.status, receipt.status)
        and may_be_same_chat(message.chat, chat_names)
    )


def message_of(new: NewMessage, *, thread: ThreadRecord, doc_id: str, at_ms: int) -> MessageRecord:
    """Return the record of a message that is stored for the first time."""
    return MessageRecord(
        account_id=thread.account_id,
        thread_id=thread.thread_id,
        doc_id=doc_id,
        wa_message_id=new.wa_message_id,
        client_message_id=None,
        direction=new.direction,
        chat=thread.chat,
        sender=new.sender,
        sender_lid=new.sender_lid,
        sender_name=new.sender_name,
        kind=new.kind,
        body=new.body,
        status=new.status,
        at_ms=new.at_ms,
        stored_at_ms=at_ms,
        updated_at_ms=at_ms,
        undecryptable=new.undecryptable,
        offline=new.offline,
    )


def message_of_send(send: NewSend, *, thread: ThreadRecord, doc_id: str) -> MessageRecord:
    """Return the record of a message that is to be sent."""
    return MessageRecord(
        account_id=thread.account_id,
        thread_id=thread.thread_id,
        doc_id=doc_id,
        wa_message_id=send.wa_message_id,
        client_message_id=send.client_message_id,
        direction=Direction.OUTBOUND,
        chat=thread.chat,
        sender=send.sender,
        sender_lid="",
        sender_name="",
        kind="text",
        body=send.body,
        status=MessageStatus.QUEUED,
        at_ms=send.at_ms,
        stored_at_ms=send.at_ms,
        updated_at_ms=send.at_ms,
    )


def merged(old: MessageRecord, new: NewMessage, at_ms: int) -> MessageRecord:
    """Return the stored message with what a repeated report adds; the same if that is nothing."""
    filled = old
    if old.undecryptable is not None and new.undecryptable is None:
        filled = replace(
            old,
            kind=new.kind,
            body=new.body,
            sender_name=new.sender_name or old.sender_name,
            sender_lid=new.sender_lid or old.sender_lid,
            undecryptable=None,
            updated_at_ms=at_ms,
        )
    if advances(old.status, new.status):
        filled = replace(filled, status=new.status, error=None, updated_at_ms=at_ms)
    return filled


def summarised(thread: ThreadRecord, message: MessageRecord, at_ms: int) -> ThreadRecord:
    """Return the thread with the message as its latest, unless it already has a later one."""
    named = _named(thread, message)
    if not _is_news(thread, message):
        return named
    return replace(
        named,
        last_message_at_ms=message.at_ms,
        last_message_doc_id=message.doc_id,
        last_message_text=preview(message.body),
        last_message_direction=message.direction,
        last_message_sender_name=message.sender_name or None,
        updated_at_ms=at_ms,
    )


def preview(body: str | None) -> str | None:
    """Return the beginning of a text, for a list of conversations."""
    return None if body is None else body[:PREVIEW_CHARS]


def taken_over(target: ThreadRecord, former: ThreadRecord, at_ms: int) -> ThreadRecord:
    """Return a thread with the summary of the one it replaces, where that one's is later."""
    named = replace(target, name=target.name or former.name, updated_at_ms=at_ms)
    if former.last_message_at_ms <= target.last_message_at_ms:
        return named
    return replace(
        named,
        last_message_at_ms=former.last_message_at_ms,
        last_message_doc_id=former.last_message_doc_id,
        last_message_text=former.last_message_text,
        last_message_direction=former.last_message_direction,
        last_message_sender_name=former.last_message_sender_name,
    )


def _named(thread: ThreadRecord, message: MessageRecord) -> ThreadRecord:
    """Return a person's conversation with the name the person uses; a group has a subject."""
    is_theirs = message.direction is Direction.INBOUND and not is_group(thread.chat)
    if not is_theirs or not message.sender_name or message.sender_name == thread.name:
        return thread
    return replace(thread, name=message.sender_name)


def _is_news(thread: ThreadRecord, message: MessageRecord) -> bool:
    if message.kind in SILENT_KINDS:
        return False
    is_filled = thread.last_message_doc_id == message.doc_id
    return is_filled or message.at_ms >= thread.last_message_at_ms
