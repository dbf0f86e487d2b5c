"""Two hundred simulated hours in which nobody may hold what another holds."""

from collections import Counter

import pytest

from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.world import Outcome, run

SEEDS = 200
AT_ONCE = 10
PATIENCE = 20  # seeds in which a mutant must be caught


def outcomes_told(outcomes: list[Outcome]) -> str:
    return "\n".join(outcome.told() for outcome in outcomes if outcome.violations)


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_an_hour_of_faults_breaks_no_rule(first: int) -> None:
    outcomes = [run(seed) for seed in range(first, first + AT_ONCE)]
    assert not outcomes_told(outcomes), outcomes_told(outcomes)
    seen = Counter(event.event for outcome in outcomes for event in outcome.events)
    for event in ("acquire", "release", "act", "exit", "write_accepted", "edited", "calm"):
        assert seen[event] >= AT_ONCE, f"{event} is hardly ever seen: {seen}"


def test_paused_vms_write_what_the_fences_refuse() -> None:
    outcomes = [run(seed) for seed in range(0, 60, 3)]
    assert sum(outcome.count("vm_pause") for outcome in outcomes) > 20
    assert sum(outcome.count("write_rejected") for outcome in outcomes) > 5


def test_the_same_seed_is_the_same_run() -> None:
    assert run(5).events == run(5).events
    assert run(5).events != run(6).events


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.plant(monkeypatch)
    violations = (run(seed, parts=mutant.parts).violations for seed in range(PATIENCE))
    assert any(mutant.caught_by in each for found in violations for each in found)
