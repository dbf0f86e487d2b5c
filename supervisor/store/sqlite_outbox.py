"""The outbox in SQLite: enqueueing, claiming and settling are each one transaction."""

from dataclasses import replace
from sqlite3 import Connection
from typing import Final

from supervisor.store import rules
from supervisor.store.contract import SendConflict
from supervisor.store.records import (
    MessageRecord,
    MessageStatus,
    NewSend,
    OutboxRecord,
    OutboxState,
)
from supervisor.store.rows import change, many, one, put, select
from supervisor.store.sqlite_conversations import MESSAGE_KEY, free_doc_id
from supervisor.store.sqlite_fences import FencedDatabase
from supervisor.store.sqlite_threads import Threads

OUTBOX_KEY: Final = ("account_id", "request_id")
WAITING: Final = "state IN ('queued', 'processing')"
DUE: Final = (
    "(state = 'queued' AND next_attempt_at_ms <= :at_ms "
    "OR state = 'processing' AND lease_until_ms <= :at_ms)"
)
# Nothing overtakes within a conversation; another conversation need not wait.
FIRST_IN_CHAT: Final = (
    "NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.account_id = outbox.account_id "
    "AND earlier.chat = outbox.chat AND earlier.place < outbox.place "
    "AND earlier.state IN ('queued', 'processing'))"
)
MESSAGE_STATUS: Final = {
    OutboxState.SENT: MessageStatus.SENT,
    OutboxState.FAILED: MessageStatus.FAILED,
    OutboxState.QUEUED: MessageStatus.QUEUED,
    OutboxState.PROCESSING: MessageStatus.QUEUED,
}


