"""Files of an account's folder: private from the first byte, and moved without losing one.

SQLite gives its `-wal` and `-shm` the mode of the database, so one mode rules all three.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from shared.clock import Clock
from worker.session.errors import SessionExists, SessionMissing, named

FOLDER_MODE = 0o700
FILE_MODE = 0o600
SIDECARS = ("-wal", "-shm", "-journal")


def make_private_folder(folder: Path) -> None:
    """Make the folder and its missing parents for the owner alone; narrow it if it is wider.

    Raises:
        SessionWriteFailed: the system refuses.
    """
    with _on_disk("make the folder of", folder):
        for missing in [p for p in (*reversed(folder.parents), folder) if not p.exists()]:
            missing.mkdir(mode=FOLDER_MODE, exist_ok=True)
        _narrow(folder, FOLDER_MODE)


def create_private_file(path: Path) -> None:
    """Create an empty file for the owner alone, whatever the umask.

    Raises:
        SessionExists: something of that name lies there.
        SessionWriteFailed: the system refuses.
    """
    write_private_file(path, b"")


def write_private_file(path: Path, content: bytes) -> None:
    """Create a file for the owner alone, whatever the umask, with this content.

    Raises:
        SessionExists: something of that name lies there.
        SessionWriteFailed: the system refuses.
    """
    with _on_disk("create", path), _create(path) as descriptor:
        os.fchmod(descriptor, FILE_MODE)
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)


def narrow_all(path: Path) -> None:
    """Take from a session file and its sidecars what others may do with them.

    Raises:
        SessionWriteFailed: the system refuses.
    """
    with _on_disk("take permissions from", path):
        for file in (p for p in (path, *sidecars(path)) if p.exists()):
            _narrow(file, FILE_MODE)


def sidecars(path: Path) -> list[Path]:
    """Return the files SQLite may keep beside a database, whether they exist or not."""
    return [path.with_name(path.name + suffix) for suffix in SIDECARS]


def put_in_place(finished: Path, path: Path) -> None:
    """Give a finished file its final name, durably; it is seen whole there or not at all.

    Raises:
        SessionWriteFailed: the system refuses.
    """
    with _on_disk("put in place", path):
        _sync(finished)
        finished.rename(path)
        _sync(path.parent)


def discard(path: Path) -> None:
    """Remove a temporary database and what SQLite left beside it."""
    with _on_disk("remove the remains of", path):
        for leftover in (path, *sidecars(path)):
            leftover.unlink(missing_ok=True)


def set_aside(path: Path, reason: str, clock: Clock) -> Path:
    """Rename a session file and its sidecars out of the way; nothing is ever deleted.

    The database goes first: a crash half-way leaves a lone `-wal`, which is reported as corrupt,
    and never a database without its log, which would open and be older than it was.

    Args:
        path: the session file; it, or only its sidecars, must be there.
        reason: one word for the name, as in "corrupt" or "quarantine".
        clock: for the stamp in the name.

    Returns:
        Where the database is now: `<name>.<reason>-<UTC stamp>`, its sidecars beside it.

    Raises:
        SessionMissing: nothing lies at the path.
        SessionWriteFailed: the system refuses.
    """
    present = [p for p in (path, *sidecars(path)) if p.exists()]
    if not present:
        raise SessionMissing(f"could not set {path} aside: there is no such file")
    target = _free_name(path, reason, clock)
    with _on_disk("set aside", path):
        for file in present:
            file.rename(target.with_name(target.name + file.name.removeprefix(path.name)))
        _sync(path.parent)
    return target


def _free_name(path: Path, reason: str, clock: Clock) -> Path:
    stamp = datetime.fromtimestamp(clock.wall_s(), UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"{path.name}.{reason}-{stamp}{'' if n == 1 else f'-{n}'}" for n in count(1))
    targets = (path.with_name(name) for name in names)
    return next(t for t in targets if not any(p.exists() for p in (t, *sidecars(t))))


@contextmanager
def _create(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
    except FileExistsError as exc:
        raise SessionExists(
            f"could not create {path}: it exists", hint="open it, or set it aside first"
        ) from exc
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _on_disk(attempted: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise named(exc, attempted, path) from exc


def _narrow(path: Path, mode: int) -> None:
    present = path.stat().st_mode & 0o7777
    if present & ~mode:
        path.chmod(present & mode)


def _sync(path: Path) -> None:
    """Make the content of a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
