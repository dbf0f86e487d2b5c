"""The only door to time: everything else takes a `Clock`, so that tests can hold it still."""

import time
from typing import Protocol


class Clock(Protocol):
    """What the rest of the program may ask about time."""

    def wall_s(self) -> float:
        """Return seconds since the Unix epoch; for stamps that people or WhatsApp read."""
        ...

    def boot_ns(self) -> int:
        """Return nanoseconds on CLOCK_BOOTTIME; for deadlines, it counts through suspend."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def wall_s(self) -> float:
        """Return seconds since the Unix epoch."""
        return time.time()

    def boot_ns(self) -> int:
        """Return nanoseconds on CLOCK_BOOTTIME."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
