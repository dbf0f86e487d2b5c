"""What the store keeps, as plain values: times are wall-clock milliseconds, ids are text."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from shared.accounts import AccountStatus


class MessageStatus(Enum):
    """How far a message got; see `rules.advance` for which step may follow which."""

    QUEUED = "queued"  # stored here, not yet with WhatsApp
    SENT = "sent"  # WhatsApp's server has it
    DELIVERED = "delivered"  # a device of the other side has it
    READ = "read"  # seen, or played
    FAILED = "failed"  # WhatsApp refused it for good


class Direction(Enum):
    """Who a message comes from, seen from the account."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"  # also what the account's own phone sent


class OutboxState(Enum):
    """Where a message to send stands."""

    QUEUED = "queued"  # waits for its turn, its connection, or its next try
    PROCESSING = "processing"  # claimed by a running supervisor
    SENT = "sent"  # final: the server acknowledged it
    FAILED = "failed"  # final: refused, with the reason kept


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """One WhatsApp account; what is true of it across restarts.

    `phone` is E.164 with `+`, None until it is known; `jid` is `user:device@s.whatsapp.net`
    of the paired device; `session_id` names the pairing.
    """

    account_id: str
    name: str
    phone: str | None
    status: AccountStatus
    created_at_ms: int
    updated_at_ms: int
    jid: str | None = None
    lid: str | None = None
    session_id: str | None = None
    push_name: str | None = None
    status_since_ms: int = 0
    reason: str | None = None  # why the status is what it is, for people
    code: int | None = None  # WhatsApp's close or failure code behind it
    last_connected_at_ms: int | None = None
    last_disconnected_at_ms: int | None = None
    lineage: str | None = None  # which branch of the pairing is the live one
    unconfirmed_logouts: int = 0  # bare 401s that count against the account
    unconfirmed_since_ms: int | None = None  # the last of them
    retry_at_ms: int | None = None  # WhatsApp asked not to connect before


@dataclass(frozen=True, slots=True)
class Lineage:
    """Which copy of a session may connect: of which pairing, and which branch of it.

    Attributes:
        session_id: random, per pairing.
        lineage: random, per restore from a backup.
    """

    session_id: str
    lineage: str


@dataclass(frozen=True, slots=True)
class AccountChanges:
    """What to change of an account; None leaves a field as it is.

    An empty text, or a time of 0, takes the field's value away where a record may lack it.
    """

    name: str | None = None
    phone: str | None = None
    jid: str | None = None
    lid: str | None = None
    session_id: str | None = None
    push_name: str | None = None
    lineage: str | None = None
    unconfirmed_logouts: int | None = None
    unconfirmed_since_ms: int | None = None
    retry_at_ms: int | None = None


NO_SESSION: Final = AccountChanges(
    session_id="", lineage="", unconfirmed_logouts=0, unconfirmed_since_ms=0, retry_at_ms=0
)
"""What no longer holds of an account whose session was set aside."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be stored once, whoever reports it and however often.

    `chat` and `sender` are canonical JIDs without device, `chat_lid` and `sender_lid` their other
    names where known; `at_ms` is the message's own time. `content` is the decrypted protobuf.
    `undecryptable` is set on a placeholder, which the readable message later fills.
    """

    wa_message_id: str
    chat: str
    sender: str
    direction: Direction
    at_ms: int
    kind: str
    body: str | None
    status: MessageStatus
    chat_lid: str = ""
    sender_lid: str = ""
    sender_name: str = ""
    content: bytes = b""
    undecryptable: str | None = None
    offline: bool = False


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A stored message; `(thread_id, doc_id)` is its place, `wa_message_id` WhatsApp's name."""

    account_id: str
    thread_id: str
    doc_id: str
    wa_message_id: str
    client_message_id: str | None
    direction: Direction
    chat: str
    sender: str
    sender_lid: str
    sender_name: str
    kind: str
    body: str | None
    status: MessageStatus
    at_ms: int
    stored_at_ms: int
    updated_at_ms: int
    undecryptable: str | None = None  # a placeholder's reason
    error: str | None = None
    offline: bool = False


@dataclass(frozen=True, slots=True)
class ThreadRecord:
    """A conversation; `redirect_to` names the thread that took its place (LID → phone number)."""

    account_id: str
    thread_id: str
    chat: str
    created_at_ms: int
    updated_at_ms: int
    name: str | None = None  # the contact's push name
    subject: str | None = None  # a group's subject
    last_message_at_ms: int = 0  # 0: there is none yet
    last_message_doc_id: str | None = None
    last_message_text: str | None = None
    last_message_direction: Direction | None = None
    last_message_sender_name: str | None = None
    redirect_to: str | None = None


@dataclass(frozen=True, slots=True)
class StatusAdvance:
    """Messages of one direction in one chat reached a status; steps back are ignored."""

    chat: str
    wa_message_ids: tuple[str, ...]
    direction: Direction
    status: MessageStatus


@dataclass(frozen=True, slots=True)
class NameLearned:
    """A contact calls itself `name`; either JID may be empty."""

    jid: str
    lid: str
    name: str


@dataclass(frozen=True, slots=True)
class SubjectLearned:
    """A group is called `subject`."""

    chat: str
    subject: str


@dataclass(frozen=True, slots=True)
class AliasLearned:
    """A LID and a phone-number JID are the same person."""

    lid: str
    pn: str


Change = NewMessage | StatusAdvance | NameLearned | SubjectLearned | AliasLearned
"""Something that happened to an account's conversations."""


@dataclass(frozen=True, slots=True)
class MessageStored:
    """What `Conversations.record` did: a message is new, or changed (filled, new status)."""

    message: MessageRecord
    created: bool


@dataclass(frozen=True, slots=True)
class ThreadTouched:
    """What `Conversations.record` did: a conversation has another name, or moved."""

    thread: ThreadRecord


Outcome = MessageStored | ThreadTouched


@dataclass(frozen=True, slots=True)
class NewSend:
    """A message that somebody asked us to send.

    `client_message_id` is the caller's, unique within the account; `wa_message_id` is chosen once
    and is the same for every try.
    """

    client_message_id: str
    wa_message_id: str
    chat: str
    body: str
    sender: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """A message on its way out; `request_id` is also the document id of its message.

    `attempts` counts every try, `failures` those in vain that the message itself may be to blame
    for.
    """

    account_id: str
    request_id: str
    client_message_id: str
    wa_message_id: str
    thread_id: str
    chat: str
    body: str
    state: OutboxState
    attempts: int
    next_attempt_at_ms: int
    created_at_ms: int
    updated_at_ms: int
    claimed_by: str | None = None
    lease_until_ms: int | None = None
    error: str | None = None
    sent_at_ms: int | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: at most `limit` entries, older than `before` (time, then id)."""

    limit: int
    before: tuple[int, str] | None = None
