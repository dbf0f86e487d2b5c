"""Which thread a chat belongs to, in SQLite: one per person, whichever name the person came by."""

from collections.abc import Sequence
from dataclasses import replace
from sqlite3 import Connection

from supervisor.store import rules
from supervisor.store.records import MessageRecord, NameLearned, SubjectLearned, ThreadRecord
from supervisor.store.rows import change, many, one, put, select

THREAD_KEY = ("thread_id",)


class Threads:
    """The threads and aliases of one account, inside one transaction."""

    def __init__(self, connection: Connection, account_id: str, at_ms: int) -> None:
        self._connection = connection
        self._account_id = account_id
        self._at_ms = at_ms

    def names(self, *jids: str) -> set[str]:
        """Return all JIDs that the same person or group is known under."""
        known = {jid for jid in jids if jid}
        query = "SELECT lid, pn FROM aliases WHERE account_id = ? AND (lid = ? OR pn = ?)"
        for jid in tuple(known):
            for row in self._connection.execute(query, (self._account_id, jid, jid)):
                known |= {row["lid"], row["pn"]}
        return known

    def canonical(self, chat: str) -> str:
        """Return a chat's phone-number JID where it is known, else the chat itself."""
        if not rules.is_lid(chat):
            return chat
        query = "SELECT pn FROM aliases WHERE account_id = ? AND lid = ?"
        row = self._connection.execute(query, (self._account_id, chat)).fetchone()
        return chat if row is None else str(row["pn"])

    def of_chat(self, chat: str) -> ThreadRecord:
        """Return the thread of a chat; a new one is created."""
        jid = self.canonical(chat)
        return self._get(rules.thread_id(self._account_id, jid)) or self._create(jid)

    def family(self, thread_id: str) -> list[str]:
        """Return the ids of a conversation's threads: the one asked for, and what it replaced."""
        asked = self._get(thread_id)
        head = thread_id if asked is None or asked.redirect_to is None else asked.redirect_to
        query = select(ThreadRecord, "WHERE redirect_to = ? AND account_id = ?")
        former = many(ThreadRecord, self._connection.execute(query, (head, self._account_id)))
        return [head, *(thread.thread_id for thread in former)]

    def summarise(self, message: MessageRecord) -> None:
        """Make a message its conversation's latest, unless there is a later one."""
        thread = self._get(self.family(message.thread_id)[0])
        if thread is not None:
            self._save(thread, rules.summarised(thread, message, self._at_ms))

    def learn(self, lid: str, pn: str) -> Sequence[ThreadRecord]:
        """Remember that two JIDs are one person; join their threads, and return those changed."""
        if self.canonical(lid) == pn or not (rules.is_lid(lid) and rules.is_person(pn)):
            return ()
        self._connection.execute(
            "INSERT INTO aliases (account_id, lid, pn) VALUES (?, ?, ?) "
            "ON CONFLICT (account_id, lid) DO UPDATE SET pn = excluded.pn",
            (self._account_id, lid, pn),
        )
        former = self._get(rules.thread_id(self._account_id, lid))
        return () if former is None or former.redirect_to else self._join(former, pn)

    def name(self, learned: NameLearned) -> Sequence[ThreadRecord]:
        """Give a person's conversation the name the person uses; return it if that changed it."""
        found = [self._existing(jid) for jid in (learned.jid, learned.lid) if jid]
        thread = next((thread for thread in found if thread is not None), None)
        if thread is None or rules.is_group(thread.chat) or not learned.name:
            return ()
        return self._save(thread, replace(thread, name=learned.name))

    def subject(self, learned: SubjectLearned) -> Sequence[ThreadRecord]:
        """Give a group its subject; a group nobody has written in yet is listed from now on."""
        thread = self.of_chat(learned.chat)
        return self._save(thread, replace(thread, subject=learned.subject))

    def _join(self, former: ThreadRecord, pn: str) -> Sequence[ThreadRecord]:
        target = self._get(rules.thread_id(self._account_id, pn)) or self._create(pn)
        joined = rules.taken_over(target, former, self._at_ms)
        gone = replace(former, redirect_to=target.thread_id, updated_at_ms=self._at_ms)
        return [*self._save(target, joined), *self._save(former, gone)]

    def _existing(self, chat: str) -> ThreadRecord | None:
        return self._get(rules.thread_id(self._account_id, self.canonical(chat)))

    def _get(self, thread_id: str) -> ThreadRecord | None:
        query = select(ThreadRecord, "WHERE thread_id = ?")
        return one(ThreadRecord, self._connection.execute(query, (thread_id,)))

    def _create(self, chat: str) -> ThreadRecord:
        thread = ThreadRecord(
            account_id=self._account_id,
            thread_id=rules.thread_id(self._account_id, chat),
            chat=chat,
            created_at_ms=self._at_ms,
            updated_at_ms=self._at_ms,
        )
        put(self._connection, thread)
        return thread

    def _save(self, old: ThreadRecord, new: ThreadRecord) -> Sequence[ThreadRecord]:
        if new == old:
            return ()
        stamped = replace(new, updated_at_ms=self._at_ms)
        change(self._connection, stamped, THREAD_KEY)
        return (stamped,)
