"""Who this process is to the lease, with which constants, and when its former self is dead."""

import fcntl
import os
import re
import secrets
import socket
import uuid
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final

from shared.errors import ConfigError
from shared.logs import get_logger
from shared.settings import Settings
from supervisor.lease.document import Incarnation, LeaseDocument
from supervisor.lease.timing import LeaseTiming
from supervisor.premises import LOCK_FILE, write_privately

log = get_logger(__name__)

STATE_ID_FILE: Final = "state-id"
STATE_ID_BYTES: Final = 16
ACCOUNT_LOCK: Final = "lock"  # in each account's directory; its worker holds it
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
SLACK_SHARE: Final = 1 / 8  # of the time between two renewals
NO_WATCHDOG_SHARE: Final = 1 / 4  # of the hard stop, where nobody watches


def lease_timing(settings: Settings, watchdog_s: float | None) -> LeaseTiming:
    """Return the lease's constants.

    Args:
        settings: LEASE_….
        watchdog_s: systemd's watchdog; None where there is none, and so no rule about it.

    Raises:
        ConfigError: they break a rule; it is named.
    """
    unwatched_s = settings.lease_hard_s * NO_WATCHDOG_SHARE
    return LeaseTiming(
        ttl_s=settings.lease_ttl_s,
        hard_s=settings.lease_hard_s,
        soft_s=settings.lease_soft_s,
        renew_s=settings.lease_renew_s,
        rpc_s=settings.lease_rpc_s,
        poll_s=settings.lease_poll_s,
        grace_s=settings.lease_grace_s,
        kill_s=settings.lease_kill_s,
        margin_s=settings.lease_margin_s,
        slack_s=settings.lease_renew_s * SLACK_SHARE,
        watchdog_s=unwatched_s if watchdog_s is None else watchdog_s,
        abort_s=unwatched_s if watchdog_s is None else LeaseTiming().abort_s,
    ).check()


def this_incarnation(settings: Settings) -> Incarnation:
    """Return who we are; the state directory must be ours already.

    Raises:
        ConfigError: the state id can't be made or read.
    """
    host, boot_id = socket.gethostname(), BOOT_ID.read_text().strip()
    return Incarnation(
        # No slash: it becomes a part of a document's path.
        id=f"{host}:{boot_id}:{uuid.uuid4()}",
        host=host,
        boot_id=boot_id,
        state_id=_state_id(settings.wakeeper_state),
        instance_id=settings.instance_id,
        pid=os.getpid(),
        version=version("wakeeper"),
    )


def _state_id(state: Path) -> str:
    """Return the name of a state directory: random, made once, and no copy's.

    A directory that was copied, with a container's image say, has the random part in common with
    its origin, but not the lock file that the kernel knows.
    """
    path = state / STATE_ID_FILE
    try:
        if path.exists():
            found = path.read_text(encoding="ascii", errors="replace").strip()
        else:
            found = secrets.token_hex(STATE_ID_BYTES)
            write_privately(path, found)
    except OSError as error:
        raise ConfigError(
            f"the state id in {path} can't be used: {error.strerror}",
            hint="mend the file's owner and mode (0600), or remove it: then a whole TTL passes "
            "before the lease of a former process is taken",
        ) from error
    if not re.fullmatch(f"[0-9a-f]{{{2 * STATE_ID_BYTES}}}", found):
        raise ConfigError(f"there is no state id in {path}", hint="remove it; a new one is made")
    lock = (state / LOCK_FILE).stat()
    return f"{found}:{lock.st_dev:x}:{lock.st_ino:x}"


class FormerSelf:
    """Tells whether a lease's holder ran here and is dead, so that nobody has to wait for it.

    It ran here if it had our boot and our state directory. It is dead if that directory's lock is
    ours, and every account's lock could be taken. They are given back at once, because workers
    need them: whoever could take one meanwhile has a living supervisor, and there is none but us.

    Args:
        me: ours; the state directory's lock is held.
        sessions: the directory of the accounts' directories.
        look_again: is called when a former worker is still ending.
    """

    def __init__(self, me: Incarnation, sessions: Path, look_again: Callable[[], None]) -> None:
        self._me = me
        self._sessions = sessions
        self._look_again = look_again

    def is_dead(self, document: LeaseDocument) -> bool:
        """Tell whether the document's holder is certainly dead."""
        same_boot = document.boot_id == self._me.boot_id
        if not same_boot or document.state_id != self._me.state_id:
            return False
        if document.holder is None or document.holder == self._me.id:
            return False
        busy = [
            path.parent.name for path in self._sessions.glob(f"*/{ACCOUNT_LOCK}") if _held(path)
        ]
        if busy:
            log.info("former_workers_live", accounts=len(busy))
            self._look_again()
        return not busy


def _held(path: Path) -> bool:
    """Tell whether somebody holds an account's lock, or nobody can tell."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError as error:
        log.warning("account_lock_unreadable", path=str(path), error=error)
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
