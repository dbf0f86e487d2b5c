"""The tables of a session file, as data; and how an older file becomes one of today.

A file's version is SQLite's `user_version`, and its kind is `application_id`, so that a database
of another program is refused before anything is read from it. A migration, once released, is
never edited: a new one is appended.
"""

import sqlite3
from dataclasses import dataclass

APPLICATION_ID = 0x57616B65  # "Wake"
OLDEST_SQLITE = (3, 37, 0)  # STRICT tables; RETURNING is older

_ACCOUNT = (
    # One row: who we are. What pairing brings is NULL before it.
    """
    CREATE TABLE credentials (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        noise_private BLOB NOT NULL CHECK (length(noise_private) = 32),
        noise_public BLOB NOT NULL CHECK (length(noise_public) = 32),
        identity_private BLOB NOT NULL CHECK (length(identity_private) = 32),
        identity_public BLOB NOT NULL CHECK (length(identity_public) = 32),
        signed_pre_key_id INTEGER NOT NULL REFERENCES signed_pre_keys (key_id),
        registration_id INTEGER NOT NULL CHECK (registration_id BETWEEN 0 AND 4294967295),
        adv_secret BLOB NOT NULL CHECK (length(adv_secret) = 32),
        session_id TEXT NOT NULL CHECK (length(session_id) > 0),
        lineage TEXT NOT NULL CHECK (length(lineage) > 0),
        created_at_ms INTEGER NOT NULL,
        jid TEXT,
        lid TEXT,
        platform TEXT NOT NULL,
        push_name TEXT NOT NULL,
        signed_device_identity BLOB,
        account_signature_key BLOB,
        routing_info BLOB,
        server_time_offset_s INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE signed_pre_keys (
        key_id INTEGER PRIMARY KEY CHECK (key_id BETWEEN 0 AND 16777215),
        private BLOB NOT NULL CHECK (length(private) = 32),
        public BLOB NOT NULL CHECK (length(public) = 32),
        signature BLOB NOT NULL CHECK (length(signature) = 64),
        created_at_ms INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE pre_keys (
        key_id INTEGER PRIMARY KEY CHECK (key_id BETWEEN 1 AND 16777215),
        private BLOB NOT NULL CHECK (length(private) = 32),
        public BLOB NOT NULL CHECK (length(public) = 32),
        uploaded INTEGER NOT NULL CHECK (uploaded IN (0, 1))
    ) STRICT
    """,
    "CREATE INDEX pre_keys_waiting ON pre_keys (key_id) WHERE uploaded = 0",
    # The counter is not in the credentials: an id is never given out twice, whoever writes those.
    """
    CREATE TABLE pre_key_counter (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        next_id INTEGER NOT NULL CHECK (next_id BETWEEN 1 AND 16777215)
    ) STRICT
    """,
    "INSERT INTO pre_key_counter (only, next_id) VALUES (1, 1)",
)

_RATCHETS = (
    """
    CREATE TABLE sessions (
        name TEXT NOT NULL,
        device INTEGER NOT NULL,
        record BLOB NOT NULL,
        stale INTEGER NOT NULL CHECK (stale IN (0, 1)),
        updated_at_ms INTEGER NOT NULL,
        PRIMARY KEY (name, device)
    ) STRICT
    """,
    """
    CREATE TABLE identities (
        name TEXT NOT NULL,
        device INTEGER NOT NULL,
        public BLOB NOT NULL CHECK (length(public) = 32),
        updated_at_ms INTEGER NOT NULL,
        PRIMARY KEY (name, device)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE sender_keys (
        chat TEXT NOT NULL,
        name TEXT NOT NULL,
        device INTEGER NOT NULL,
        record BLOB NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        PRIMARY KEY (chat, name, device)
    ) STRICT
    """,
    "CREATE INDEX sender_keys_by_sender ON sender_keys (name, device)",
    """
    CREATE TABLE sender_key_memory (
        chat TEXT NOT NULL,
        device_jid TEXT NOT NULL,
        PRIMARY KEY (chat, device_jid)
    ) STRICT, WITHOUT ROWID
    """,
)

