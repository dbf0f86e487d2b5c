"""Messages that did not decrypt: what we keep to answer others, and how often we asked ourselves.

A device that can't read a message of ours asks for it again (a retry receipt); without the
message it shows "Waiting for this message" for ever. Both sides are counted, because a pair of
devices that never agree would ask each other without end.
"""

from dataclasses import dataclass, field

from shared.clock import Clock
from worker.session.peers import Lids
from worker.session.transaction import Repository, Transaction

SENT_KEPT_MS = 14 * 24 * 60 * 60 * 1000
SENT_KEPT_COUNT = 2000
RETRIES_KEPT_MS = 14 * 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message of ours; `plaintext` is the protobuf Message."""

    message_id: str
    chat: str
    plaintext: bytes = field(repr=False)
    created_at_ms: int


class Sent(Repository):
    """Messages of ours, kept to be encrypted again for a device that asks."""

    def __init__(self, transaction: Transaction, clock: Clock, lids: Lids) -> None:
        super().__init__(transaction, clock)
        self._lids = lids

    def add(self, message_id: str, chat: str, plaintext: bytes) -> None:
        """Keep a message; one that is kept already stays as it is."""
        self._transaction.execute(
            "INSERT INTO sent (message_id, chat, plaintext, created_at_ms) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (message_id, chat, plaintext, self._now_ms()),
        )

    def get(self, message_id: str, chat: str) -> SentMessage | None:
        """Return the message; the chat may be either of a person's two names."""
        row = self._transaction.execute(
            "SELECT message_id, chat, plaintext, created_at_ms FROM sent "
            "WHERE message_id = ? AND chat IN (?, ?)",
            (message_id, chat, self._lids.other(chat) or chat),
        ).fetchone()
        return None if row is None else SentMessage(*row)

    def count_retry(self, message: SentMessage, device_jid: str) -> int:
        """Count a device's request for a message, and return how many there were with it."""
        (count,) = self._transaction.execute(
            "INSERT INTO sent_retries (message_id, chat, device_jid, count) VALUES (?, ?, ?, 1) "
            "ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count",
            (message.message_id, message.chat, device_jid),
        ).fetchone()
        return int(count)

    def prune(self, kept_ms: int = SENT_KEPT_MS, kept_count: int = SENT_KEPT_COUNT) -> int:
        """Forget messages older than this, and the oldest beyond the count; return how many."""
        aged = self._transaction.count(
            "DELETE FROM sent WHERE created_at_ms < ?", (self._now_ms() - kept_ms,)
        )
        surplus = self._transaction.count(
            "DELETE FROM sent WHERE rowid IN (SELECT rowid FROM sent "
            "ORDER BY created_at_ms DESC, rowid DESC LIMIT -1 OFFSET ?)",
            (kept_count,),
        )
        return aged + surplus


@dataclass(frozen=True, slots=True)
class Retry:
    """How often we asked for a message again, and when."""

    count: int
    first_at_ms: int
    last_at_ms: int


class Retries(Repository):
    """Our own requests, by message id and sender."""

    def get(self, message_id: str, sender: str) -> Retry | None:
        """Return what we asked for so far."""
        row = self._transaction.execute(
            "SELECT count, first_at_ms, last_at_ms FROM retries "
            "WHERE message_id = ? AND sender = ?",
            (message_id, sender),
        ).fetchone()
        return None if row is None else Retry(*row)

    def count(self, message_id: str, sender: str) -> Retry:
        """Count one more request, and return all of them."""
        now_ms = self._now_ms()
        row = self._transaction.execute(
            "INSERT INTO retries (message_id, sender, count, first_at_ms, last_at_ms) "
            "VALUES (?, ?, 1, ?, ?) ON CONFLICT DO UPDATE SET count = count + 1, "
            "last_at_ms = excluded.last_at_ms RETURNING count, first_at_ms, last_at_ms",
            (message_id, sender, now_ms, now_ms),
        ).fetchone()
        return Retry(*row)

    def clear(self, message_id: str, sender: str) -> None:
        """Forget the requests: the message was read after all."""
        self._transaction.execute(
            "DELETE FROM retries WHERE message_id = ? AND sender = ?", (message_id, sender)
        )

    def prune(self, kept_ms: int = RETRIES_KEPT_MS) -> int:
        """Forget requests that ended longer ago than this; return how many."""
        return self._transaction.count(
            "DELETE FROM retries WHERE last_at_ms < ?", (self._now_ms() - kept_ms,)
        )
