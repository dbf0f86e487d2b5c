"""What goes out, and how far it has come: a retry sends the same stanza again, not another one."""

from dataclasses import dataclass, field
from enum import Enum

from worker.session.errors import UnitMisused
from worker.session.transaction import Repository

JOURNAL_KEPT_MS = 14 * 24 * 60 * 60 * 1000


class Sending(Enum):
    """How far an outgoing message has come."""

    PREPARED = "prepared"  # encrypted, and not yet given to the socket
    WRITTEN = "written"  # given to the socket at least once
    ACKED = "acked"  # the server has it
    FAILED = "failed"  # the server will not have it


TRANSITIONS: dict[Sending, frozenset[Sending]] = {
    # The ack may overtake our own note that we wrote: both are seen after the write.
    Sending.PREPARED: frozenset({Sending.WRITTEN, Sending.ACKED, Sending.FAILED}),
    Sending.WRITTEN: frozenset({Sending.WRITTEN, Sending.ACKED, Sending.FAILED}),
    # A message that was sent twice is acked twice.
    Sending.ACKED: frozenset({Sending.ACKED}),
    Sending.FAILED: frozenset({Sending.FAILED}),
}


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """An outgoing message.

    Attributes:
        message_id: WhatsApp's, chosen once for all tries.
        request_id: the supervisor's.
        chat: JID.
        stanza: the encoded node, exactly as it goes to the socket.
        plaintext: the protobuf Message in it.
        state: how far it has come.
        created_at_ms: when it was prepared.
        updated_at_ms: when the state last moved.
    """

    message_id: str
    request_id: str
    chat: str
    stanza: bytes = field(repr=False)
    plaintext: bytes = field(repr=False)
    state: Sending = Sending.PREPARED
    created_at_ms: int = 0
    updated_at_ms: int = 0


_COLUMNS = "message_id, request_id, chat, stanza, plaintext, state, created_at_ms, updated_at_ms"


class Journal(Repository):
    """Outgoing messages by WhatsApp's message id."""

    def prepare(
        self, message_id: str, request_id: str, chat: str, stanza: bytes, plaintext: bytes
    ) -> JournalEntry:
        """Write down a message before it is sent, and return what is to be sent.

        An id that was prepared before keeps its first stanza: the one given now was encrypted
        for nothing, and the caller sends what is returned.
        """
        now_ms = self._now_ms()
        self._transaction.execute(
            f"INSERT INTO journal ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, 'prepared', ?, ?) "  # noqa: S608 - our own column names
            "ON CONFLICT (message_id) DO NOTHING",
            (message_id, request_id, chat, stanza, plaintext, now_ms, now_ms),
        )
        return self.require(message_id)

    def get(self, message_id: str) -> JournalEntry | None:
        """Return the message."""
        row = self._transaction.execute(
            f"SELECT {_COLUMNS} FROM journal WHERE message_id = ?",  # noqa: S608 - as above
            (message_id,),
        ).fetchone()
        return None if row is None else _entry(row)

    def require(self, message_id: str) -> JournalEntry:
        """Return the message.

        Raises:
            UnitMisused: it was never prepared.
        """
        entry = self.get(message_id)
        if entry is None:
            raise UnitMisused(f"the journal has no message {message_id}: prepare it first")
        return entry

    def move(self, message_id: str, state: Sending) -> JournalEntry:
        """Note how far a message has come, and return it.

        Raises:
            UnitMisused: it was never prepared, or can't go from where it is to there.
        """
        entry = self.require(message_id)
        if state not in TRANSITIONS[entry.state]:
            raise UnitMisused(
                f"message {message_id} is {entry.state.value}: it can't become {state.value}"
            )
        self._transaction.execute(
            "UPDATE journal SET state = ?, updated_at_ms = ? WHERE message_id = ?",
            (state.value, self._now_ms(), message_id),
        )
        return self.require(message_id)

    def pending(self) -> list[JournalEntry]:
        """Return what the server has neither taken nor refused, oldest first."""
        rows = self._transaction.execute(
            f"SELECT {_COLUMNS} FROM journal WHERE state IN ('prepared', 'written') "  # noqa: S608 - as above
            "ORDER BY created_at_ms, rowid"
        )
        return [_entry(row) for row in rows]

    def prune(self, kept_ms: int = JOURNAL_KEPT_MS) -> int:
        """Forget messages that ended longer ago than this; return how many."""
        return self._transaction.count(
            "DELETE FROM journal WHERE state IN ('acked', 'failed') AND updated_at_ms < ?",
            (self._now_ms() - kept_ms,),
        )


def _entry(row: tuple[str, str, str, bytes, bytes, str, int, int]) -> JournalEntry:
    return JournalEntry(*row[:5], Sending(row[5]), *row[6:])
