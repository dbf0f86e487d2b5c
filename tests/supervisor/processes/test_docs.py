"""The tables of docs/architecture.md say what the code does."""

import re
from pathlib import Path

from shared.exit_codes import ExitCode
from supervisor.workers import TRANSITIONS

ARCHITECTURE = Path(__file__).resolve().parents[3] / "docs" / "architecture.md"
SUPERVISORS_OWN = {ExitCode.CONFIG}


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading, without its head."""
    section = ARCHITECTURE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_worker_states_are_those_of_the_code() -> None:
    documented = {row[0]: set(filter(None, row[2].split(", "))) for row in rows("A worker's life")}

    assert documented == {
        state.value: {after.value for after in followers}
        for state, followers in TRANSITIONS.items()
    }


def test_every_exit_code_is_explained() -> None:
    cells = [row[0] for row in rows("What follows when a worker ends")]
    documented = {int(code) for cell in cells for code in re.findall(r"\d+", cell)}

    assert documented == set(ExitCode) - SUPERVISORS_OWN