_PEERS = (
    """
    CREATE TABLE lids (
        lid_user TEXT PRIMARY KEY,
        pn_user TEXT NOT NULL UNIQUE,
        learned_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE devices (
        user TEXT PRIMARY KEY,
        devices TEXT NOT NULL,
        fetched_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE chat_groups (
        jid TEXT PRIMARY KEY,
        subject TEXT NOT NULL,
        addressing_mode TEXT NOT NULL,
        participants TEXT NOT NULL,
        fetched_at_ms INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE privacy_tokens (
        jid TEXT PRIMARY KEY,
        token BLOB NOT NULL,
        timestamp_s INTEGER NOT NULL,
        sent_at_s INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)

_MESSAGES = (
    """
    CREATE TABLE spool (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        chat TEXT NOT NULL,
        wa_id TEXT NOT NULL,
        sender TEXT NOT NULL,
        payload BLOB NOT NULL,
        created_at_ms INTEGER NOT NULL,
        UNIQUE (wa_id, kind, chat, sender)
    ) STRICT
    """,
    """
    CREATE TABLE handled (
        wa_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        chat TEXT NOT NULL,
        sender TEXT NOT NULL,
        handled_at_ms INTEGER NOT NULL,
        PRIMARY KEY (wa_id, kind, chat, sender)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX handled_by_age ON handled (handled_at_ms)",
    """
    CREATE TABLE journal (
        message_id TEXT PRIMARY KEY,
        request_id TEXT NOT NULL,
        chat TEXT NOT NULL,
        stanza BLOB NOT NULL,
        plaintext BLOB NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('prepared', 'written', 'acked', 'failed')),
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE INDEX journal_pending ON journal (created_at_ms)
    WHERE state IN ('prepared', 'written')
    """,
    "CREATE INDEX journal_by_age ON journal (updated_at_ms)",
    """
    CREATE TABLE sent (
        message_id TEXT NOT NULL,
        chat TEXT NOT NULL,
        plaintext BLOB NOT NULL,
        created_at_ms INTEGER NOT NULL,
        PRIMARY KEY (message_id, chat)
    ) STRICT
    """,
    "CREATE INDEX sent_by_age ON sent (created_at_ms)",
    """
    CREATE TABLE sent_retries (
        message_id TEXT NOT NULL,
        chat TEXT NOT NULL,
        device_jid TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (message_id, chat, device_jid),
        FOREIGN KEY (message_id, chat) REFERENCES sent (message_id, chat) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE retries (
        message_id TEXT NOT NULL,
        sender TEXT NOT NULL,
        count INTEGER NOT NULL,
        first_at_ms INTEGER NOT NULL,
        last_at_ms INTEGER NOT NULL,
        PRIMARY KEY (message_id, sender)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX retries_by_age ON retries (last_at_ms)",
)

# What another client's session brought along and we only hand back: app state, settings, ...
_CARRIED = (
    """
    CREATE TABLE carried (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (kind, name)
    ) STRICT
    """,
)


@dataclass(frozen=True)
class Schema:
    """The steps from an empty database to a session file of some version.

    Attributes:
        migrations: statements of each step; step n (from 1) makes version n of version n - 1.
    """

    migrations: tuple[tuple[str, ...], ...]

    @property
    def version(self) -> int:
        """Return the version that the last step leads to."""
        return len(self.migrations)

    def migrate(self, connection: sqlite3.Connection) -> bool:
        """Bring the database to this version, in one transaction; say whether it moved.

        An error leaves the file at the version it had.
        """
        (present,) = connection.execute("PRAGMA user_version").fetchone()
        if present == self.version:
            return False
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._run_steps_after(present, connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return True

    def _run_steps_after(self, present: int, connection: sqlite3.Connection) -> None:
        for step in self.migrations[present:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {self.version:d}")


SCHEMA = Schema(migrations=((*_ACCOUNT, *_RATCHETS, *_PEERS, *_MESSAGES, *_CARRIED),))
SCHEMA_VERSION = SCHEMA.version
