"""A program: runs on a disk so small that it fills it, and prints what happened as JSON."""

import json
import os
import sys
from pathlib import Path

from shared.clock import SystemClock
from worker.session import Credentials, SessionFile, SessionWriteFailed, UnitOfWork

BALLAST_BYTES = 200_000
CHUNK_BYTES = 20_000


def fill(unit: UnitOfWork) -> None:
    unit.credentials.put(Credentials.generate(SystemClock()))


def write_until_full(file: SessionFile) -> tuple[int, str]:
    number = 0
    while True:
        try:
            with file.unit() as unit:
                unit.sessions.put("4915.1", number.to_bytes(4, "big"))
                unit.carried.put("ballast", str(number), os.urandom(CHUNK_BYTES))
        except SessionWriteFailed as exc:
            return number, str(exc)
        number += 1


def stored(file: SessionFile) -> tuple[int, int]:
    with file.unit() as unit:
        number = int.from_bytes(unit.sessions.get("4915.1") or b"", "big")
        return number, len(unit.carried.all("ballast"))


def main(disk: Path) -> dict[str, object]:
    ballast = disk / "ballast"
    ballast.write_bytes(os.urandom(BALLAST_BYTES))
    file = SessionFile.create(disk / "account" / "session.db", SystemClock(), fill)
    written, error = write_until_full(file)
    report: dict[str, object] = {"written": written, "error": error}
    report["stored_when_full"] = stored(file)
    report["create_when_full"] = create(disk / "other" / "session.db")
    report["left_by_create"] = [p.name for p in (disk / "other").iterdir()]
    report["snapshot_when_full"] = snapshot(file, disk / "snapshot.db")
    report["left_by_snapshot"] = [p.name for p in disk.iterdir() if "snapshot" in p.name]
    ballast.unlink()
    with file.unit() as unit:
        unit.sessions.put("4915.1", (999).to_bytes(4, "big"))
    file.close()
    with SessionFile.open(disk / "account" / "session.db", SystemClock()) as again:
        report["stored_after_room_was_made"] = stored(again)
    return report


def create(path: Path) -> str:
    try:
        SessionFile.create(path, SystemClock(), fill).close()
    except SessionWriteFailed as exc:
        return type(exc).__name__
    return "done"


def snapshot(file: SessionFile, target: Path) -> str:
    try:
        file.snapshot(target)
    except SessionWriteFailed as exc:
        return type(exc).__name__
    return "done"


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
