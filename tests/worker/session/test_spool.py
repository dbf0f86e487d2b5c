import pytest

from tests.worker.session.still_clock import StillClock
from worker.session import SessionFile, UnitOfWork
from worker.session.spool import HANDLED_KEPT_MS, Delivery, Key, Spooled

PN, LID, GROUP = "4915@s.whatsapp.net", "77@lid", "1@g.us"
KEY = Key("message", PN, "3EB0", PN)


def test_an_event_waits_with_all_that_is_known_about_it(unit: UnitOfWork) -> None:
    assert unit.spool.add(KEY, b"event") == Spooled(Delivery.NEW, 1)

    (row,) = unit.spool.waiting(10)

    assert (row.id, row.key, row.payload) == (1, KEY, b"event")
    assert row.created_at_ms == 1_750_000_000_250
    assert "event" not in repr(row)


def test_events_wait_in_the_order_they_came(unit: UnitOfWork) -> None:
    for number in range(5):
        unit.spool.add(Key("message", PN, f"3EB{number}", PN), b"")

    assert [row.id for row in unit.spool.waiting(3)] == [1, 2, 3]
    assert [row.id for row in unit.spool.waiting(3, after_id=3)] == [4, 5]
    assert unit.spool.count() == 5


def test_a_repeat_of_a_waiting_event_is_not_stored_twice(unit: UnitOfWork) -> None:
    unit.spool.add(KEY, b"event")

    assert unit.spool.add(KEY, b"the same, again") == Spooled(Delivery.WAITING, 1)

    assert [row.payload for row in unit.spool.waiting(10)] == [b"event"]


def test_a_repeat_of_a_delivered_event_is_known(unit: UnitOfWork) -> None:
    unit.spool.add(KEY, b"event")
    unit.spool.delivered([1])

    assert unit.spool.add(KEY, b"again") == Spooled(Delivery.DELIVERED, None)

    assert unit.handled.has(KEY)
    assert unit.spool.count() == 0


def test_delivering_twice_is_delivering_once(unit: UnitOfWork) -> None:
    unit.spool.add(KEY, b"event")

    unit.spool.delivered([1, 1, 99])
    unit.spool.delivered([1])

    assert unit.spool.count() == 0


@pytest.mark.parametrize(
    "other",
    [
        Key("message", GROUP, "3EB0", "4916@s.whatsapp.net"),
        Key("receipt", GROUP, "3EB0", PN),
        Key("message", "2@g.us", "3EB0", PN),
        Key("message", GROUP, "3EB1", PN),
    ],
    ids=["sender", "kind", "chat", "id"],
)
@pytest.mark.parametrize("delivered", [[], [1]], ids=["waiting", "delivered"])
def test_events_that_differ_in_one_thing_are_two(
    unit: UnitOfWork, other: Key, delivered: list[int]
) -> None:
    unit.spool.add(Key("message", GROUP, "3EB0", PN), b"one")
    unit.spool.delivered(delivered)

    assert unit.spool.add(other, b"two") == Spooled(Delivery.NEW, 2)


@pytest.mark.parametrize("delivered", [False, True], ids=["waiting", "delivered"])
@pytest.mark.parametrize(("first", "repeat"), [(PN, LID), (LID, PN)])
def test_a_lid_learned_in_between_does_not_make_a_second_message(
    unit: UnitOfWork, first: str, repeat: str, delivered: bool
) -> None:
    unit.spool.add(Key("message", first, "3EB0", first), b"event")
    if delivered:
        unit.spool.delivered([1])
    unit.lids.learn("77", "4915")

    again = unit.spool.add(Key("message", repeat, "3EB0", repeat), b"event")

    assert again.delivery is (Delivery.DELIVERED if delivered else Delivery.WAITING)


def test_a_group_member_is_the_same_under_both_names(unit: UnitOfWork) -> None:
    unit.lids.learn("77", "4915")
    unit.spool.add(Key("message", GROUP, "3EB0", PN), b"event")

    again = unit.spool.add(Key("message", GROUP, "3EB0", LID), b"event")

    assert again == Spooled(Delivery.WAITING, 1)


def test_ids_are_not_used_again_after_the_spool_ran_empty(file: SessionFile) -> None:
    with file.unit() as unit:
        unit.spool.add(KEY, b"event")
        unit.spool.delivered([1])

    with file.unit() as unit:
        assert unit.spool.add(Key("message", PN, "3EB1", PN), b"") == Spooled(Delivery.NEW, 2)


def test_handled_events_are_forgotten_only_when_no_repeat_can_come(
    unit: UnitOfWork, clock: StillClock
) -> None:
    unit.handled.add(KEY)
    clock.advance(HANDLED_KEPT_MS / 1000)
    assert unit.handled.prune() == 0

    clock.advance(0.001)

    assert unit.handled.prune() == 1
    assert not unit.handled.has(KEY)


def test_a_repeat_does_not_make_a_handled_event_older(unit: UnitOfWork, clock: StillClock) -> None:
    unit.handled.add(KEY)
    clock.advance(HANDLED_KEPT_MS / 1000)
    unit.handled.add(KEY)
    clock.advance(1)

    assert unit.handled.prune() == 0
