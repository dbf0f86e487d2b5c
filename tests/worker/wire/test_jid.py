import pytest
from hypothesis import given

from tests.worker.wire.strategies import jids
from worker.wire.jid import SERVER, STATUS, Jid, MalformedJid


@pytest.mark.parametrize(
    ("text", "jid"),
    [
        ("15551234567@s.whatsapp.net", Jid("15551234567", "s.whatsapp.net")),
        ("15551234567:3@s.whatsapp.net", Jid("15551234567", "s.whatsapp.net", 3)),
        ("200000000000002:255@lid", Jid("200000000000002", "lid", 255)),
        ("1:9@hosted", Jid("1", "hosted", 9)),
        ("1:9@hosted.lid", Jid("1", "hosted.lid", 9)),
        ("123_2:5@s.whatsapp.net", Jid("123", "s.whatsapp.net", 5, agent=2)),
        ("120363-17@g.us", Jid("120363-17", "g.us")),
        ("status@broadcast", STATUS),
        ("3-123:4@interop", Jid("123", "interop", 4, integrator=3)),
        ("0-123:0@interop", Jid("123", "interop")),
        ("123:0@msgr", Jid("123", "msgr")),
        ("a_b@c.us", Jid("a_b", "c.us")),
        ("@s.whatsapp.net", SERVER),
    ],
)
def test_text_forms_are_read_and_written(text: str, jid: Jid) -> None:
    assert Jid.parse(text) == jid
    assert str(jid) == text


def test_a_server_may_stand_without_its_at_sign() -> None:
    assert Jid.parse("s.whatsapp.net") == SERVER
    assert Jid.parse("g.us") == Jid("", "g.us")


@pytest.mark.parametrize(
    "text",
    [
        *("", "user", "user@", "@", "a@b@c", "1:x@lid", "1:@lid", "1:2:3@lid", "1:65536@lid"),
        *("1:99999999@lid", "1_256:2@lid", "1:-1@lid", "70000-1:2@interop", "1:²@lid"),
    ],
)
def test_texts_that_are_no_jid_are_refused(text: str) -> None:
    with pytest.raises(MalformedJid) as caught:
        Jid.parse(text)
    assert not text or text not in str(caught.value)  # it may be a phone number


@given(jids)
def test_parsing_and_printing_are_inverse(text: str) -> None:
    assert str(Jid.parse(text)) == text


def test_the_account_behind_a_device() -> None:
    device = Jid("1", "lid", 7)
    assert device.bare == Jid("1", "lid")
    assert device.bare.bare is device.bare or device.bare.bare == device.bare
    assert device.bare.with_device(7) == device
    assert Jid("1", "interop", 7, integrator=3).bare == Jid("1", "interop", integrator=3)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("1@s.whatsapp.net", "1"),
        ("1:5@lid", "1_1"),
        ("1@hosted", "1_128"),
        ("1@hosted.lid", "1_129"),
    ],
)
def test_signal_names_carry_the_domain(text: str, name: str) -> None:
    assert Jid.parse(text).signal_name == name


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("1@s.whatsapp.net", {"is_pn", "is_user"}),
        ("1:2@lid", {"is_lid", "is_user"}),
        ("1:2@hosted", {"is_hosted", "is_user"}),
        ("1:2@hosted.lid", {"is_hosted", "is_user"}),
        ("1@c.us", {"is_user"}),
        ("1@g.us", {"is_group"}),
        ("1@broadcast", {"is_broadcast"}),
        ("status@broadcast", {"is_broadcast", "is_status"}),
        ("1@newsletter", {"is_newsletter"}),
        ("1-2:0@interop", {"is_interop"}),
        ("1:2@msgr", {"is_messenger"}),
        ("867051314767696@bot", {"is_bot"}),
        ("13135550002@s.whatsapp.net", {"is_bot", "is_pn", "is_user"}),
        ("13135550002@c.us", {"is_bot", "is_user"}),
        ("@s.whatsapp.net", {"is_pn"}),
    ],
)
def test_kinds(text: str, kinds: set[str]) -> None:
    names = [name for name in dir(Jid) if name.startswith("is_")]
    jid = Jid.parse(text)
    assert {name for name in names if getattr(jid, name)} == kinds
