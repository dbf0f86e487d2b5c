"""How a worker ends is its contract with the supervisor: one number per meaning.

What follows from each number is the supervisor's decision (`supervisor/restarts.py`). Numbers are
never given a new meaning: an old supervisor may watch a newer worker for the length of a redeploy.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit status of a worker process; anything else, and any signal, is a crash."""

    STOPPED = 0
    """It was asked to stop, and did."""

    BOOT_ERROR = 3
    """It could not begin: an import, a setting, or the link failed before the welcome."""

    LOGGED_OUT = 20
    """WhatsApp unlinked this device (401 `device_removed`, 403, 406): a person must scan again."""

    REPLACED = 21
    """Another connection of the same device took over (`conflict replaced`)."""

    TEMP_BANNED = 22
    """WhatsApp asks for silence until a given time."""

    CLIENT_OUTDATED = 23
    """WhatsApp refuses this WhatsApp Web version (405): true for every account at once."""

    CREDS_CORRUPT = 24
    """The session file is there but can't be read or trusted; corrupt is not missing."""

    LOGGED_OUT_UNCONFIRMED = 25
    """A bare 401, without `device_removed`: one more try decides."""

    QR_EXPIRED = 26
    """Nobody scanned a QR while one was shown."""

    REFUSED = 27
    """WhatsApp refuses the login, and trying again will not help (400, 409, 411, …)."""

    LEASE_EXPIRED = 30
    """The deadline passed without a new one."""

    FENCED = 31
    """A newer epoch owns this account."""

    LOCKED = 32
    """Another process holds the account's lock on disk."""

    CONFIG = 78
    """The supervisor itself: its settings forbid the start (EX_CONFIG, sysexits.h)."""
