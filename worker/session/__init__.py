"""An account's session: everything its worker must not forget, in one SQLite file.

The file is written in units of work: a ratchet and the message it decrypted become durable
together, or neither does.
"""

from worker.session.credentials import Credentials, SignedPreKey
from worker.session.database import SessionFile
from worker.session.errors import (
    IdentityReplaced,
    SessionCorrupt,
    SessionExists,
    SessionLocked,
    SessionMissing,
    SessionNewer,
    SessionOutdated,
    SessionRejected,
    SessionUnreadable,
    SessionWriteFailed,
    UnitMisused,
)
from worker.session.files import set_aside
from worker.session.lock import AccountLock
from worker.session.unit import UnitOfWork

__all__ = [
    "AccountLock",
    "Credentials",
    "IdentityReplaced",
    "SessionCorrupt",
    "SessionExists",
    "SessionFile",
    "SessionLocked",
    "SessionMissing",
    "SessionNewer",
    "SessionOutdated",
    "SessionRejected",
    "SessionUnreadable",
    "SessionWriteFailed",
    "SignedPreKey",
    "UnitMisused",
    "UnitOfWork",
    "set_aside",
]
