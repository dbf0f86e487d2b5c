"""A clock for tests."""


class StillClock:
    """Stands at a known moment until it is moved."""

    def __init__(self, now_s: float = 1_750_000_000.25) -> None:
        self.now_s = now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds

    def wall_s(self) -> float:
        return self.now_s

    def boot_ns(self) -> int:
        return int(self.now_s * 1_000_000_000)
