"""Says a repeated thing only now and then, so that one bad peer can't fill the log."""

from typing import Final

from shared.clock import Clock

QUIET_S: Final = 60.0
MAX_REMEMBERED: Final = 1000  # different things; the oldest is forgotten first


class Damper:
    """Lets each thing through once per `quiet_s`."""

    def __init__(self, clock: Clock, quiet_s: float = QUIET_S) -> None:
        self._clock = clock
        self._quiet_ns = int(quiet_s * 1e9)
        self._said_boot_ns: dict[str, int] = {}

    def says(self, what: str) -> bool:
        """Tell whether it is time to say `what` (again), and remember that it was said."""
        now_ns = self._clock.boot_ns()
        said_ns = self._said_boot_ns.get(what)
        if said_ns is not None and now_ns - said_ns < self._quiet_ns:
            return False
        self._said_boot_ns.pop(what, None)
        self._said_boot_ns[what] = now_ns
        if len(self._said_boot_ns) > MAX_REMEMBERED:
            del self._said_boot_ns[next(iter(self._said_boot_ns))]
        return True
