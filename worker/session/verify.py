"""Is this file a whole session of ours? Asked before it is opened for writing.

Everything here only reads. What can't be verified is left byte for byte as it was found: an
empty, truncated or zeroed file is what a disk leaves behind when it dies under us, and taking it
for a new account would mint a second identity for a paired one.
"""

import hmac
import sqlite3
from pathlib import Path

from worker.session.errors import (
    SessionCorrupt,
    SessionMissing,
    SessionNewer,
    SessionOutdated,
    SessionUnreadable,
    named,
)
from worker.session.files import sidecars
from worker.session.schema import APPLICATION_ID, Schema
from worker.wire.curve import KeyPair

_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100  # https://www.sqlite.org/fileformat.html, "The Database Header"
_PAGE_SIZE_AT = 16
_PAGES_AT = 28
_APPLICATION_ID_AT = 68
_LARGEST_PAGE_BYTES = 65536  # does not fit its two bytes, and is written as 1

_KEPT = "the file is kept as it is; set it aside and restore the account from its backup"


def verify(path: Path, schema: Schema, *, must_be_current: bool = False) -> None:
    """Check the file from its header to its last page.

    Args:
        path: the session file.
        schema: what this program knows.
        must_be_current: refuse an older version too, for who may not migrate.

    Raises:
        SessionMissing: neither the file nor a leftover of it is there.
        SessionCorrupt: it is not a whole database of ours.
        SessionNewer: a newer program wrote it.
        SessionUnreadable: the system refuses to open or read it.
    """
    _check_presence(path)
    _check_header(path)
    try:
        version = _check_content(path)
    except sqlite3.Error as exc:
        raise _unverified(exc, path) from exc
    _check_version(path, version, schema, must_be_current=must_be_current)


def _check_presence(path: Path) -> None:
    if path.exists():
        return
    orphans = [p.name for p in sidecars(path) if p.exists()]
    if orphans:
        raise _corrupt(path, f"it is gone, and {', '.join(orphans)} is still there")
    raise SessionMissing(
        f"could not open the session file {path}: there is none",
        hint="restore the account from its backup, or pair it",
    )


def _check_header(path: Path) -> None:
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as exc:
        raise SessionUnreadable(
            f"could not read the session file {path}: {exc.strerror}",
            hint="check the owner and mode of SESSIONS_PATH, and its disk",
        ) from exc
    _check_header_bytes(path, header)
    if not any(p.exists() and p.stat().st_size for p in sidecars(path)):
        _check_length(path, header, size_bytes)


def _check_header_bytes(path: Path, header: bytes) -> None:
    if not header:
        raise _corrupt(path, "it is empty")
    if not header.strip(b"\x00"):
        raise _corrupt(path, "it is filled with zeros")
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise _corrupt(path, "it is no SQLite database")
    if _number(header, _APPLICATION_ID_AT, 4) != APPLICATION_ID:
        raise _corrupt(path, "it is another program's database")


def _check_length(path: Path, header: bytes, size_bytes: int) -> None:
    """Compare the file's size with its header's; while a `-wal` is there, it may lag behind."""
    page_bytes = _number(header, _PAGE_SIZE_AT, 2)
    page_bytes = _LARGEST_PAGE_BYTES if page_bytes == 1 else page_bytes
    expected_bytes = _number(header, _PAGES_AT, 4) * page_bytes
    if size_bytes < expected_bytes:
        raise _corrupt(path, f"it has {size_bytes} of {expected_bytes} bytes")


def _check_content(path: Path) -> int:
    """Read every page through a connection that can't write, and return the schema's version.

    A writing one would, at its end, copy the log into the file that we are here to judge.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        connection.execute("PRAGMA mmap_size = 0")
        connection.execute("PRAGMA cell_size_check = ON")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise _corrupt(path, f"SQLite says: {verdict}")
        _check_keys(path, connection)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return int(version)
    finally:
        connection.close()


def _check_keys(path: Path, connection: sqlite3.Connection) -> None:
    """Check that the account's keys are there, and their halves belong together.

    Page checks do not see inside a value. These columns are the same in every version.
    """
    row = connection.execute(
        "SELECT noise_private, noise_public, identity_private, identity_public, private, public "
        "FROM credentials JOIN signed_pre_keys ON key_id = signed_pre_key_id"
    ).fetchone()
    if row is None:
        raise _corrupt(path, "it holds no credentials")
    for name, at in (("Noise key", 0), ("identity key", 2), ("signed pre-key", 4)):
        if not hmac.compare_digest(KeyPair.from_private(row[at]).public, row[at + 1]):
            raise _corrupt(path, f"its {name} is damaged")


def _check_version(path: Path, version: int, schema: Schema, *, must_be_current: bool) -> None:
    if version < 1:
        raise _corrupt(path, f"its schema has the version {version}")
    if version > schema.version:
        raise SessionNewer(
            f"could not open the session file {path}: its schema is version {version}, "
            f"and this program knows {schema.version}",
            hint="upgrade this host, or restore a backup that this version made",
        )
    if must_be_current and version != schema.version:
        raise SessionOutdated(
            f"could not read the session file {path}: its schema is version {version}",
            hint="start its worker once, which brings it up to date",
        )


def _unverified(error: sqlite3.Error, path: Path) -> Exception:
    """Tell a broken file from one that the system would not let us read."""
    cause = named(error, "read", path)
    if isinstance(cause, SessionCorrupt):
        return _corrupt(path, str(error))
    code = getattr(error, "sqlite_errorname", type(error).__name__)
    return SessionUnreadable(
        f"could not read the session file {path}: {error} ({code})",
        hint="check the owner and mode of SESSIONS_PATH, and its disk",
    )


def _corrupt(path: Path, why: str) -> SessionCorrupt:
    return SessionCorrupt(f"could not open the session file {path}: {why}", hint=_KEPT)


def _number(header: bytes, at: int, length: int) -> int:
    return int.from_bytes(header[at : at + length], "big")
