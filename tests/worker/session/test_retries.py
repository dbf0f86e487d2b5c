from tests.worker.session.still_clock import StillClock
from worker.session import UnitOfWork
from worker.session.retries import RETRIES_KEPT_MS, SENT_KEPT_MS, Retry, SentMessage

PN, LID = "4915@s.whatsapp.net", "77@lid"


def test_a_sent_message_is_kept_as_it_was_first(unit: UnitOfWork) -> None:
    unit.sent.add("3EB0", PN, b"hello")
    unit.sent.add("3EB0", PN, b"another")

    assert unit.sent.get("3EB0", PN) == SentMessage("3EB0", PN, b"hello", 1_750_000_000_250)
    assert "hello" not in repr(unit.sent.get("3EB0", PN))


def test_a_message_we_do_not_have_is_none_and_never_empty(unit: UnitOfWork) -> None:
    unit.sent.add("3EB0", PN, b"hello")

    assert unit.sent.get("3EB1", PN) is None
    assert unit.sent.get("3EB0", "4916@s.whatsapp.net") is None


def test_a_message_is_found_under_the_chats_other_name(unit: UnitOfWork) -> None:
    unit.sent.add("3EB0", PN, b"hello")
    unit.lids.learn("77", "4915")

    found = unit.sent.get("3EB0", LID)

    assert found is not None
    assert found.plaintext == b"hello"


def test_requests_are_counted_by_device(unit: UnitOfWork) -> None:
    unit.sent.add("3EB0", PN, b"hello")
    message = unit.sent.get("3EB0", PN)
    assert message is not None

    counts = [
        unit.sent.count_retry(message, device)
        for device in ("4915:1@s.whatsapp.net", "4915:1@s.whatsapp.net", "4915@s.whatsapp.net")
    ]

    assert counts == [1, 2, 1]


def test_sent_messages_go_by_age(unit: UnitOfWork, clock: StillClock) -> None:
    unit.sent.add("old", PN, b"")
    message = unit.sent.get("old", PN)
    assert message is not None
    unit.sent.count_retry(message, PN)
    clock.advance(SENT_KEPT_MS / 1000 + 1)
    unit.sent.add("new", PN, b"")

    assert unit.sent.prune() == 1

    assert unit.sent.get("old", PN) is None
    assert unit.sent.get("new", PN) is not None
    assert unit.sent.count_retry(SentMessage("new", PN, b"", 0), PN) == 1


def test_the_oldest_sent_messages_go_when_there_are_too_many(
    unit: UnitOfWork, clock: StillClock
) -> None:
    for number in range(5):
        unit.sent.add(f"{number}", PN, b"")
        clock.advance(1)

    assert unit.sent.prune(kept_count=2) == 3

    kept = [number for number in range(5) if unit.sent.get(f"{number}", PN)]
    assert kept == [3, 4]


def test_our_own_requests_are_counted_with_their_times(unit: UnitOfWork, clock: StillClock) -> None:
    assert unit.retries.get("3EB0", PN) is None
    first = unit.retries.count("3EB0", PN)
    clock.advance(2)

    second = unit.retries.count("3EB0", PN)

    assert first == Retry(1, 1_750_000_000_250, 1_750_000_000_250)
    assert second == Retry(2, 1_750_000_000_250, 1_750_000_002_250)
    assert unit.retries.get("3EB0", PN) == second
    assert unit.retries.count("3EB0", LID).count == 1


def test_requests_are_forgotten_when_answered_or_old(unit: UnitOfWork, clock: StillClock) -> None:
    unit.retries.count("answered", PN)
    unit.retries.clear("answered", PN)
    unit.retries.count("old", PN)
    clock.advance(RETRIES_KEPT_MS / 1000 + 1)
    unit.retries.count("new", PN)

    assert unit.retries.prune() == 1

    assert unit.retries.get("answered", PN) is None
    assert unit.retries.get("old", PN) is None
    assert unit.retries.get("new", PN) is not None
