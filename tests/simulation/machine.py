"""A machine's clocks: they run at their own speed, and none of them knows the truth."""

from collections.abc import Callable
from typing import Protocol


class _Held(Protocol):
    def update(self) -> None: ...


class Machine:
    """Clocks that drift, step, and stand still while the machine is frozen.

    Args:
        now_s: the true time.
        rate: seconds on its clocks per true second.
        boot_id: of its kernel.
    """

    def __init__(self, now_s: Callable[[], float], name: str, rate: float, boot_id: str) -> None:
        self._now_s = now_s
        self.name = name
        self.rate = rate
        self.boot_id = boot_id
        self.frozen = False
        self.wall_off_s = 0.0
        self.processes: list[_Held] = []
        self._frozen_at_s = 0.0
        self._is_asleep = False
        self._lost_mono_s = 0.0
        self._lost_boot_s = 0.0

    def _here_s(self) -> float:
        return self._frozen_at_s if self.frozen else self._now_s()

    def mono_s(self) -> float:
        """CLOCK_MONOTONIC: stands still while the machine sleeps."""
        return self.rate * (self._here_s() - self._lost_mono_s)

    def boot_ns(self) -> int:
        """CLOCK_BOOTTIME: counts through sleep, but not while a VM is paused."""
        return int(1e9 * (1000 + self.rate * (self._here_s() - self._lost_boot_s)))

    def wall_s(self) -> float:
        return 1.7e9 + self._now_s() + self.wall_off_s

    def freeze(self, *, asleep: bool) -> None:
        """Stop everything: asleep (boot time counts on), or paused as a VM (it does not)."""
        self._frozen_at_s, self._is_asleep, self.frozen = self._now_s(), asleep, True
        self._tell()

    def thaw(self) -> None:
        if not self.frozen:
            return
        lost_s = self._now_s() - self._frozen_at_s
        self._lost_mono_s += lost_s
        if not self._is_asleep:
            self._lost_boot_s += lost_s
        self.frozen = False
        self._tell()

    def _tell(self) -> None:
        for process in tuple(self.processes):
            process.update()
