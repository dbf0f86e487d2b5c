import itertools

import pytest

from tests.worker.session.still_clock import StillClock
from worker.session import SessionFile, UnitMisused, UnitOfWork
from worker.session.journal import JOURNAL_KEPT_MS, TRANSITIONS, JournalEntry, Sending

CHAT = "4915@s.whatsapp.net"


def prepare(unit: UnitOfWork, message_id: str = "3EB0") -> JournalEntry:
    return unit.journal.prepare(message_id, "request", CHAT, b"stanza", b"hello")


def test_a_prepared_message_is_durable_with_its_exact_stanza(
    file: SessionFile, clock: StillClock
) -> None:
    with file.unit() as unit:
        made = prepare(unit)

    now_ms = 1_750_000_000_250
    with SessionFile.open(file.path, clock) as later, later.unit() as unit:
        assert unit.journal.get("3EB0") == made
    assert made == JournalEntry(
        "3EB0", "request", CHAT, b"stanza", b"hello", Sending.PREPARED, now_ms, now_ms
    )
    assert "hello" not in repr(made)
    assert "stanza" not in repr(made)


def test_preparing_again_gives_the_first_stanza_back(unit: UnitOfWork) -> None:
    first = prepare(unit)

    again = unit.journal.prepare("3EB0", "another", CHAT, b"encrypted anew", b"hello")

    assert again == first


@pytest.mark.parametrize(
    ("before", "after"), list(itertools.product(Sending, Sending)), ids=lambda s: s.value
)
def test_states_move_only_as_the_table_says(
    unit: UnitOfWork, before: Sending, after: Sending
) -> None:
    prepare(unit)
    if before is not Sending.PREPARED:
        unit.journal.move("3EB0", before)

    if after in TRANSITIONS[before]:
        assert unit.journal.move("3EB0", after).state is after
    else:
        with pytest.raises(UnitMisused, match=f"is {before.value}"):
            unit.journal.move("3EB0", after)
        assert unit.journal.require("3EB0").state is before


def test_what_has_ended_never_goes_out_again() -> None:
    assert {TRANSITIONS[s] for s in (Sending.ACKED, Sending.FAILED)} == {
        frozenset({Sending.ACKED}),
        frozenset({Sending.FAILED}),
    }


def test_a_message_that_was_never_prepared_can_not_move(unit: UnitOfWork) -> None:
    assert unit.journal.get("3EB0") is None
    with pytest.raises(UnitMisused, match="no message"):
        unit.journal.move("3EB0", Sending.WRITTEN)


def test_pending_are_those_without_an_answer_oldest_first(
    unit: UnitOfWork, clock: StillClock
) -> None:
    for message_id in ("D", "C", "B", "A"):
        prepare(unit, message_id)
        clock.advance(1)
    unit.journal.move("D", Sending.WRITTEN)
    unit.journal.move("C", Sending.ACKED)
    unit.journal.move("B", Sending.FAILED)

    assert [entry.message_id for entry in unit.journal.pending()] == ["D", "A"]


def test_only_what_has_ended_is_forgotten(unit: UnitOfWork, clock: StillClock) -> None:
    for message_id, state in (("A", Sending.ACKED), ("F", Sending.FAILED)):
        prepare(unit, message_id)
        unit.journal.move(message_id, state)
    prepare(unit, "P")
    clock.advance(JOURNAL_KEPT_MS / 1000 + 1)

    assert unit.journal.prune() == 2

    assert [entry.message_id for entry in unit.journal.pending()] == ["P"]
