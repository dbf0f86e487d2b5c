"""The tables of docs/architecture.md say what the code does: they are rendered from its data."""

from pathlib import Path

import pytest

from shared.accounts import TRANSITIONS as STATUSES
from shared.accounts import AccountStatus
from shared.disconnects import TABLE, Disconnect
from shared.exit_codes import ExitCode
from supervisor.lease.modes import TRANSITIONS as MODES
from supervisor.restarts import CONSEQUENCES, CRASHED, Consequence
from worker.whatsapp.states import TRANSITIONS as STATES
from worker.whatsapp.states import State

ROOT = Path(__file__).resolve().parents[1]
ARCHITECTURE = ROOT / "docs" / "architecture.md"


def table(head: str, rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *map(row, rows)])


def row(cells: list[str]) -> str:
    """Return one of its lines."""
    return f"| {' | '.join(cells)} |"


def accounts_table() -> str:
    """Return which status of an account may follow which."""
    order = list(AccountStatus)
    rows = [
        [f"`{status}`", ", ".join(each for each in order if each in STATUSES[status])]
        for status in order
    ]
    return table("| status | what may follow |", rows)


def states_table() -> str:
    """Return which state of a connection may follow which."""
    rows = [
        [
            "(none yet)" if state is None else state.name,
            ", ".join(each.name for each in State if each in STATES[state]) or "nothing",
        ]
        for state in STATES
    ]
    return table("| state | what may follow |", rows)


def disconnects_table() -> str:
    """Return what each of WhatsApp's codes leads to."""
    return table(
        "| code | name | meaning | what follows |",
        [[f"{each.code}", f"`{each.name}`", each.meaning, reaction_to(each)] for each in TABLE],
    )


def reaction_to(found: Disconnect) -> str:
    """Return what follows a disconnect, as the table has it."""
    text = found.reaction.value.replace("_", " ")
    if found.min_delay_s:
        text += f", after {found.min_delay_s:g} s or more"
    return f"{text}; needs a new QR" if found.terminal else text


def decision(found: Consequence) -> str:
    """Return a consequence as the table of exit codes has it."""
    status = f" → `{found.status}`" if found.status is not None else ""
    return f"`{found.next.value}`{status}"


def cells_under(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading, without its head."""
    section = ARCHITECTURE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("render", [accounts_table, states_table, disconnects_table])
def test_a_table_is_as_its_data_renders_it(render: object) -> None:
    assert callable(render)
    expected = render()

    assert expected in ARCHITECTURE.read_text(), f"put this into {ARCHITECTURE.name}:\n{expected}"


def test_every_exit_code_has_the_consequence_of_the_code() -> None:
    for code, _, _, documented in cells_under("What follows when a worker ends"):
        consequence = CONSEQUENCES[ExitCode(int(code))] if code.isdigit() else CRASHED

        assert documented == decision(consequence), code


def test_the_modes_of_the_lease_are_those_of_the_code() -> None:
    documented = {cells[0]: set(cells[2].split(", ")) for cells in cells_under("The lease")}

    assert documented == {
        mode.value: {after.value for after in followers} for mode, followers in MODES.items()
    }


def test_pages_link_to_what_is_there() -> None:
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]:
        for target in links_in(page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def links_in(text: str) -> list[str]:
    """Return the files that a page links to or shows."""
    targets = [part.split(")")[0].split("#")[0] for part in text.split("](")[1:]]
    return [target for target in targets if target and "://" not in target]
