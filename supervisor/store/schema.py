"""The tables of the SQLite store; each entry of MIGRATIONS leads to the next schema version.

Columns are named after the fields of `records.py`. Times are wall-clock milliseconds.
"""

from typing import Final

_FIRST: Final = (
    """
    CREATE TABLE accounts (
        account_id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        phone TEXT,
        status TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        jid TEXT,
        lid TEXT,
        session_id TEXT,
        push_name TEXT,
        status_since_ms INTEGER NOT NULL,
        reason TEXT,
        code INTEGER,
        last_connected_at_ms INTEGER,
        last_disconnected_at_ms INTEGER
    ) STRICT
    """,
    "CREATE INDEX accounts_by_phone ON accounts (phone)",
    # Who is who: a LID and the phone-number JID of the same person.
    """
    CREATE TABLE aliases (
        account_id TEXT NOT NULL,
        lid TEXT NOT NULL,
        pn TEXT NOT NULL,
        PRIMARY KEY (account_id, lid)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX aliases_by_pn ON aliases (account_id, pn)",
    """
    CREATE TABLE threads (
        account_id TEXT NOT NULL,
        thread_id TEXT PRIMARY KEY,
        chat TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        name TEXT,
        subject TEXT,
        last_message_at_ms INTEGER NOT NULL,
        last_message_doc_id TEXT,
        last_message_text TEXT,
        last_message_direction TEXT,
        last_message_sender_name TEXT,
        redirect_to TEXT
    ) STRICT
    """,
    """
    CREATE INDEX threads_latest ON threads (account_id, last_message_at_ms DESC, thread_id DESC)
        WHERE redirect_to IS NULL
    """,
    "CREATE INDEX threads_redirected ON threads (redirect_to) WHERE redirect_to IS NOT NULL",
    """
    CREATE TABLE messages (
        account_id TEXT NOT NULL,
        thread_id TEXT NOT NULL,
        doc_id TEXT NOT NULL,
        wa_message_id TEXT NOT NULL,
        client_message_id TEXT,
        direction TEXT NOT NULL,
        chat TEXT NOT NULL,
        sender TEXT NOT NULL,
        sender_lid TEXT NOT NULL,
        sender_name TEXT NOT NULL,
        kind TEXT NOT NULL,
        body TEXT,
        status TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        stored_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        undecryptable TEXT,
        error TEXT,
        offline INTEGER NOT NULL,
        content BLOB, -- the decrypted protobuf: kinds that are not read yet are not lost
        PRIMARY KEY (thread_id, doc_id)
    ) STRICT
    """,
    "CREATE INDEX messages_latest ON messages (thread_id, at_ms DESC, doc_id DESC)",
    "CREATE INDEX messages_by_wa_id ON messages (account_id, wa_message_id)",
    """
    CREATE TABLE outbox (
        place INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which it was asked for
        account_id TEXT NOT NULL,
        request_id TEXT NOT NULL,
        client_message_id TEXT NOT NULL,
        wa_message_id TEXT NOT NULL,
        thread_id TEXT NOT NULL,
        chat TEXT NOT NULL,
        body TEXT NOT NULL,
        state TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        next_attempt_at_ms INTEGER NOT NULL,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        claimed_by TEXT,
        lease_until_ms INTEGER,
        error TEXT,
        sent_at_ms INTEGER,
        UNIQUE (account_id, client_message_id),
        UNIQUE (account_id, request_id)
    ) STRICT
    """,
    """
    CREATE INDEX outbox_waiting ON outbox (account_id, place)
        WHERE state IN ('queued', 'processing')
    """,
    """
    CREATE INDEX outbox_waiting_in_chat ON outbox (account_id, chat, place)
        WHERE state IN ('queued', 'processing')
    """,
)

_FENCES: Final = (
    "ALTER TABLE accounts ADD COLUMN lineage TEXT",
    # The highest epoch of the lease that ever acted for an account.
    """
    CREATE TABLE fences (
        account_id TEXT PRIMARY KEY,
        epoch INTEGER NOT NULL,
        holder TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX fences_by_epoch ON fences (epoch)",
)

_RESTARTS: Final = (
    "ALTER TABLE accounts ADD COLUMN unconfirmed_logouts INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE accounts ADD COLUMN unconfirmed_since_ms INTEGER",
    "ALTER TABLE accounts ADD COLUMN retry_at_ms INTEGER",
)

_FAILURES: Final = ("ALTER TABLE outbox ADD COLUMN failures INTEGER NOT NULL DEFAULT 0",)

MIGRATIONS: Final = (_FIRST, _FENCES, _RESTARTS, _FAILURES)

# The lease has a file of its own: its writes wait for nobody else's.
LEASE_MIGRATIONS: Final = (
    (
        """
        CREATE TABLE lease (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            version INTEGER NOT NULL,
            fields TEXT NOT NULL, -- JSON
            boot_id TEXT NOT NULL, -- of the kernel whose CLOCK_BOOTTIME the stamp is of
            updated_boot_ns INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE wishes (
            incarnation TEXT PRIMARY KEY,
            boot_id TEXT NOT NULL,
            at_boot_ns INTEGER NOT NULL
        ) STRICT
        """,
    ),
)
