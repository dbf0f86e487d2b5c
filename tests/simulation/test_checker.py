"""Each rule of the checker speaks up when a history breaks it, and not before."""

from pathlib import Path
from typing import Any

import pytest

from tests.simulation import history
from tests.simulation.checker import check
from tests.simulation.history import Event

S = 1_000_000_000


def told(*lines: tuple[Any, ...]) -> list[Event]:
    """Return events, one a second, from (event, host, epoch, more)."""
    return [
        Event(float(index), event, host, epoch, *more)
        for index, (event, host, epoch, *more) in enumerate(lines)
    ]


ACQUIRED = (
    ("acquire", "a", 1, {"holder": "a#1"}),
    ("renew_ok", "a", 1, {"hard_ns": 100 * S}),
    ("fence", "a", 1, {"account": "x"}),
    ("spawn", "a", 1, {"worker": "w", "account": "x"}),
    ("act", "a", 1, {"worker": "w"}),
)
EXIT = ("exit", "a", 1, {"worker": "w", "boot_ns": 100 * S, "resumed_ns": 0})
CALM = {"bound_s": 1}
OTHER = (
    ("acquire", "b", 2, {"holder": "b#1"}),
    ("renew_ok", "b", 2, {"hard_ns": 200 * S}),
    ("fence", "b", 2, {"account": "x"}),
)


def test_an_orderly_hand_over_is_right() -> None:
    lines = (*ACQUIRED, EXIT, ("release", "a", 1), *OTHER, ("act", "b", 2, {"worker": "v"}))
    assert check(told(*lines)) == []


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ("not above 1 was acquired", [("acquire", "b", 1, {})]),
        ("released while w lived", [("release", "a", 1)]),
        ("acted after b", [*OTHER, ("act", "b", 2, {}), ("act", "a", 1, {})]),
        ("acted after a", [("act", "b", 1, {})]),
        ("behind a fence", [*OTHER, ("write_accepted", "a", 1, {"account": "x"})]),
        ("a fence went down", [*OTHER, ("fence", "a", 1, {"account": "x"})]),
        ("carries a higher", [*OTHER, ("spawn", "a", 1, {"worker": "u", "account": "x"})]),
        ("before its fence", [("spawn", "a", 1, {"worker": "u", "account": "y"})]),
        ("too long", [("exit", "a", 1, {"worker": "w", "boot_ns": 101 * S})]),
        ("never ended", [("end", "a", 0, {"boot_ns": 101 * S})]),
        ("nobody took", [("calm", "", 0, CALM | {"killed": True}), ("calm_end", "", 0)]),
        ("nobody was", [("calm", "", 0, CALM | {"killed": False}), ("calm_end", "", 0)]),
    ],
)  # fmt: skip
def test_a_broken_rule_is_told(said: str, lines: list[tuple[Any, ...]]) -> None:
    violations = check(told(*ACQUIRED, *lines))
    assert any(said in violation for violation in violations), violations


def test_a_paused_vm_is_excused_for_its_acts_not_for_its_writes() -> None:
    late: list[tuple[Any, ...]] = [("act", "b", 2, {}), ("act", "a", 1, {})]
    pause = ("vm_pause", "a", 0)
    assert check(told(*ACQUIRED, pause, *OTHER, *late)) == []
    assert check(told(*ACQUIRED, *OTHER, *late, pause))
    write = ("write_accepted", "a", 1, {"account": "x"})
    assert check(told(*ACQUIRED, pause, *OTHER, write))


def test_a_stopped_worker_may_end_when_it_goes_on() -> None:
    late = {"worker": "w", "boot_ns": 150 * S, "resumed_ns": 150 * S}
    assert check(told(*ACQUIRED, ("exit", "a", 1, late))) == []


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    events = told(*ACQUIRED, EXIT)
    history.write(events, tmp_path / "history.jsonl")
    assert history.read(tmp_path / "history.jsonl") == events
