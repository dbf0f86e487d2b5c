"""What a log line may show, case by case."""

import base64
import datetime as dt
import enum
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import link_pb2
from shared.redaction import (
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_TEXT_CHARS,
    REDACTED,
    mask_phone,
    mask_text,
    redact,
    redact_field,
)

KEY_TEXT = base64.b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+40712345678", "+40•••••78"),
        ("call 40712345678 now", "call 40•••••78 now"),
        ("call +40 712 345 678 now", "call +40•••••78 now"),
        ("call +1 (415) 555-2671.", "call +14•••••71."),
        ("0712 345 678", "07•••••78"),
        ("40712345678@s.whatsapp.net", "40•••••78@s.whatsapp.net"),
        ("40712345678:12@s.whatsapp.net", "40•••••78:12@s.whatsapp.net"),
        ("40712345678_1:12@s.whatsapp.net", "40•••••78_1:12@s.whatsapp.net"),
        ("123456789012345@lid", "12•••••45@lid"),
        ("123456789012345:3@lid", "12•••••45:3@lid"),
        ("a group 40712345678-1512345678@g.us", "a group 40•••••78-15•••••78@g.us"),
        ("session-40712345678_1.12.json", "session-40•••••78_1.12.json"),
        ("40712345678.0 has no session", "40•••••78.0 has no session"),
        ("account_1706600000000__40712345678@lid", "account_1706600000000__40•••••78@lid"),
    ],
)
def test_phones_and_jids_are_masked_inside_text(text: str, shown: str) -> None:
    assert shown == mask_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "3EB0123456789012345678",
        "account_prod_8361b55ed8fcc144d4e868a7070750ba",
        "account_1706600000000",
        "req_1795247117085",
        "120363012345678901@g.us",
        "8361555500001111222233334444555566667777",
        "12345678-1234-1234-1234-123456789012",
        "2.3000.1045649367",
        "2026-11-21T07:13:51.123456Z",
        "127.0.0.1:54321",
        "0x7f1234567890",
        "took 1234567 ms",
        "",
    ],
)
def test_ids_digests_versions_and_times_stay_readable(text: str) -> None:
    assert text == mask_text(text)


@pytest.mark.parametrize(
    "text",
    [
        f"the key {KEY_TEXT}",
        "Authorization: Bearer abcdefgh",
        "https://wa.me/settings/linked_devices#ref,noise,identity",
        "/accounts?token=abcdefgh&x=1",
        "api_key=abcdefgh",
        "2@" + "A" * 60 + ",xyz",
    ],
)
def test_secrets_are_recognised_by_their_shape(text: str) -> None:
    shown = mask_text(text)

    assert REDACTED in shown
    assert not any(secret in shown for secret in (KEY_TEXT, "abcdefgh", "noise", "AAAA"))


def test_control_characters_can_t_forge_lines_or_colours() -> None:
    assert mask_text("a\nb\x1b[31m\u202e\ud800") == r"a\nb\x1b[31m\u202e\ud800"


@pytest.mark.parametrize("piece", ["0", "+1 ", "1-", "1@", "A", "1.", "a-", "token=", "2@A", "( "])
def test_no_text_takes_long_to_mask(piece: str) -> None:
    started_ns = time.process_time_ns()
    mask_text((piece * MAX_TEXT_CHARS)[: MAX_TEXT_CHARS - 1] + "5" * 9)

    assert time.process_time_ns() - started_ns < 100_000_000


def test_long_text_is_cut_and_says_how_long_it_was() -> None:
    shown = mask_text("x" * 100_000)

    assert shown == "x" * MAX_TEXT_CHARS + "… (100000 characters)"


def test_a_phone_across_the_cut_is_still_masked() -> None:
    shown = mask_text("x" * (MAX_TEXT_CHARS - 4) + " +40712345678" + "y" * 200)

    assert "4071" not in shown