class SqliteOutbox:
    """Fulfils `contract.Outbox`."""

    def __init__(self, database: FencedDatabase) -> None:
        self._database = database

    async def enqueue(
        self, account_id: str, send: NewSend
    ) -> tuple[OutboxRecord, MessageRecord, bool]:
        """Store message and outbox record together, if absent."""

        def work(connection: Connection) -> tuple[OutboxRecord, MessageRecord, bool]:
            found = _by_client_id(connection, account_id, send.client_message_id)
            if found is None:
                return *_insert(connection, account_id, send), True
            _check_same(connection, found, send)
            message = _message(connection, found)
            if message is None:
                raise AssertionError(f"outbox record {found.request_id} without a message")
            return found, message, False

        return await self._database.write(account_id, work)

    async def get(self, account_id: str, client_message_id: str) -> OutboxRecord | None:
        """Return the record of the caller's message id, or None."""
        return await self._database.read(
            lambda connection: _by_client_id(connection, account_id, client_message_id)
        )

    async def claim(
        self, account_id: str, owner: str, *, at_ms: int, lease_ms: int
    ) -> OutboxRecord | None:
        """Claim the oldest record that is due and first in its conversation."""
        query = select(
            OutboxRecord,
            f"WHERE account_id = :account_id AND {WAITING} AND {DUE} AND {FIRST_IN_CHAT} "
            "ORDER BY place LIMIT 1",
        )

        def work(connection: Connection) -> OutboxRecord | None:
            found = one(
                OutboxRecord,
                connection.execute(query, {"account_id": account_id, "at_ms": at_ms}),
            )
            return found and _claimed(connection, found, owner, at_ms, lease_ms)

        return await self._database.write(account_id, work)

    async def take_over(self, owner: str, *, at_ms: int) -> int:
        """Queue again what other owners have claimed."""
        statement = (
            "UPDATE outbox SET state = 'queued', claimed_by = NULL, lease_until_ms = NULL, "
            "next_attempt_at_ms = ?, updated_at_ms = ? "
            "WHERE state = 'processing' AND claimed_by IS NOT ?"
        )
        return await self._database.write_for_all(
            lambda connection: connection.execute(statement, (at_ms, at_ms, owner)).rowcount
        )

    async def settle(
        self,
        record: OutboxRecord,
        state: OutboxState,
        *,
        at_ms: int,
        error: str | None = None,
        next_attempt_at_ms: int | None = None,
    ) -> MessageRecord | None:
        """End a claim as SENT, FAILED or QUEUED."""

        def work(connection: Connection) -> MessageRecord | None:
            found = _by_client_id(connection, record.account_id, record.client_message_id)
            if found is None or not _is_claim_of(found, record):
                return None
            settled = replace(
                found,
                state=state,
                claimed_by=None,
                lease_until_ms=None,
                error=error,
                failures=record.failures,
                next_attempt_at_ms=next_attempt_at_ms or found.next_attempt_at_ms,
                sent_at_ms=at_ms if state is OutboxState.SENT else None,
                updated_at_ms=at_ms,
            )
            change(connection, settled, OUTBOX_KEY)
            return _show_in_message(connection, settled)

        return await self._database.write(record.account_id, work)

    async def expire(
        self, account_id: str, *, before_ms: int, at_ms: int, error: str
    ) -> list[MessageRecord]:
        """Give up what is as old as that, and not being sent."""
        query = select(
            OutboxRecord,
            f"WHERE account_id = :account_id AND {WAITING} AND created_at_ms <= :before_ms AND "
            "(state = 'queued' OR lease_until_ms <= :at_ms) ORDER BY place",
        )
        wanted = {"account_id": account_id, "before_ms": before_ms, "at_ms": at_ms}

        def any_old(connection: Connection) -> bool:
            return connection.execute(query, wanted).fetchone() is not None

        def work(connection: Connection) -> list[MessageRecord]:
            found = many(OutboxRecord, connection.execute(query, wanted))
            shown = [_give_up(connection, record, at_ms, error) for record in found]
            return [message for message in shown if message is not None]

        if not await self._database.read(any_old):  # nearly always: no write for nothing
            return []
        return await self._database.write(account_id, work)

    async def oldest_ms(self, account_id: str) -> int | None:
        """Return when the oldest of what waits was asked for, None when nothing waits."""
        query = f"""
            SELECT min(created_at_ms) FROM outbox WHERE account_id = ? AND {WAITING}
        """  # noqa: S608 - constants of ours

        def work(connection: Connection) -> int | None:
            oldest: int | None = connection.execute(query, (account_id,)).fetchone()[0]
            return oldest

        return await self._database.read(work)

    async def hasten(self, account_id: str, *, at_ms: int) -> None:
        """Make everything queued of an account due now."""
        statement = f"""
            UPDATE outbox SET next_attempt_at_ms = :at_ms WHERE account_id = :account_id
            AND {WAITING} AND state = 'queued' AND next_attempt_at_ms > :at_ms
        """  # noqa: S608 - constants of ours
        arguments = {"account_id": account_id, "at_ms": at_ms}
        await self._database.write(
            account_id, lambda connection: connection.execute(statement, arguments)
        )

    async def next_due_ms(self, account_id: str) -> int | None:
        """Return when the next record is due, None when nothing waits."""
        query = f"""
            SELECT min(CASE state WHEN 'queued' THEN next_attempt_at_ms ELSE lease_until_ms END)
            FROM outbox WHERE account_id = ? AND {WAITING} AND {FIRST_IN_CHAT}
        """  # noqa: S608 - constants of ours

        def work(connection: Connection) -> int | None:
            due: int | None = connection.execute(query, (account_id,)).fetchone()[0]
            return due

        return await self._database.read(work)

    async def pending(self, account_id: str) -> list[OutboxRecord]:
        """Return what is queued or claimed, in order."""
        query = select(OutboxRecord, f"WHERE account_id = ? AND {WAITING} ORDER BY place")
        return await self._database.read(
            lambda connection: many(OutboxRecord, connection.execute(query, (account_id,)))
        )

    async def waiting_accounts(self) -> list[str]:
        """Return the accounts that have something queued or claimed."""
        query = f"""
            SELECT DISTINCT account_id FROM outbox WHERE {WAITING}
        """  # noqa: S608 - constants of ours
        return await self._database.read(
            lambda connection: [row["account_id"] for row in connection.execute(query)]
        )


