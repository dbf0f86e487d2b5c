"""Pre-keys in the session file: with one of ours a stranger starts a session while we are away."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from worker.session.credentials import Rng, SignedPreKey
from worker.session.transaction import Repository
from worker.wire.curve import KeyPair

MAX_PRE_KEY_ID = 0xFFFFFF  # 24 bits; 0 is never used


class SignedPreKeys(Repository):
    """Signed pre-keys, the one in use and those before it, which late messages still name."""

    def put(self, key: SignedPreKey) -> None:
        """Keep a signed pre-key; which one is in use stands in the credentials."""
        self._transaction.execute(
            "INSERT INTO signed_pre_keys (key_id, private, public, signature, created_at_ms) "
            "VALUES (?, ?, ?, ?, ?) ON CONFLICT (key_id) DO UPDATE SET private = "
            "excluded.private, public = excluded.public, signature = excluded.signature",
            (key.key_id, key.pair.private, key.pair.public, key.signature, self._now_ms()),
        )

    def get(self, key_id: int) -> SignedPreKey | None:
        """Return the signed pre-key of this id."""
        row = self._transaction.execute(
            "SELECT key_id, private, public, signature FROM signed_pre_keys WHERE key_id = ?",
            (key_id,),
        ).fetchone()
        return None if row is None else _signed_pre_key(row)

    def current(self) -> SignedPreKey | None:
        """Return the one in use."""
        row = self._transaction.execute(
            "SELECT key_id, private, public, signature FROM signed_pre_keys "
            "WHERE key_id = (SELECT signed_pre_key_id FROM credentials)"
        ).fetchone()
        return None if row is None else _signed_pre_key(row)

    def ids(self) -> list[int]:
        """Return all ids, ascending."""
        rows = self._transaction.execute("SELECT key_id FROM signed_pre_keys ORDER BY key_id")
        return [key_id for (key_id,) in rows]


@dataclass(frozen=True, slots=True)
class PreKey:
    """A one-time pre-key."""

    key_id: int
    pair: KeyPair


class PreKeys(Repository):
    """One-time pre-keys: generated, uploaded, and gone with their first use."""

    def generate(self, count: int, rng: Rng = os.urandom) -> list[PreKey]:
        """Make and keep new pre-keys; ids run on from the last ones, skip used ones, and wrap."""
        used = set(self.ids())
        key_id = self.next_id()
        made: list[PreKey] = []
        while len(made) < count:
            if key_id not in used:
                made.append(PreKey(key_id, KeyPair.generate(rng)))
            key_id = key_id % MAX_PRE_KEY_ID + 1
        self.put_many(made)
        self.continue_from(key_id)
        return made

    def put_many(self, keys: Iterable[PreKey], *, uploaded: bool = False) -> None:
        """Keep pre-keys made elsewhere, as an import brings them."""
        self._transaction.execute_many(
            "INSERT OR REPLACE INTO pre_keys (key_id, private, public, uploaded) "
            "VALUES (?, ?, ?, ?)",
            ((k.key_id, k.pair.private, k.pair.public, int(uploaded)) for k in keys),
        )

    def get(self, key_id: int) -> PreKey | None:
        """Return the pre-key of this id, and keep it."""
        row = self._transaction.execute(
            "SELECT key_id, private, public FROM pre_keys WHERE key_id = ?", (key_id,)
        ).fetchone()
        return None if row is None else PreKey(row[0], KeyPair(row[1], row[2]))

    def take(self, key_id: int) -> PreKey | None:
        """Return the pre-key of this id, and remove it."""
        key = self.get(key_id)
        self.remove(key_id)
        return key

    def remove(self, key_id: int) -> None:
        """Forget a pre-key; harmless where it is gone."""
        self._transaction.execute("DELETE FROM pre_keys WHERE key_id = ?", (key_id,))

    def waiting(self, limit: int) -> list[PreKey]:
        """Return pre-keys that the server has not got yet, by id."""
        rows = self._transaction.execute(
            "SELECT key_id, private, public FROM pre_keys WHERE uploaded = 0 "
            "ORDER BY key_id LIMIT ?",
            (limit,),
        )
        return [PreKey(key_id, KeyPair(private, public)) for key_id, private, public in rows]

    def mark_uploaded(self, key_ids: Iterable[int]) -> None:
        """Note that the server has these."""
        self._transaction.execute_many(
            "UPDATE pre_keys SET uploaded = 1 WHERE key_id = ?", ((k,) for k in key_ids)
        )

    def ids(self) -> list[int]:
        """Return the ids of all that are left, ascending."""
        rows = self._transaction.execute("SELECT key_id FROM pre_keys ORDER BY key_id")
        return [key_id for (key_id,) in rows]

    def next_id(self) -> int:
        """Return the id that the next new pre-key gets, unless it is in use."""
        (next_id,) = self._transaction.execute("SELECT next_id FROM pre_key_counter").fetchone()
        return int(next_id)

    def continue_from(self, key_id: int) -> None:
        """Set the next id; an import and a restored backup need it."""
        wrapped = (key_id - 1) % MAX_PRE_KEY_ID + 1
        self._transaction.execute("UPDATE pre_key_counter SET next_id = ?", (wrapped,))


def _signed_pre_key(row: tuple[int, bytes, bytes, bytes]) -> SignedPreKey:
    key_id, private, public, signature = row
    return SignedPreKey(key_id, KeyPair(private, public), signature)
