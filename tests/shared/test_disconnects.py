"""The table of disconnects: what each code costs, and what it never costs."""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.disconnects import (
    BARE_401,
    DEVICE_REMOVED,
    LOST,
    QR_EXHAUSTED,
    REPLACED,
    TABLE,
    Backoff,
    Reaction,
    ban_reason,
    for_failure,
    for_stream_error,
)


@pytest.mark.parametrize(
    ("code", "reaction", "terminal"),
    [
        (400, Reaction.STOP, False),
        (401, Reaction.PROBATION, False),
        (402, Reaction.WAIT, False),
        (403, Reaction.STOP, True),
        (405, Reaction.OUTDATED, False),
        (406, Reaction.STOP, True),
        (409, Reaction.STOP, False),
        (415, Reaction.STOP, False),
        (418, Reaction.STOP, False),
        (429, Reaction.RECONNECT, False),
        (500, Reaction.RECONNECT, False),
        (501, Reaction.STOP, False),
        (503, Reaction.RECONNECT, False),
        (516, Reaction.LOGGED_OUT, True),
    ],
)
def test_what_a_failure_at_login_means(code: int, reaction: Reaction, terminal: bool) -> None:
    found = for_failure(code)

    assert (found.code, found.reaction, found.terminal) == (code, reaction, terminal)


@pytest.mark.parametrize(
    ("code", "conflict", "reaction"),
    [
        (515, "", Reaction.RECONNECT_NOW),
        (503, "", Reaction.RECONNECT),
        (401, "device_removed", Reaction.LOGGED_OUT),
        (0, "device_removed", Reaction.LOGGED_OUT),
        (401, "", Reaction.PROBATION),
        (0, "replaced", Reaction.REPLACED),
        (0, "something_new", Reaction.REPLACED),
        (409, "", Reaction.REPLACED),
        (440, "", Reaction.REPLACED),
        (516, "", Reaction.LOGGED_OUT),
        (0, "", Reaction.RECONNECT),
    ],
)
def test_what_a_stream_error_means(code: int, conflict: str, reaction: Reaction) -> None:
    assert for_stream_error(code, conflict).reaction is reaction


def test_a_bare_401_is_terminal_only_the_second_time() -> None:
    assert for_failure(401) is for_stream_error(401) is BARE_401
    assert for_failure(401, on_probation=True) is DEVICE_REMOVED
    assert for_stream_error(401, on_probation=True) is DEVICE_REMOVED
    assert for_failure(500, on_probation=True).reaction is Reaction.RECONNECT


@given(st.integers(-(2**31), 2**31))
def test_no_unknown_code_ever_costs_a_session(code: int) -> None:
    if code in {row.code for row in TABLE}:
        return
    for found in (for_failure(code), for_stream_error(code)):
        assert (found.code, found.reaction, found.terminal) == (
            code or 428,
            Reaction.RECONNECT,
            False,
        )


def test_terminal_means_that_a_person_scans_and_is_told_so() -> None:
    for row in TABLE:
        assert row.terminal == ("scan a new QR" in row.hint), row
        assert not row.terminal or row.reaction in (Reaction.LOGGED_OUT, Reaction.STOP)


def test_every_stop_says_what_to_do() -> None:
    by_itself = {Reaction.RECONNECT, Reaction.RECONNECT_NOW}
    for row in TABLE:
        assert row.reaction in by_itself or row.hint, row
        assert re.fullmatch("[a-z0-9_]+", row.name)


def test_codes_are_unique_and_customary() -> None:
    codes = [row.code for row in TABLE]

    assert len(codes) == len(set(codes))
    assert (LOST.code, QR_EXHAUSTED.code, REPLACED.code) == (428, 408, 440)


def test_a_ban_says_why() -> None:
    assert "blocked" in ban_reason(102)
    assert "does not name" in ban_reason(999)


def _highest(count: int) -> bytes:
    return b"\xff" * count


def test_backoff_doubles_up_to_its_cap() -> None:
    delays_s = [Backoff().delay_s(failures, _highest) for failures in (1, 2, 3, 8, 9, 10_000)]

    assert delays_s == pytest.approx([2, 4, 8, 256, 300, 300])


@given(st.integers(0, 10**6))
def test_backoff_never_leaves_floor_and_cap(failures: int) -> None:
    assert 1.0 <= Backoff().delay_s(failures, os.urandom) <= 300.0
    assert Backoff().delay_s(failures, bytes) == 1.0


def test_only_a_stable_connection_resets_the_backoff() -> None:
    assert Backoff().failures_after(7, connected_s=119.9) == 8
    assert Backoff().failures_after(7, connected_s=120.0) == 1
