import pytest

from tests.worker.session.still_clock import StillClock
from worker.session import UnitMisused, UnitOfWork
from worker.session.ratchets import Migrated, StoredSession, Trust

KEY, OTHER_KEY = bytes(32), bytes(range(32))


def test_a_session_is_found_under_its_address_alone(unit: UnitOfWork) -> None:
    unit.sessions.put("4915.1", b"one")
    unit.sessions.put("4915.12", b"twelve")
    unit.sessions.put("4915@lid.1", b"lid")

    assert unit.sessions.get("4915.1") == b"one"
    assert unit.sessions.get("4915.2") is None
    assert unit.sessions.addresses("4915") == ["4915.1", "4915.12"]
    assert unit.sessions.addresses() == ["4915.1", "4915.12", "4915@lid.1"]


def test_a_session_is_replaced_and_deleted(unit: UnitOfWork, clock: StillClock) -> None:
    unit.sessions.put("4915.1", b"old")
    clock.advance(1)
    unit.sessions.put("4915.1", b"new")
    assert unit.sessions.find("4915.1") == StoredSession(b"new", False, 1_750_000_001_250)

    unit.sessions.delete("4915.1")
    unit.sessions.delete("4915.1")

    assert unit.sessions.find("4915.1") is None


def test_a_name_may_contain_dots(unit: UnitOfWork) -> None:
    unit.sessions.put("77@hosted.lid.3", b"hosted")

    assert unit.sessions.addresses("77@hosted.lid") == ["77@hosted.lid.3"]


@pytest.mark.parametrize("address", ["", "4915", "4915.", ".1", "4915.one", "4915.-1"])
def test_what_is_no_address_is_refused(unit: UnitOfWork, address: str) -> None:
    with pytest.raises(UnitMisused):
        unit.sessions.put(address, b"record")


def test_a_stale_mark_goes_with_a_new_session_and_not_with_reading(unit: UnitOfWork) -> None:
    unit.sessions.put("4915.1", b"from a backup")
    unit.sessions.put("4915.2", b"from a backup")
    assert unit.sessions.mark_all_stale() == 2

    unit.sessions.put("4915.1", b"a message was read")
    unit.sessions.put("4915.2", b"a session was started", fresh=True)
    unit.sessions.put("4915.3", b"met after the backup")

    stored = [unit.sessions.find(f"4915.{device}") for device in (1, 2, 3)]
    assert [s.stale for s in stored if s] == [True, False, False]


def test_a_peer_moves_to_its_lid_with_every_device(unit: UnitOfWork) -> None:
    for device in (0, 3):
        unit.sessions.put(f"4915.{device}", b"session %d" % device)
        unit.identities.put(f"4915.{device}", KEY)
    unit.sender_keys.put("1@g.us", "4915.3", b"chain")
    unit.sessions.put("49151.0", b"somebody else")

    moved = unit.sessions.migrate("4915", "77@lid")

    assert moved == Migrated(sessions=2, identities=2, sender_keys=1)
    assert unit.sessions.addresses() == ["49151.0", "77@lid.0", "77@lid.3"]
    assert unit.sessions.get("77@lid.3") == b"session 3"
    assert unit.identities.get("77@lid.0") == KEY
    assert unit.identities.get("4915.0") is None
    assert unit.sender_keys.get("1@g.us", "77@lid.3") == b"chain"


def test_what_the_lid_has_is_kept_and_the_rest_moves(unit: UnitOfWork) -> None:
    for device in (0, 3):
        unit.sessions.put(f"4915.{device}", b"number")
        unit.identities.put(f"4915.{device}", KEY)
    unit.sessions.put("77@lid.0", b"lid")
    unit.identities.put("77@lid.0", OTHER_KEY)

    moved = unit.sessions.migrate("4915", "77@lid")

    assert moved == Migrated(sessions=1, identities=1, sender_keys=0)
    assert unit.sessions.get("77@lid.0") == b"lid"
    assert unit.identities.get("77@lid.0") == OTHER_KEY
    assert unit.sessions.get("77@lid.3") == b"number"
    assert unit.sessions.get("4915.0") == b"number"


