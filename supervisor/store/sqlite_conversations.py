"""Threads and messages in SQLite: a batch of changes is one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from sqlite3 import Connection

from supervisor.store import rules
from supervisor.store.records import (
    AliasLearned,
    Change,
    MessageRecord,
    MessageStored,
    NameLearned,
    NewMessage,
    Outcome,
    Page,
    StatusAdvance,
    SubjectLearned,
    ThreadRecord,
    ThreadTouched,
)
from supervisor.store.rows import change, many, one, put, select
from supervisor.store.sqlite_fences import FencedDatabase
from supervisor.store.sqlite_threads import Threads

MESSAGE_KEY = ("thread_id", "doc_id")


class SqliteConversations:
    """Fulfils `contract.Conversations`."""

    def __init__(self, database: FencedDatabase) -> None:
        self._database = database

    async def record(
        self, account_id: str, changes: Sequence[Change], *, at_ms: int
    ) -> list[Outcome]:
        """Apply what happened, in order, all or nothing; return what that changed."""

        def work(connection: Connection) -> list[Outcome]:
            batch = Batch(connection, account_id, at_ms)
            for each in changes:
                batch.apply(each)
            return batch.outcomes

        return await self._database.write(account_id, work)

    async def threads(self, account_id: str, page: Page) -> list[ThreadRecord]:
        """Return conversations, latest message first, without those that redirect elsewhere."""
        before = "AND (last_message_at_ms, thread_id) < (?, ?)" if page.before else ""
        query = select(
            ThreadRecord,
            f"WHERE account_id = ? AND redirect_to IS NULL {before} "
            "ORDER BY last_message_at_ms DESC, thread_id DESC LIMIT ?",
        )
        arguments = (account_id, *(page.before or ()), page.limit)
        return await self._database.read(
            lambda connection: many(ThreadRecord, connection.execute(query, arguments))
        )

    async def thread(self, thread_id: str) -> ThreadRecord | None:
        """Return one conversation, or None."""
        query = select(ThreadRecord, "WHERE thread_id = ?")
        return await self._database.read(
            lambda connection: one(ThreadRecord, connection.execute(query, (thread_id,)))
        )

    async def messages(self, account_id: str, thread_id: str, page: Page) -> list[MessageRecord]:
        """Return messages of a conversation, latest first, with those of its former names."""

        def work(connection: Connection) -> list[MessageRecord]:
            family = Threads(connection, account_id, 0).family(thread_id)
            found = [
                record for name in family for record in _latest(connection, account_id, name, page)
            ]
            found.sort(key=lambda record: (record.at_ms, record.doc_id), reverse=True)
            return found[: page.limit]

        return await self._database.read(work)


class Batch:
    """The changes of one transaction."""

    def __init__(self, connection: Connection, account_id: str, at_ms: int) -> None:
        self._connection = connection
        self._account_id = account_id
        self._at_ms = at_ms
        self._threads = Threads(connection, account_id, at_ms)
        self.outcomes: list[Outcome] = []

    def apply(self, each: Change) -> None:
        """Apply one change, and remember what it changed."""
        match each:
            case NewMessage():
                self._store(each)
            case StatusAdvance():
                self._advance(each)
            case NameLearned():
                self._touched(self._threads.name(each))
            case SubjectLearned():
                self._touched(self._threads.subject(each))
            case AliasLearned():
                self._touched(self._threads.learn(each.lid, each.pn))

    def _touched(self, threads: Sequence[ThreadRecord]) -> None:
        self.outcomes += [ThreadTouched(thread) for thread in threads]

    def _store(self, new: NewMessage) -> None:
        self._learn_aliases(new)
        old = self._stored_before(new)
        if old is None:
            self._insert(new)
            return
        merged = rules.merged(old, new, self._at_ms)
        if merged != old:
            filled = old.undecryptable is not None and merged.undecryptable is None
            self._update(merged, **({"content": new.content} if filled else {}))
            self._threads.summarise(merged)

    def _learn_aliases(self, new: NewMessage) -> None:
        for name, lid in ((new.chat, new.chat_lid), (new.sender, new.sender_lid)):
            if lid and rules.is_person(name) and not rules.is_lid(name):
                self._touched(self._threads.learn(lid, name))

    def _stored_before(self, new: NewMessage) -> MessageRecord | None:
        senders = self._threads.names(new.sender, new.sender_lid)
        chats = self._threads.names(new.chat, new.chat_lid)
        return next(
            (
                old
                for old in self._with_wa_id(new.wa_message_id)
                if rules.same_message(old, new, sender_names=senders, chat_names=chats)
            ),
            None,
        )

    def _insert(self, new: NewMessage) -> None:
        thread = self._threads.of_chat(new.chat)
        record = rules.message_of(
            new,
            thread=thread,
            doc_id=free_doc_id(
                self._connection,
                thread.thread_id,
                rules.document_id(new.wa_message_id),
                f"{new.direction.value} {new.sender}",
            ),
            at_ms=self._at_ms,
        )
        put(self._connection, record, content=new.content)
        self.outcomes.append(MessageStored(record, created=True))
        self._threads.summarise(record)

    def _advance(self, receipt: StatusAdvance) -> None:
        names = self._threads.names(receipt.chat)
        for wa_id in dict.fromkeys(receipt.wa_message_ids):
            for old in self._with_wa_id(wa_id):
                if rules.concerns(old, receipt, names):
                    record = replace(
                        old, status=receipt.status, error=None, updated_at_ms=self._at_ms
                    )
                    self._update(record)

    def _update(self, record: MessageRecord, **further: bytes) -> None:
        change(self._connection, record, MESSAGE_KEY, **further)
        self.outcomes.append(MessageStored(record, created=False))

    def _with_wa_id(self, wa_id: str) -> list[MessageRecord]:
        query = select(MessageRecord, "WHERE account_id = ? AND wa_message_id = ?")
        return many(MessageRecord, self._connection.execute(query, (self._account_id, wa_id)))


def free_doc_id(connection: Connection, thread_id: str, wanted: str, apart_by: str) -> str:
    """Return a document id that no other message of the thread has; `wanted` if it is free."""
    query = "SELECT 1 FROM messages WHERE thread_id = ? AND doc_id = ?"
    candidate = wanted
    while connection.execute(query, (thread_id, candidate)).fetchone():
        candidate = rules.suffixed(wanted, f"{apart_by} {candidate}")
    return candidate


def _latest(
    connection: Connection, account_id: str, thread_id: str, page: Page
) -> list[MessageRecord]:
    before = "AND (at_ms, doc_id) < (?, ?)" if page.before else ""
    query = select(
        MessageRecord,
        f"WHERE thread_id = ? AND account_id = ? {before} ORDER BY at_ms DESC, doc_id DESC LIMIT ?",
    )
    arguments = (thread_id, account_id, *(page.before or ()), page.limit)
    return many(MessageRecord, connection.execute(query, arguments))