def _by_client_id(
    connection: Connection, account_id: str, client_message_id: str
) -> OutboxRecord | None:
    query = select(OutboxRecord, "WHERE account_id = ? AND client_message_id = ?")
    return one(OutboxRecord, connection.execute(query, (account_id, client_message_id)))


def _message(connection: Connection, record: OutboxRecord) -> MessageRecord | None:
    query = select(MessageRecord, "WHERE thread_id = ? AND doc_id = ?")
    return one(MessageRecord, connection.execute(query, (record.thread_id, record.request_id)))


def _check_same(connection: Connection, found: OutboxRecord, send: NewSend) -> None:
    names = Threads(connection, found.account_id, 0).names(found.chat)
    if found.body == send.body and send.chat in names:
        return
    raise SendConflict(
        f"send a message of account {found.account_id}: its clientMessageId is already used for "
        "another recipient or another text",
        hint="give every message an id of its own, and repeat it only to repeat the message",
    )


def _insert(
    connection: Connection, account_id: str, send: NewSend
) -> tuple[OutboxRecord, MessageRecord]:
    threads = Threads(connection, account_id, send.at_ms)
    thread = threads.of_chat(send.chat)
    request_id = _free_request_id(connection, account_id, thread.thread_id, send.client_message_id)
    message = rules.message_of_send(send, thread=thread, doc_id=request_id)
    record = OutboxRecord(
        account_id=account_id,
        request_id=request_id,
        client_message_id=send.client_message_id,
        wa_message_id=send.wa_message_id,
        thread_id=thread.thread_id,
        chat=send.chat,
        body=send.body,
        state=OutboxState.QUEUED,
        attempts=0,
        next_attempt_at_ms=send.at_ms,
        created_at_ms=send.at_ms,
        updated_at_ms=send.at_ms,
    )
    put(connection, message)
    put(connection, record)
    threads.summarise(message)
    return record, message


def _free_request_id(
    connection: Connection, account_id: str, thread_id: str, client_message_id: str
) -> str:
    """Return the reference backend's id, or one beside it when another message has that already."""
    wanted = rules.request_id(client_message_id)
    query = "SELECT 1 FROM outbox WHERE account_id = ? AND request_id = ?"
    if connection.execute(query, (account_id, wanted)).fetchone():
        wanted = rules.suffixed(wanted, client_message_id)
    return free_doc_id(connection, thread_id, wanted, client_message_id)


def _claimed(
    connection: Connection, found: OutboxRecord, owner: str, at_ms: int, lease_ms: int
) -> OutboxRecord:
    record = replace(
        found,
        state=OutboxState.PROCESSING,
        attempts=found.attempts + 1,
        claimed_by=owner,
        lease_until_ms=at_ms + lease_ms,
        updated_at_ms=at_ms,
    )
    change(connection, record, OUTBOX_KEY)
    return record


def _give_up(
    connection: Connection, found: OutboxRecord, at_ms: int, error: str
) -> MessageRecord | None:
    record = replace(
        found,
        state=OutboxState.FAILED,
        claimed_by=None,
        lease_until_ms=None,
        error=error,
        updated_at_ms=at_ms,
    )
    change(connection, record, OUTBOX_KEY)
    return _show_in_message(connection, record)


def _is_claim_of(found: OutboxRecord, record: OutboxRecord) -> bool:
    """Tell whether a record still is the claim it was; a later claim has one attempt more."""
    return (
        found.state is OutboxState.PROCESSING
        and found.claimed_by == record.claimed_by
        and found.attempts == record.attempts
    )


def _show_in_message(connection: Connection, record: OutboxRecord) -> MessageRecord | None:
    old = _message(connection, record)
    status = MESSAGE_STATUS[record.state]
    if old is None or not rules.advances(old.status, status):
        return None
    message = replace(old, status=status, error=record.error, updated_at_ms=record.updated_at_ms)
    change(connection, message, MESSAGE_KEY)
    return message