def test_moving_twice_is_moving_once(unit: UnitOfWork) -> None:
    unit.sessions.put("4915.0", b"number")
    unit.sessions.migrate("4915", "77@lid")

    assert unit.sessions.migrate("4915", "77@lid") == Migrated(0, 0, 0)


def test_a_stale_session_is_stale_under_its_new_name(unit: UnitOfWork) -> None:
    unit.sessions.put("4915.0", b"from a backup")
    unit.sessions.mark_all_stale()
    unit.sessions.migrate("4915", "77@lid")

    stored = unit.sessions.find("77@lid.0")

    assert stored is not None
    assert stored.stale


def test_an_identity_is_new_then_the_same_then_changed(unit: UnitOfWork) -> None:
    seen = [unit.identities.trust("4915.0", KEY)]
    unit.identities.put("4915.0", KEY)
    seen += [unit.identities.trust("4915.0", key) for key in (KEY, OTHER_KEY)]

    assert seen == [Trust.NEW, Trust.SAME, Trust.CHANGED]
    assert unit.identities.get("4915.0") == KEY


def test_an_identity_is_replaced_and_deleted(unit: UnitOfWork) -> None:
    unit.identities.put("4915.0", KEY)
    unit.identities.put("4915.0", OTHER_KEY)
    assert unit.identities.get("4915.0") == OTHER_KEY

    unit.identities.delete("4915.0")

    assert unit.identities.get("4915.0") is None


def test_sender_keys_are_apart_by_group_and_sender(unit: UnitOfWork) -> None:
    unit.sender_keys.put("1@g.us", "4915.0", b"a")
    unit.sender_keys.put("2@g.us", "4915.0", b"b")
    unit.sender_keys.put("1@g.us", "4915.1", b"c")
    unit.sender_keys.put("1@g.us", "4915.0", b"a, later")

    unit.sender_keys.delete("1@g.us", "4915.1")

    kept = [unit.sender_keys.get(f"{g}@g.us", f"4915.{d}") for g, d in [(1, 0), (2, 0), (1, 1)]]
    assert kept == [b"a, later", b"b", None]


def test_the_memory_knows_who_has_our_sender_key(unit: UnitOfWork) -> None:
    memory = unit.sender_key_memory
    memory.add("1@g.us", ["4915@s.whatsapp.net", "4916:2@s.whatsapp.net"])
    memory.add("1@g.us", ["4915@s.whatsapp.net"])
    memory.add("2@g.us", ["4915@s.whatsapp.net"])
    memory.remove("1@g.us", ["4915@s.whatsapp.net", "4999@s.whatsapp.net"])
    assert memory.devices("1@g.us") == {"4916:2@s.whatsapp.net"}

    memory.clear("1@g.us")

    assert memory.devices("1@g.us") == frozenset()
    assert memory.devices("2@g.us") == {"4915@s.whatsapp.net"}


def test_a_restored_backup_rewinds_no_sending_ratchet(unit: UnitOfWork) -> None:
    unit.sessions.put("4915.0", b"session")
    unit.sender_keys.put("1@g.us", "4900.3", b"ours")
    unit.sender_keys.put("1@g.us", "70@lid.3", b"ours")
    unit.sender_keys.put("1@g.us", "4915.0", b"theirs")
    unit.sender_key_memory.add("1@g.us", ["4915@s.whatsapp.net"])
    unit.pre_keys.generate(5)
    before = unit.credentials.get()

    after = unit.start_lineage("another", ["4900", "70@lid"])

    session = unit.sessions.find("4915.0")
    assert session is not None
    assert session.stale
    assert unit.sender_keys.get("1@g.us", "4900.3") is None
    assert unit.sender_keys.get("1@g.us", "70@lid.3") is None
    assert unit.sender_keys.get("1@g.us", "4915.0") == b"theirs"
    assert unit.sender_key_memory.devices("1@g.us") == frozenset()
    assert unit.pre_keys.next_id() > 1000
    assert after == before.replace(lineage="another") == unit.credentials.get()


def test_a_text_of_a_stored_session_holds_no_record(unit: UnitOfWork) -> None:
    unit.sessions.put("4915.0", b"a ratchet")

    assert "ratchet" not in repr(unit.sessions.find("4915.0"))
