"""A program: writes units of work until it is killed, and counts the durable ones on stdout.

A unit moves a ratchet and puts the message it decrypted into the spool, both with its number.
"""

import os
import sys
from pathlib import Path

from shared.clock import SystemClock
from worker.session import SessionFile
from worker.session.spool import Key

ADDRESS = "4915.1"
RECORD_BYTES = 1500


def record(number: int) -> bytes:
    return number.to_bytes(4, "big") * (RECORD_BYTES // 4)


def key(number: int) -> Key:
    return Key("message", "4915@s.whatsapp.net", f"3EB0{number}", "4915@s.whatsapp.net")


def write_for_ever(path: Path) -> None:
    file = SessionFile.open(path, SystemClock())
    # Bring the log home often, so that kills also fall into that.
    file._connection.execute("PRAGMA wal_autocheckpoint = 20")
    with file.unit() as unit:
        number = int.from_bytes((unit.sessions.get(ADDRESS) or b"")[:4], "big")
    while True:
        number += 1
        with file.unit() as unit:
            unit.sessions.put(ADDRESS, record(number))
            unit.spool.add(key(number), record(number))
            unit.spool.delivered([number - 5])
        os.write(1, number.to_bytes(4, "big"))


if __name__ == "__main__":
    write_for_ever(Path(sys.argv[1]))
