import sqlite3

import pytest

from tests.worker.session.still_clock import StillClock
from worker.session import SessionFile, SessionLocked, UnitMisused, UnitOfWork
from worker.session.journal import Sending
from worker.session.spool import Key

KEY = Key("message", "4915@s.whatsapp.net", "3EB0", "4915@s.whatsapp.net")


def everything(file: SessionFile) -> list[str]:
    return list(file._connection.iterdump())


def touch_everything(unit: UnitOfWork) -> None:
    unit.credentials.update(push_name="Somebody")
    unit.pre_keys.generate(2)
    unit.sessions.put("4915.1", b"ratchet")
    unit.identities.put("4915.1", bytes(32))
    unit.sender_keys.put("1@g.us", "4915.1", b"chain")
    unit.sender_key_memory.add("1@g.us", ["4915:1@s.whatsapp.net"])
    unit.lids.learn("77", "4915")
    unit.sent.add("3EB1", "4915@s.whatsapp.net", b"hello")
    unit.retries.count("3EB0", "4915@s.whatsapp.net")
    unit.spool.delivered([unit.spool.add(KEY, b"event").id or 0])
    unit.journal.prepare("3EB1", "request", "4915@s.whatsapp.net", b"stanza", b"hello")
    unit.carried.put("app-state-sync-key", "AAAA", b"{}")


def test_what_happened_in_a_unit_is_there_for_the_next(file: SessionFile) -> None:
    with file.unit() as unit:
        touch_everything(unit)

    with file.unit() as unit:
        assert unit.sessions.get("4915.1") == b"ratchet"
        assert unit.handled.has(KEY)
        assert unit.journal.require("3EB1").state is Sending.PREPARED


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt], ids=lambda e: e.__name__)
def test_a_unit_that_raises_undoes_everything(
    file: SessionFile, error: type[BaseException]
) -> None:
    before = everything(file)

    def stumble() -> None:
        with file.unit() as unit:
            touch_everything(unit)
            raise error

    with pytest.raises(error):
        stumble()

    assert everything(file) == before


def test_a_unit_inside_another_is_refused_and_the_outer_one_undone(file: SessionFile) -> None:
    before = everything(file)

    def nest() -> None:
        with file.unit() as unit:
            touch_everything(unit)
            with file.unit():
                pass

    with pytest.raises(UnitMisused, match="open already"):
        nest()

    assert everything(file) == before
    with file.unit() as unit:
        touch_everything(unit)


def test_a_unit_can_not_be_used_after_its_end(file: SessionFile) -> None:
    with file.unit() as unit:
        sessions = unit.sessions
    before = everything(file)

    with pytest.raises(UnitMisused, match="has ended"):
        sessions.put("4915.1", b"half a change")
    with pytest.raises(UnitMisused, match="has ended"):
        unit.pre_keys.mark_uploaded([1])

    assert everything(file) == before


def test_calls_after_the_commit_see_a_durable_unit_in_order(
    file: SessionFile, clock: StillClock
) -> None:
    seen: list[object] = []

    def look() -> None:
        with SessionFile.open(file.path, clock, read_only=True) as other, other.unit() as unit:
            seen.append(unit.sessions.get("4915.1"))

    with file.unit() as unit:
        unit.sessions.put("4915.1", b"ratchet")
        unit.after_commit(look)
        unit.after_commit(lambda: seen.append("second"))
        assert seen == []

    assert seen == [b"ratchet", "second"]


def test_a_call_after_the_commit_may_begin_another_unit(file: SessionFile) -> None:
    def again() -> None:
        with file.unit() as later:
            later.sessions.put("4915.2", b"another")

    with file.unit() as unit:
        unit.after_commit(again)

    with file.unit() as unit:
        assert unit.sessions.addresses() == ["4915.2"]


def test_calls_after_the_commit_are_not_made_when_it_is_undone(file: SessionFile) -> None:
    seen: list[str] = []

    def stumble() -> None:
        with file.unit() as unit:
            unit.after_commit(lambda: seen.append("called"))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        stumble()

    assert seen == []


def test_a_call_after_the_commit_that_fails_undoes_nothing_and_stops_nobody(
    file: SessionFile,
) -> None:
    seen: list[str] = []

    def fail() -> None:
        raise ValueError("the link is gone")

    def commit() -> None:
        with file.unit() as unit:
            unit.sessions.put("4915.1", b"ratchet")
            unit.after_commit(fail)
            unit.after_commit(lambda: seen.append("called"))

    with pytest.raises(ExceptionGroup, match="the commit stands"):
        commit()

    assert seen == ["called"]
    with file.unit() as unit:
        assert unit.sessions.get("4915.1") == b"ratchet"


def test_another_writer_is_named_as_such(file: SessionFile) -> None:
    file._connection.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(file.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(SessionLocked), file.unit():
        pass

    other.close()
    with file.unit() as unit:
        touch_everything(unit)


def test_repositories_run_dry_of_old_things_together(file: SessionFile, clock: StillClock) -> None:
    with file.unit() as unit:
        touch_everything(unit)
        unit.journal.move("3EB1", Sending.ACKED)
        assert unit.prune() == 0
    clock.advance(15 * 24 * 60 * 60)

    with file.unit() as unit:
        assert unit.prune() == 4
        assert unit.prune() == 0
