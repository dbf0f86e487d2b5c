from tests.worker.session.still_clock import StillClock
from worker.session import UnitOfWork
from worker.session.peers import Device, DeviceList, Group, Participant, PrivacyToken


def test_a_pair_is_known_in_both_directions(unit: UnitOfWork) -> None:
    assert unit.lids.learn("77", "4915")

    assert (unit.lids.lid_of("4915"), unit.lids.pn_of("77")) == ("77", "4915")
    assert (unit.lids.lid_of("77"), unit.lids.pn_of("4915")) == (None, None)


def test_a_known_pair_is_no_news(unit: UnitOfWork) -> None:
    unit.lids.learn("77", "4915")

    assert not unit.lids.learn("77", "4915")


def test_a_user_is_in_one_pair_only(unit: UnitOfWork) -> None:
    unit.lids.learn("77", "4915")
    unit.lids.learn("88", "4916")

    assert unit.lids.learn("77", "4916")

    assert unit.lids.pairs() == [("77", "4916")]


def test_the_other_name_of_a_jid(unit: UnitOfWork) -> None:
    unit.lids.learn("77", "4915")

    others = {
        jid: unit.lids.other(jid)
        for jid in ("77@lid", "4915@s.whatsapp.net", "78@lid", "4916@s.whatsapp.net", "77@g.us")
    }

    assert others == {
        "77@lid": "4915@s.whatsapp.net",
        "4915@s.whatsapp.net": "77@lid",
        "78@lid": None,
        "4916@s.whatsapp.net": None,
        "77@g.us": None,
    }


def test_a_device_list_comes_back_with_its_age(unit: UnitOfWork, clock: StillClock) -> None:
    devices = (Device(0), Device(7, key_index=3))
    unit.devices.put("4915@s.whatsapp.net", devices)
    clock.advance(60)

    assert unit.devices.get("4915@s.whatsapp.net") == DeviceList(devices, 1_750_000_000_250)
    unit.devices.put("4915@s.whatsapp.net", ())
    assert unit.devices.get("4915@s.whatsapp.net") == DeviceList((), 1_750_000_060_250)


def test_no_devices_and_an_unknown_list_are_two_things(unit: UnitOfWork) -> None:
    unit.devices.put("4915@s.whatsapp.net", ())
    unit.devices.put("4916@s.whatsapp.net", (Device(0),))
    unit.devices.delete("4916@s.whatsapp.net")

    assert unit.devices.get("4915@s.whatsapp.net") is not None
    assert unit.devices.get("4916@s.whatsapp.net") is None


def test_a_group_comes_back_with_its_age(unit: UnitOfWork) -> None:
    members = (Participant("77@lid", pn="4915@s.whatsapp.net", role="admin"), Participant("88@lid"))
    group = Group("1@g.us", "Zoë's 🎉", "lid", members)

    unit.groups.put(group)

    stored = unit.groups.get("1@g.us")
    assert stored == Group("1@g.us", "Zoë's 🎉", "lid", members, 1_750_000_000_250)
    unit.groups.delete("1@g.us")
    assert unit.groups.get("1@g.us") is None


def test_privacy_tokens_are_replaced(unit: UnitOfWork) -> None:
    unit.privacy_tokens.put("77@lid", PrivacyToken(b"old", 1))
    unit.privacy_tokens.put("77@lid", PrivacyToken(b"new", 2, sent_at_s=3))

    assert unit.privacy_tokens.get("77@lid") == PrivacyToken(b"new", 2, 3)
    assert unit.privacy_tokens.get("78@lid") is None
    assert unit.privacy_tokens.jids() == ["77@lid"]
    assert "new" not in repr(unit.privacy_tokens.get("77@lid"))


def test_what_is_carried_comes_back_as_it_was(unit: UnitOfWork) -> None:
    unit.carried.put("app-state-sync-key", "AAAA/x1", b"{1}")
    unit.carried.put("app-state-sync-key", "AAAA/x2", b"{2}")
    unit.carried.put("creds", "accountSettings", b"{}")
    unit.carried.put("app-state-sync-key", "AAAA/x1", b"{3}")
    unit.carried.delete("creds", "accountSettings")

    assert unit.carried.all("app-state-sync-key") == {"AAAA/x1": b"{3}", "AAAA/x2": b"{2}"}
    assert unit.carried.get("app-state-sync-key", "AAAA/x1") == b"{3}"
    assert unit.carried.get("creds", "accountSettings") is None
