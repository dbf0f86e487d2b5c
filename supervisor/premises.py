"""The places a supervisor needs on disk, checked before anything is started in them.

Everything here answers before the first worker runs, and says which setting to change.
"""

import contextlib
import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from shared.errors import ConfigError, WakeeperError
from shared.settings import Settings

LOCK_FILE: Final = "supervisor.lock"
TOKEN_FILE: Final = "admin-token"  # noqa: S105 -- a file's name
ADDRESS_FILE: Final = "api-address"
TOKEN_BYTES: Final = 32
MAX_TOKEN_FILE_BYTES: Final = 1024


class AlreadyRunning(WakeeperError):
    """Another supervisor works in the same state directory."""


@dataclass(frozen=True, slots=True)
class AdminToken:
    """What the API asks for, and the file it stands in (None: it came from the settings)."""

    value: str = field(repr=False)
    path: Path | None


def prepare(settings: Settings) -> None:
    """Make the directories (0700) and see that the sessions' one can really be written.

    Raises:
        ConfigError: one of them can't be made or written; says which, why, and who we are.
    """
    _make("WAKEEPER_STATE", settings.wakeeper_state)
    _make("RUN_PATH", settings.run_path)
    _make("SESSIONS_PATH", settings.sessions_path)
    _make("SQLITE_PATH", settings.sqlite_path.parent)
    _try_to_write("SESSIONS_PATH", settings.sessions_path)


def _make(name: str, path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{name}: the directory {path} can't be made: {error.strerror}", hint=_hint(name)
        ) from error


def _try_to_write(name: str, path: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"wakeeper")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigError(
            f"{name}: the directory {path} can't be written: {error.strerror}", hint=_hint(name)
        ) from error


def _hint(name: str) -> str:
    return (
        f"set {name} to a directory that uid {os.geteuid()} may write, on a disk that stays: "
        "sessions that are lost must be paired again with a QR"
    )


@contextlib.contextmanager
def sole_supervisor(state: Path) -> Iterator[None]:
    """Hold the state directory for this process; the kernel lets go of it however we end.

    Raises:
        AlreadyRunning: another process holds it.
        ConfigError: the lock's file can't be opened.
    """
    path = state / LOCK_FILE
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            f"the lock {path} can't be opened: {error.strerror}", hint=_hint("WAKEEPER_STATE")
        ) from error
    try:
        _lock(fd, path)
        yield
    finally:
        os.close(fd)


def _lock(fd: int, path: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(fd, 20).decode("ascii", "replace").strip() or "unknown"
        raise AlreadyRunning(
            f"process {holder} already runs Wakeeper in {path.parent}",
            hint="stop that one first, or give this one a WAKEEPER_STATE of its own",
        ) from None
    os.ftruncate(fd, 0)
    os.write(fd, f"{os.getpid()}\n".encode())


def admin_token(
    settings: Settings, make: Callable[[int], str] = secrets.token_urlsafe
) -> AdminToken:
    """Return the API's token: the setting, else the one in our file, which is made when missing.

    Raises:
        ConfigError: the file can't be made or read, or others may read it.
    """
    if settings.admin_token is not None:
        return AdminToken(settings.admin_token.get_secret_value(), None)
    path = settings.wakeeper_state / TOKEN_FILE
    try:
        value = read_token(path) or _write_new(path, make(TOKEN_BYTES))
    except OSError as error:
        raise ConfigError(
            f"the admin token in {path} can't be used: {error.strerror}",
            hint="set ADMIN_TOKEN, or mend the file's owner and mode (0600)",
        ) from error
    return AdminToken(value, path)


def read_token(path: Path) -> str | None:
    """Return the token in a file, None when there is no file.

    Raises:
        ConfigError: others may read it, or there is no token in it.
        OSError: it can't be read.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            text = file.read(MAX_TOKEN_FILE_BYTES).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    if mode & 0o077:
        raise ConfigError(
            f"the admin token in {path} can be read by others (mode {mode:o})",
            hint=f"remove the file, so that a new token is made, or `chmod 600 {path}`",
        )
    if not text.isprintable() or " " in text or not text:
        raise ConfigError(
            f"there is no token in {path}", hint="remove the file, so that a new one is made"
        )
    return text


def _write_new(path: Path, value: str) -> str:
    """Write the file whole or not at all; it is never readable by others, not for a moment."""
    write_privately(path, value)
    return value


def publish_address(run: Path, url: str) -> None:
    """Leave the API's address where our own command line finds it."""
    write_privately(run / ADDRESS_FILE, url)


def published_address(run: Path) -> str | None:
    """Return the address that a daemon of this run directory left; it may be gone since."""
    try:
        return (run / ADDRESS_FILE).read_text().strip() or None
    except OSError:
        return None


def withdraw_address(run: Path) -> None:
    """Take the address back. Idempotent."""
    with contextlib.suppress(OSError):
        (run / ADDRESS_FILE).unlink()


def write_privately(path: Path, text: str) -> None:
    """Write a file (0600) whole or not at all.

    Raises:
        OSError: it could not be written.
    """
    fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    try:
        with os.fdopen(fd, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
