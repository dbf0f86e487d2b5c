"""Signal's state of every conversation: sessions, identities, and groups' sender keys.

Records are bytes here: what is in them is `worker.signal`'s business.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from worker.session.transaction import Repository, split_address


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session record as it lies in the file.

    Attributes:
        record: what `SessionRecord.encode` made.
        stale: it comes from a backup, so its sending chain may have been used further since:
            read with it, but start another session before sending.
        updated_at_ms: wall clock.
    """

    record: bytes = field(repr=False)
    stale: bool
    updated_at_ms: int


@dataclass(frozen=True, slots=True)
class Migrated:
    """How many rows a peer's move from phone number to LID took along."""

    sessions: int
    identities: int
    sender_keys: int


class Sessions(Repository):
    """Session records, by Signal address ("name.device")."""

    def get(self, address: str) -> bytes | None:
        """Return the record, stale or not."""
        stored = self.find(address)
        return None if stored is None else stored.record

    def find(self, address: str) -> StoredSession | None:
        """Return the record together with what is known about it."""
        row = self._transaction.execute(
            "SELECT record, stale, updated_at_ms FROM sessions WHERE name = ? AND device = ?",
            split_address(address),
        ).fetchone()
        return None if row is None else StoredSession(row[0], bool(row[1]), row[2])

    def put(self, address: str, record: bytes, *, fresh: bool = False) -> None:
        """Write the record.

        Args:
            address: "name.device".
            record: as the session is now.
            fresh: a new session was started in it, so a stale mark goes. Reading a message is
                not enough: the sending chain may be the backup's still.
        """
        self._transaction.execute(
            "INSERT INTO sessions (name, device, record, stale, updated_at_ms) "
            "VALUES (?, ?, ?, 0, ?) ON CONFLICT (name, device) DO UPDATE SET "
            "record = excluded.record, updated_at_ms = excluded.updated_at_ms, "
            "stale = CASE WHEN ? THEN 0 ELSE stale END",
            (*split_address(address), record, self._now_ms(), fresh),
        )

    def delete(self, address: str) -> None:
        """Forget the session; harmless where there is none."""
        self._transaction.execute(
            "DELETE FROM sessions WHERE name = ? AND device = ?", split_address(address)
        )

    def addresses(self, name: str | None = None) -> list[str]:
        """Return the addresses that have a session; all, or those of one name."""
        rows = self._transaction.execute(
            "SELECT name, device FROM sessions WHERE name = coalesce(?, name) "
            "ORDER BY name, device",
            (name,),
        )
        return [f"{found}.{device}" for found, device in rows]

    def mark_all_stale(self) -> int:
        """Mark every session as coming from a backup; return how many."""
        return self._transaction.count("UPDATE sessions SET stale = 1")

    def migrate(self, pn_name: str, lid_name: str) -> Migrated:
        """Move what we share with a peer's devices from its phone number to its LID.

        A device that has a session (identity, sender key) under the LID already keeps that one,
        and the other stays where it is. Source: whatsmeow store/sqlstore `MigratePNToLID`.

        Args:
            pn_name: the name in the peer's phone-number addresses.
            lid_name: the one in its LID addresses.
        """
        names = (lid_name, pn_name)
        moved = [
            self._transaction.count(f"UPDATE OR IGNORE {table} SET name = ? WHERE name = ?", names)  # noqa: S608 - our own table names
            for table in ("sessions", "identities", "sender_keys")
        ]
        return Migrated(*moved)


class Trust(Enum):
    """What a peer's identity key is to us."""

    NEW = "new"  # never seen one at this address
    SAME = "same"  # the one we know
    CHANGED = "changed"  # another one: the peer has reinstalled, or somebody is in between


class Identities(Repository):
    """Public identity keys (32 bytes) of other devices, by Signal address."""

    def get(self, address: str) -> bytes | None:
        """Return the key we know."""
        row = self._transaction.execute(
            "SELECT public FROM identities WHERE name = ? AND device = ?", split_address(address)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, address: str, public: bytes) -> None:
        """Take this key as the address's."""
        self._transaction.execute(
            "INSERT OR REPLACE INTO identities (name, device, public, updated_at_ms) "
            "VALUES (?, ?, ?, ?)",
            (*split_address(address), public, self._now_ms()),
        )

    def delete(self, address: str) -> None:
        """Forget the key; harmless where there is none."""
        self._transaction.execute(
            "DELETE FROM identities WHERE name = ? AND device = ?", split_address(address)
        )

    def trust(self, address: str, public: bytes) -> Trust:
        """Compare a key with the one we know; nothing is written."""
        known = self.get(address)
        if known is None:
            return Trust.NEW
        return Trust.SAME if hmac.compare_digest(known, public) else Trust.CHANGED


class SenderKeys(Repository):
    """Sender key records, by group and the Signal address of who sends with them."""

    def get(self, group: str, sender: str) -> bytes | None:
        """Return the record."""
        row = self._transaction.execute(
            "SELECT record FROM sender_keys WHERE chat = ? AND name = ? AND device = ?",
            (group, *split_address(sender)),
        ).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, group: str, sender: str, record: bytes) -> None:
        """Write the record."""
        self._transaction.execute(
            "INSERT INTO sender_keys (chat, name, device, record, updated_at_ms) "
            "VALUES (?, ?, ?, ?, ?) ON CONFLICT (chat, name, device) DO UPDATE SET "
            "record = excluded.record, updated_at_ms = excluded.updated_at_ms",
            (group, *split_address(sender), record, self._now_ms()),
        )

    def delete(self, group: str, sender: str) -> None:
        """Forget the record; harmless where there is none."""
        self._transaction.execute(
            "DELETE FROM sender_keys WHERE chat = ? AND name = ? AND device = ?",
            (group, *split_address(sender)),
        )

    def delete_of(self, names: Iterable[str]) -> int:
        """Forget every record of these senders, in all groups; return how many."""
        statement = "DELETE FROM sender_keys WHERE name = ?"
        return sum(self._transaction.count(statement, (name,)) for name in names)


class SenderKeyMemory(Repository):
    """Which devices have got our present sender key of a group."""

    def devices(self, group: str) -> frozenset[str]:
        """Return the JIDs of those that have it."""
        rows = self._transaction.execute(
            "SELECT device_jid FROM sender_key_memory WHERE chat = ?", (group,)
        )
        return frozenset(jid for (jid,) in rows)

    def add(self, group: str, device_jids: Iterable[str]) -> None:
        """Note that these have it now."""
        self._transaction.execute_many(
            "INSERT OR IGNORE INTO sender_key_memory (chat, device_jid) VALUES (?, ?)",
            ((group, jid) for jid in device_jids),
        )

    def remove(self, group: str, device_jids: Iterable[str]) -> None:
        """Note that these lack it: they asked again, or are new."""
        self._transaction.execute_many(
            "DELETE FROM sender_key_memory WHERE chat = ? AND device_jid = ?",
            ((group, jid) for jid in device_jids),
        )

    def clear(self, group: str) -> None:
        """Note that nobody has it: the key is another one."""
        self._transaction.execute("DELETE FROM sender_key_memory WHERE chat = ?", (group,))

    def clear_all(self) -> None:
        """Note that nobody has any of our sender keys."""
        self._transaction.execute("DELETE FROM sender_key_memory")
