"""Phones, ids and statuses, as the Node backend's documents hold them."""

import hashlib
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.accounts import (
    MAX_PHONE_DIGITS,
    MIN_PHONE_DIGITS,
    TRANSITIONS,
    AccountStatus,
    IllegalTransition,
    InvalidAccountId,
    InvalidNamespace,
    InvalidPhone,
    account_id,
    advance,
    canonical_phone,
    legacy_account_ids,
    parse_account_id,
)


def _node_id(raw: str, namespace: str) -> str:
    """Compute an id as contract: digits; one leading 0 becomes 40; sha256 of it with a plus."""
    digits = re.sub(r"\D", "", raw)
    if digits.startswith("0"):
        digits = "40" + digits[1:]
    return f"account_{namespace}_{hashlib.sha256(f'+{digits}'.encode()).hexdigest()[:32]}"


def test_the_vector_of_the_node_backend() -> None:
    assert canonical_phone("0000 000 001") == "+40000000001"
    assert account_id("0000 000 001", "prod") == "account_prod_8361b55ed8fcc144d4e868a7070750ba"


@pytest.mark.parametrize(
    "raw",
    ["+40712345678", "40712345678", "0712345678", "0712 345 678", " (0712) 345-678 ",
     "+40 712.345.678", "0040712345678", "00 40 712 345 678", "0712/345/678", "0712\u00a0345678"],
)  # fmt: skip
def test_one_phone_however_it_is_written(raw: str) -> None:
    assert canonical_phone(raw) == "+40712345678"


@given(st.from_regex(r"\+?[1-9][0-9 ()-]{8,12}[0-9]", fullmatch=True) | st.just("0712345678"))
def test_numbers_without_a_double_zero_have_node_s_ids(raw: str) -> None:
    try:
        ours = account_id(raw, "prod")
    except InvalidPhone:
        return

    assert ours == _node_id(raw, "prod")


@given(st.integers(10 ** (MIN_PHONE_DIGITS - 1), 10**MAX_PHONE_DIGITS - 1))
def test_canonical_is_canonical_already(number: int) -> None:
    phone = canonical_phone(str(number))

    assert phone == canonical_phone(phone) == f"+{number}"


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("", "without digits"),
        ("+", "without digits"),
        ("  - ", "without digits"),
        ("0712 34x 678", "contains 'x'"),
        ("40712345678@s.whatsapp.net", "contains '@'"),
        ("+40+712345678", r"contains '\+'"),
        ("++40712345678", r"contains '\+'"),
        ("٠٧١٢٣٤٥٦٧٨", "contains"),
        ("40712345678\x00", "contains"),
        ("+12345", "only 5 digits"),
        ("1234567890123456", "16 digits, 15"),
        ("1" * 10_000, "10000 characters"),
    ],
)
def test_what_is_no_phone_is_refused_with_help(raw: str, problem: str) -> None:
    with pytest.raises(InvalidPhone, match=problem) as refused:
        canonical_phone(raw)

    assert "+40 712 345 678" in refused.value.hint
    assert raw == "" or raw not in str(refused.value) or len(raw) < 3


def test_without_a_phone_the_id_is_random() -> None:
    assert account_id(None, "prod", rng=bytes) == "account_prod_" + "00" * 16
    assert account_id(None, "prod") != account_id(None, "prod")


@pytest.mark.parametrize("namespace", ["", "A", "a b", "a_b", "-a", "../x", "x" * 33, "é"])
def test_a_namespace_that_an_id_can_t_carry_is_refused(namespace: str) -> None:
    with pytest.raises(InvalidNamespace, match="ACCOUNT_NAMESPACE"):
        account_id("+40712345678", namespace)


@pytest.mark.parametrize("written", ["0712345678", "+40712345678", "0040712345678"])
def test_every_older_id_of_a_phone_is_a_candidate(written: str) -> None:
    spaces = ("prod", "dev", "development", "production")
    candidates = legacy_account_ids(written)

    for raw in ("0712345678", "0040712345678"):
        for space in spaces:
            older = _node_id(raw, space)
            assert older in candidates or older == account_id(written, "prod")
    assert account_id(written, "prod") not in candidates
    assert len(candidates) == len(set(candidates)) == 7


def test_the_own_namespace_s_mishandled_form_is_a_candidate_too() -> None:
    candidates = legacy_account_ids("0712345678", namespace="staging")

    assert _node_id("0040712345678", "staging") in candidates
    assert _node_id("0712345678", "prod") == candidates[0]
    assert account_id("0712345678", "staging") not in candidates


@pytest.mark.parametrize(
    "raw", ["account_prod_8361b55ed8fcc144d4e868a7070750ba", "account_1706600000000", "a", "A-1"]
)
def test_account_ids_of_all_ages_are_read(raw: str) -> None:
    assert parse_account_id(raw) == raw


@pytest.mark.parametrize(
    "raw",
    ["", ".", "..", "../x", "a/b", "a\\b", "a\x00", "a\n", "-rf", "_x", "a b", "é", "a__b",
     "x" * 129, "a:b", "~root"],
)  # fmt: skip
def test_what_is_unsafe_as_a_directory_is_no_account_id(raw: str) -> None:
    with pytest.raises(InvalidAccountId, match="not an account id"):
        parse_account_id(raw)


def test_status_strings_are_those_of_the_node_backend() -> None:
    assert {status.value for status in AccountStatus} == {
        "connecting", "qr_ready", "awaiting_scan", "pairing", "connected", "reconnecting",
        "disconnected", "needs_qr", "logged_out", "passive", "deleting", "deleted",
    }  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        "connecting qr_ready awaiting_scan qr_ready pairing connecting connected",
        "connected reconnecting connected disconnected connecting",
        "reconnecting connecting needs_qr connecting qr_ready needs_qr",
        "connected logged_out needs_qr connecting",
        "connected passive connecting connected deleting deleted connecting",
        "connected connected",
    ],
)
def test_the_lives_of_an_account(path: str) -> None:
    statuses = [AccountStatus(name) for name in path.split()]

    for old, new in itertools.pairwise(statuses):
        assert advance(old, new) is new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("disconnected", "connected"),
        ("needs_qr", "connected"),
        ("needs_qr", "qr_ready"),
        ("logged_out", "reconnecting"),
        ("deleting", "connecting"),
        ("deleting", "connected"),
        ("deleted", "connected"),
        ("connected", "qr_ready"),
        ("connected", "deleted"),
    ],
)
def test_late_words_change_nothing(old: str, new: str) -> None:
    with pytest.raises(IllegalTransition, match=f"{old} can't become {new}.*it can become"):
        advance(AccountStatus(old), AccountStatus(new))


def test_every_status_has_its_row_and_all_but_the_deleted_can_be_deleted() -> None:
    assert set(TRANSITIONS) == set(AccountStatus)
    gone = {AccountStatus.DELETING, AccountStatus.DELETED}
    for status in set(AccountStatus) - gone:
        assert AccountStatus.DELETING in TRANSITIONS[status]
