"""Message keys of messages that have not arrived yet: kept, found, and dropped when too many."""

import struct
from dataclasses import dataclass
from typing import Final, Self

from worker.signal.errors import MalformedRecord

MAX_SKIPPED_KEYS: Final = 2000
_SEED_BYTES: Final = 32
_ENTRY = struct.Struct(">I32s")


@dataclass(frozen=True, slots=True)
class SkippedKeys:
    """An immutable list of (counter, seed), the oldest first, at most MAX_SKIPPED_KEYS.

    It is kept in its stored form, so that a record with thousands of them is read and
    written without touching each.
    """

    packed: bytes = b""

    @classmethod
    def load(cls, packed: bytes) -> Self:
        """Read the stored form; raises MalformedRecord for no whole number of entries."""
        if len(packed) % _ENTRY.size:
            raise MalformedRecord(f"read skipped message keys: {len(packed)} bytes")
        return cls(packed)

    def __len__(self) -> int:
        return len(self.packed) // _ENTRY.size

    def adding(self, entries: list[tuple[int, bytes]]) -> Self:
        """Return a list with these (counter, seed) too; the oldest make room."""
        added = b"".join(_ENTRY.pack(*entry) for entry in entries)
        return type(self)((self.packed + added)[-MAX_SKIPPED_KEYS * _ENTRY.size :])

    def taking(self, counter: int) -> tuple[bytes, Self] | None:
        """Return the seed of `counter` and the list without it, or None where it is not kept."""
        at = self._find(counter)
        if at is None:
            return None
        seed = self.packed[at + 4 : at + _ENTRY.size]
        return seed, type(self)(self.packed[:at] + self.packed[at + _ENTRY.size :])

    def _find(self, counter: int) -> int | None:
        wanted = struct.pack(">I", counter)
        at = self.packed.find(wanted)
        while at >= 0 and at % _ENTRY.size:
            at = self.packed.find(wanted, at + 1)
        return at if at >= 0 else None
