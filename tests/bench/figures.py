"""Figures: several rounds of an act, and the table they end in."""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """One line of the table: ours and the peer's rounds, in the same unit; either may be empty."""

    what: str
    unit: str
    ours: Sequence[float]
    peer: Sequence[float] = ()
    aim: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the line's texts."""
        return (
            self.what,
            spread(self.ours, self.unit),
            spread(self.peer, self.unit),
            self._ratio(),
            self.aim,
        )

    def _ratio(self) -> str:
        if not self.peer or not self.ours or not statistics.median(self.ours):
            return ""
        return f"{statistics.median(self.peer) / statistics.median(self.ours):.1f} x"


def spread(figures: Sequence[float], unit: str) -> str:
    """Return the median with the least and the most, as in `21.3 µs (20.8 to 25.0)`."""
    if not figures:
        return "—"
    median, least, most = statistics.median(figures), min(figures), max(figures)
    told = f"{_short(median)} {unit}"
    return told if len(figures) == 1 else f"{told} ({_short(least)} to {_short(most)})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def measure_us(operations: int, act: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Return microseconds per operation of each round, after some to warm up."""
    for _ in range(min(operations, 200)):
        act()
    figures = []
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(operations):
            act()
        figures.append((time.perf_counter() - begin) * 1e6 / operations)
    return figures


def table(rows: Sequence[Row], peer_name: str) -> str:
    """Return the rows as a table in plain text."""
    head = ("what", "Wakeeper", peer_name, "peer / ours", "aim")
    lines = [head, *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    shown = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]
    rule = "─" * (sum(widths) + 2 * (len(head) - 1))
    return "\n".join([shown[0].rstrip(), rule, *map(str.rstrip, shown[1:])])


def progress(what: str) -> None:
    """Tell on stderr what is being measured."""
    print(f"measuring: {what} …", file=sys.stderr, flush=True)
