"""What came in and has not reached the store yet, and what has: nothing is lost, nothing doubled.

An event is put here in the transaction that moves the ratchet which decrypted it, because the
same ciphertext can't be decrypted twice. The store's acknowledgement turns the row into a key in
`handled`, by which a repeat of the stanza is known for as long as the server may send one.

An event is the same when its id, kind, chat and sender are: two people may use one message id.
Chat and sender count under either of a person's two names, so a LID that is learned between a
stanza and its repeat does not make two messages of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from shared.clock import Clock
from worker.session.peers import Lids
from worker.session.transaction import Repository, Transaction

HANDLED_KEPT_MS = 14 * 24 * 60 * 60 * 1000  # longer than a server repeats what it holds offline


@dataclass(frozen=True, slots=True)
class Key:
    """What makes an event the same when it comes again.

    Attributes:
        kind: what it is: a message and its receipt share an id.
        chat: JID, as decided when it was first seen.
        wa_id: WhatsApp's id.
        sender: JID without device.
    """

    kind: str
    chat: str
    wa_id: str
    sender: str


@dataclass(frozen=True, slots=True)
class SpoolRow:
    """An event that waits for the store."""

    id: int
    key: Key
    payload: bytes = field(repr=False)
    created_at_ms: int


class Delivery(Enum):
    """How far an event has come."""

    NEW = "new"  # never seen: it has just been put into the spool
    WAITING = "waiting"  # in the spool already
    DELIVERED = "delivered"  # the store has it


@dataclass(frozen=True, slots=True)
class Spooled:
    """What became of an event; `id` is its spool row's, None when it has been delivered."""

    delivery: Delivery
    id: int | None


class _Keyed(Repository):
    """Rows by event key, found under every name of the people in it."""

    def __init__(self, transaction: Transaction, clock: Clock, lids: Lids) -> None:
        super().__init__(transaction, clock)
        self._lids = lids

    def _names(self, key: Key) -> tuple[str, ...]:
        """Return the values for `WHERE wa_id = ? AND kind = ? AND chat IN (?, ?) ...`."""
        chat, sender = self._lids.other(key.chat), self._lids.other(key.sender)
        names = (key.chat, chat or key.chat, key.sender, sender or key.sender)
        return (key.wa_id, key.kind, *names)


class Handled(_Keyed):
    """Keys of events that the store has."""

    def add(self, key: Key) -> None:
        """Remember an event as handled, from now."""
        self._transaction.execute(
            "INSERT OR REPLACE INTO handled (wa_id, kind, chat, sender, handled_at_ms) "
            "VALUES (?, ?, ?, ?, ?)",
            (key.wa_id, key.kind, key.chat, key.sender, self._now_ms()),
        )

    def has(self, key: Key) -> bool:
        """Tell whether the event has been handled."""
        row = self._transaction.execute(
            "SELECT 1 FROM handled "
            "WHERE wa_id = ? AND kind = ? AND chat IN (?, ?) AND sender IN (?, ?)",
            self._names(key),
        ).fetchone()
        return row is not None

    def prune(self, kept_ms: int = HANDLED_KEPT_MS) -> int:
        """Forget keys older than this; return how many."""
        return self._transaction.count(
            "DELETE FROM handled WHERE handled_at_ms < ?", (self._now_ms() - kept_ms,)
        )


class Spool(_Keyed):
    """Events on their way to the store, in the order they came."""

    def __init__(self, transaction: Transaction, clock: Clock, lids: Lids, done: Handled) -> None:
        super().__init__(transaction, clock, lids)
        self._handled = done

    def add(self, key: Key, payload: bytes) -> Spooled:
        """Put an event in, unless it is there or was delivered before.

        Args:
            key: what makes it the same.
            payload: a serialised `Event` of the link.
        """
        if self._handled.has(key):
            return Spooled(Delivery.DELIVERED, None)
        waiting = self.find(key)
        if waiting is not None:
            return Spooled(Delivery.WAITING, waiting)
        row = self._transaction.execute(
            "INSERT INTO spool (kind, chat, wa_id, sender, payload, created_at_ms) "
            "VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            (key.kind, key.chat, key.wa_id, key.sender, payload, self._now_ms()),
        ).fetchone()
        return Spooled(Delivery.NEW, row[0])

    def find(self, key: Key) -> int | None:
        """Return the id of the event's row, if it waits."""
        row = self._transaction.execute(
            "SELECT id FROM spool "
            "WHERE wa_id = ? AND kind = ? AND chat IN (?, ?) AND sender IN (?, ?)",
            self._names(key),
        ).fetchone()
        return None if row is None else int(row[0])

    def waiting(self, limit: int, after_id: int = 0) -> list[SpoolRow]:
        """Return the oldest events whose id is greater than this."""
        rows = self._transaction.execute(
            "SELECT id, kind, chat, wa_id, sender, payload, created_at_ms FROM spool "
            "WHERE id > ? ORDER BY id LIMIT ?",
            (after_id, limit),
        )
        return [SpoolRow(row[0], Key(*row[1:5]), row[5], row[6]) for row in rows]

    def delivered(self, ids: Iterable[int]) -> None:
        """Turn rows that the store has into handled keys; ids that are gone are passed over."""
        for spool_id in ids:
            row = self._transaction.execute(
                "DELETE FROM spool WHERE id = ? RETURNING kind, chat, wa_id, sender", (spool_id,)
            ).fetchone()
            if row is not None:
                self._handled.add(Key(*row))

    def count(self) -> int:
        """Return how many events wait."""
        (count,) = self._transaction.execute("SELECT count(*) FROM spool").fetchone()
        return int(count)
