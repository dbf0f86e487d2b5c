"""What workers report, written to the store once; the link's ack follows the write.

`change_of` decides, without I/O, what an event means for the store; `Inbox.accept` does it, a
whole batch in one transaction, and tells the listeners. An event that means nothing, or that we
fail at, is logged and counts as accepted: refusing it would have the worker repeat it for ever,
and hold back everything behind it.
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from shared.clock import Clock
from shared.errors import StoreError
from shared.link_pb2 import Event, Inbound, Message, Receipt, Undecryptable
from shared.logs import get_logger
from supervisor.events import EventBus, MessageChanged, ThreadChanged
from supervisor.lease.guard import NotHolding
from supervisor.store.contract import Store
from supervisor.store.records import (
    AliasLearned,
    Change,
    Direction,
    MessageStatus,
    MessageStored,
    NameLearned,
    NewMessage,
    Outcome,
    StatusAdvance,
    SubjectLearned,
)

MAX_CLOCK_LEAD_MS: Final = 24 * 3600 * 1000  # a message from further ahead has a wrong time
PLACEHOLDER_TEXT: Final = "This message can't be read yet. It was asked for again."

# What may be mended by waiting: the event comes again. Everything else is about the event itself.
NO_FAULT_OF_THE_EVENT: Final = (StoreError, NotHolding, OSError, MemoryError)

# What a receipt says of which messages: of those we sent, or (read on our phone) of those we got.
RECEIPTS: Final[Mapping[int, tuple[Direction, MessageStatus]]] = {
    Receipt.DELIVERED: (Direction.OUTBOUND, MessageStatus.DELIVERED),
    Receipt.READ: (Direction.OUTBOUND, MessageStatus.READ),
    Receipt.PLAYED: (Direction.OUTBOUND, MessageStatus.READ),
    Receipt.READ_SELF: (Direction.INBOUND, MessageStatus.READ),
    # It reached another device of our own, so the server has it.
    Receipt.SENDER: (Direction.OUTBOUND, MessageStatus.SENT),
}

log = get_logger(__name__)


class Inbox:
    """The way from the link into the store.

    Args:
        store: where everything is written.
        events: who is told afterwards.
        clock: stamps what is stored.
    """

    def __init__(self, store: Store, events: EventBus, clock: Clock) -> None:
        self._store = store
        self._events = events
        self._clock = clock

    async def accept(self, account_id: str, batch: Inbound) -> None:
        """Write a batch, all or nothing; repeating a batch changes nothing.

        Where a fault of ours forbids that, its events are written one by one, but for those that
        the fault is about.

        Raises:
            StoreError, NotHolding, OSError, MemoryError: it may not be written; don't acknowledge
                it.
        """
        try:
            await self._write(account_id, batch.events)
        except NO_FAULT_OF_THE_EVENT:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it would come again for ever
            log.warning("inbound_batch_unusable", account_id=account_id, why=type(error).__name__)
            for event in batch.events:
                await self._write_alone(account_id, event)

    async def _write_alone(self, account_id: str, event: Event) -> None:
        try:
            await self._write(account_id, [event])
        except NO_FAULT_OF_THE_EVENT:
            raise
        except Exception as error:  # noqa: BLE001 - see `accept`
            _report(account_id, event, error)

    async def _write(self, account_id: str, events: Sequence[Event]) -> None:
        now_ms = int(self._clock.wall_s() * 1000)
        changes = [self._change(account_id, event, now_ms) for event in events]
        wanted = [change for change in changes if change is not None]
        if not wanted:
            return
        outcomes = await self._store.conversations.record(account_id, wanted, at_ms=now_ms)
        for outcome in outcomes:
            self._events.publish(_event_of(outcome))

    def _change(self, account_id: str, event: Event, now_ms: int) -> Change | None:
        change = change_of(event, now_ms)
        if change is None and not _is_expected(event):
            _report(account_id, event)
        return change


def change_of(event: Event, now_ms: int) -> Change | None:
    """Return what an event changes in the store; None when it says nothing that is kept."""
    body = event.WhichOneof("body")
    reader = _READERS.get(body or "")
    return None if reader is None else reader(event, now_ms)


def _message(event: Event, now_ms: int) -> Change | None:
    message = event.message
    if not message.id or not message.chat:
        return None
    return NewMessage(
        wa_message_id=message.id,
        chat=message.chat,
        chat_lid=message.chat_lid,
        sender=message.sender or message.chat,
        sender_lid=message.sender_lid,
        sender_name=message.push_name,
        direction=_direction(message),
        status=_first_status(message),
        at_ms=message_time_ms(message.timestamp_ms, now_ms),
        kind=message.kind or "unknown",
        body=message.text or None,
        content=message.content,
        offline=message.offline,
    )


def _undecryptable(event: Event, now_ms: int) -> Change | None:
    message = event.undecryptable
    if not message.id or not message.chat:
        return None
    return NewMessage(
        wa_message_id=message.id,
        chat=message.chat,
        sender=message.sender or message.chat,
        sender_name=message.push_name,
        direction=_direction(message),
        status=_first_status(message),
        at_ms=message_time_ms(message.timestamp_ms, now_ms),
        kind="unknown",
        body=PLACEHOLDER_TEXT,
        undecryptable=message.reason or "unknown",
    )


def _receipt(event: Event, _: int) -> Change | None:
    receipt = event.receipt
    meaning = RECEIPTS.get(receipt.kind)
    if meaning is None or not receipt.ids or not receipt.chat:
        return None
    direction, status = meaning
    return StatusAdvance(
        chat=receipt.chat,
        wa_message_ids=tuple(receipt.ids),
        direction=direction,
        status=status,
    )


def _push_name(event: Event, _: int) -> Change | None:
    learned = event.push_name
    if not learned.name or not (learned.jid or learned.lid):
        return None
    return NameLearned(jid=learned.jid, lid=learned.lid, name=learned.name)


def _group_subject(event: Event, _: int) -> Change | None:
    learned = event.group_subject
    if not learned.chat.endswith("@g.us"):
        return None
    return SubjectLearned(chat=learned.chat, subject=learned.subject)


def _lid_pair(event: Event, _: int) -> Change | None:
    pair = event.lid_pair
    return AliasLearned(lid=pair.lid, pn=pair.pn) if pair.lid and pair.pn else None


_READERS: Final[Mapping[str, Callable[[Event, int], Change | None]]] = {
    "message": _message,
    "undecryptable": _undecryptable,
    "receipt": _receipt,
    "push_name": _push_name,
    "group_subject": _group_subject,
    "lid_pair": _lid_pair,
}


def message_time_ms(given_ms: int, now_ms: int) -> int:
    """Return a message's own time, or now where that can't be right.

    One message from the far future would stay the latest of its conversation for ever.
    """
    return given_ms if 0 < given_ms <= now_ms + MAX_CLOCK_LEAD_MS else now_ms


def _direction(message: Message | Undecryptable) -> Direction:
    return Direction.OUTBOUND if message.from_me else Direction.INBOUND


def _first_status(message: Message | Undecryptable) -> MessageStatus:
    """Return what is known at once: the phone's own message went out, theirs has arrived."""
    return MessageStatus.SENT if message.from_me else MessageStatus.DELIVERED


def _is_expected(event: Event) -> bool:
    """Tell whether an event is one of those that mean nothing to the store."""
    return event.WhichOneof("body") == "receipt" and event.receipt.kind == Receipt.SERVER_ERROR


def _report(account_id: str, event: Event, error: Exception | None = None) -> None:
    """Log an event that is dropped: never its text, nor the error's, which may quote it."""
    log.warning(
        "inbound_event_unusable",
        account_id=account_id,
        spool_id=event.spool_id,
        kind=event.WhichOneof("body"),
        **({} if error is None else {"why": type(error).__name__, "where": _place_of(error)}),
    )


def _place_of(error: Exception) -> str:
    """Return the line of code that raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _event_of(outcome: Outcome) -> MessageChanged | ThreadChanged:
    if isinstance(outcome, MessageStored):
        return MessageChanged(outcome.message, created=outcome.created)
    return ThreadChanged(outcome.thread)