@pytest.mark.parametrize(
    "name",
    ["token", "admin_token", "adminToken", "private_key", "password", "authorization", "body",
     "text", "message_body", "qr", "qr_code_payload", "adv_secret", "key", "pre_keys"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["short", "x" * 50, ["a", "b"], {"a": "b"}])
def test_fields_named_like_secrets_never_show_their_value(name: str, value: Any) -> None:
    assert redact_field(name, value) == REDACTED


@pytest.mark.parametrize(
    ("name", "value"),
    [("key_id", "AAAA"), ("token_path", "/var/lib/token"), ("pre_keys", 812), ("qr", None),
     ("text_length", 5), ("private", True), ("body_kind", "text"), ("token", "")],
)  # fmt: skip
def test_facts_about_secrets_are_shown(name: str, value: Any) -> None:
    assert value == redact_field(name, value)


@pytest.mark.parametrize("value", [b"secret", bytearray(b"secret"), memoryview(b"secret")])
def test_bytes_show_only_their_length(value: Any) -> None:
    assert redact_field("anything", value) == "<6 bytes>"
    assert redact_field("secret", value) == "<6 bytes>"


@pytest.mark.parametrize("name", ["phone", "to", "chat", "senderJid", "peer_lid", "participant"])
def test_fields_that_name_people_are_masked_whatever_their_type(name: str) -> None:
    assert redact_field(name, 40712345678) == "40•••••78"
    assert redact_field(name, "123456") == "12•••••56"
    assert redact_field(name, "120363012345678901@g.us") == "120363012345678901@g.us"


def test_containers_are_searched_and_bounded() -> None:
    shown = redact({"nodes": [{"token": "abc", "to": "40712345678"}] * (MAX_ITEMS + 7)})

    assert shown["nodes"][0] == {"token": REDACTED, "to": "40•••••78"}
    assert shown["nodes"][-1] == "<7 more>"


def test_endless_nesting_ends() -> None:
    loop: list[Any] = []
    loop.append(loop)
    shown = redact_field("x", loop)
    for _ in range(MAX_DEPTH):
        shown = shown[0]

    assert shown == "<1 items>"


@dataclass(frozen=True)
class _Jid:
    user: str

    def __str__(self) -> str:
        return f"{self.user}@lid"


@dataclass
class _Node:
    content: str


class _State(enum.Enum):
    READY = 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (_Jid("123456789012"), "12•••••12@lid"),
        (_Node("a whole message"), "<_Node>"),
        (link_pb2.Send(text="a whole message"), "<Send>"),
        (_State.READY, "ready"),
        (Path("/var/lib/x"), "/var/lib/x"),
        (dt.timedelta(seconds=3), "0:00:03"),
        (ValueError("no 40712345678"), "ValueError: no 40•••••78"),
        (1.5, 1.5),
        (True, True),
        (object(), "<object>"),
    ],
)
def test_values_show_a_name_or_only_their_type(value: Any, shown: Any) -> None:
    assert shown == redact_field("x", value)


def test_short_phones_show_no_digit() -> None:
    assert mask_phone("112") == "•••••"


@given(st.text(alphabet=st.sampled_from("0123456789+-. ()@_:aZ/"), max_size=60))
def test_masking_twice_changes_nothing_and_shows_no_phone(text: str) -> None:
    shown = mask_text(text)

    assert shown == mask_text(shown)


@given(st.integers(10**9, 10**14).map(str), st.sampled_from(["", " ", ", ", ": ", "(", "'", "="]))
def test_no_phone_survives_whatever_stands_before_it(phone: str, before: str) -> None:
    assert phone not in mask_text(f"sent to{before or ' '}{phone}: done")
    assert phone not in mask_text(f"{before}{phone}@s.whatsapp.net")


@given(st.recursive(st.none() | st.binary() | st.text() | st.floats() | st.integers(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
                    max_leaves=20))  # fmt: skip
def test_anything_can_be_logged(value: Any) -> None:
    redact({"x": value, "phone": value, "token": value, "": value})
