"""What follows when a worker ended; pure, in no time."""

from dataclasses import replace

import pytest

from shared.accounts import AccountStatus
from shared.disconnects import Backoff
from shared.exit_codes import ExitCode
from supervisor.lease.timing import LeaseTiming
from supervisor.processes import ExitStatus
from supervisor.restarts import (
    CONSEQUENCES,
    Decision,
    Next,
    Policy,
    RestartHistory,
    Unconfirmed,
)

SECOND = 1_000_000_000
CRASH = ExitStatus(signal=11)
REFUSED = ExitStatus(code=ExitCode.LOGGED_OUT_UNCONFIRMED)
NOW_MS = 1_790_000_000_000


def widest(size: int) -> bytes:
    """Randomness that makes every jittered wait its longest."""
    return b"\xff" * size


def history(**policy: object) -> RestartHistory:
    return RestartHistory(Policy(**policy), widest)  # type: ignore[arg-type]


def test_every_exit_code_has_a_consequence() -> None:
    assert set(CONSEQUENCES) == set(ExitCode)


def test_waits_double_up_to_the_cap() -> None:
    ours = history(max_crashes=1_000, backoff=Backoff(floor_s=1, base_s=1, cap_s=20))
    waits = [ours.after(CRASH, at_boot_ns=0).delay_s for _ in range(6)]

    assert waits == pytest.approx([2, 4, 8, 16, 20, 20], rel=1e-9)


def test_wait_is_never_below_the_floor() -> None:
    ours = RestartHistory(Policy(), bytes)

    assert ours.after(CRASH, at_boot_ns=0).delay_s == 1.0


def test_two_stable_minutes_reset_the_wait_and_a_brief_window_does_not() -> None:
    ours = history(max_crashes=1_000)
    for _ in range(4):
        ours.after(CRASH, at_boot_ns=0)
    brief = ours.after(CRASH, at_boot_ns=0, connected_s=119)
    stable = ours.after(CRASH, at_boot_ns=0, connected_s=120)

    assert brief.delay_s == pytest.approx(32)
    assert stable.delay_s == pytest.approx(2)


def test_sixth_crash_in_ten_minutes_parks() -> None:
    ours = history()
    decisions = [ours.after(CRASH, at_boot_ns=number * SECOND) for number in range(6)]

    assert [decision.status for decision in decisions[:5]] == [AccountStatus.RECONNECTING] * 5
    assert decisions[5].delay_s == 3600
    assert decisions[5].status is AccountStatus.DISCONNECTED


def test_crashes_spread_over_hours_never_park() -> None:
    ours = history()
    decisions = [ours.after(CRASH, at_boot_ns=number * 601 * SECOND) for number in range(50)]

    assert {decision.status for decision in decisions} == {AccountStatus.RECONNECTING}


@pytest.mark.parametrize("code", [ExitCode.LOGGED_OUT, ExitCode.QR_EXPIRED])
def test_terminal_codes_rest_with_a_qr_needed(code: ExitCode) -> None:
    decision = history().after(ExitStatus(code=code), at_boot_ns=0)

    assert (decision.delay_s, decision.status) == (None, AccountStatus.NEEDS_QR)


def test_damaged_session_does_not_ask_for_a_qr() -> None:
    decision = history().after(ExitStatus(code=ExitCode.CREDS_CORRUPT), at_boot_ns=0)

    assert (decision.delay_s, decision.status) == (None, AccountStatus.DISCONNECTED)


def test_unconfirmed_log_out_gets_exactly_one_more_try_also_after_a_restart() -> None:
    first = history().after(REFUSED, at_boot_ns=0, at_ms=NOW_MS)
    counted = Unconfirmed(1, NOW_MS)
    second = history().after(REFUSED, at_boot_ns=0, at_ms=NOW_MS + 5_000, unconfirmed=counted)

    assert (first.delay_s, first.status) == (5.0, AccountStatus.RECONNECTING)
    assert first.next is Next.PROBATION
    assert (second.delay_s, second.status) == (None, AccountStatus.NEEDS_QR)
    assert second.next is Next.SET_ASIDE


@pytest.mark.parametrize(
    ("age_s", "then"),
    [
        (0, Next.SET_ASIDE),
        (86_399, Next.SET_ASIDE),
        (86_400, Next.PROBATION),
        (-60, Next.SET_ASIDE),
    ],
)
def test_unconfirmed_log_out_counts_for_a_day_connected_or_not(age_s: int, then: Next) -> None:
    decision = history().after(
        REFUSED,
        at_boot_ns=0,
        connected_s=5,
        at_ms=NOW_MS,
        unconfirmed=Unconfirmed(1, NOW_MS - age_s * 1000),
    )

    assert decision.next is then


def test_persons_wish_does_not_forgive_an_unconfirmed_log_out() -> None:
    ours = history()
    ours.forget()
    again = ours.after(REFUSED, at_boot_ns=0, at_ms=NOW_MS, unconfirmed=Unconfirmed(1, NOW_MS))

    assert again.delay_s is None


def test_replaced_account_comes_back_once_in_ten_minutes() -> None:
    ours, ended = history(), ExitStatus(code=ExitCode.REPLACED)
    decisions = [ours.after(ended, at_boot_ns=at * SECOND) for at in (0, 599, 1_200)]

    assert [each.delay_s for each in decisions] == [5.0, None, 5.0]
    assert [each.next for each in decisions] == [Next.PROVE, Next.REST, Next.PROVE]
    assert decisions[1].status is AccountStatus.DISCONNECTED
    assert "another client" in decisions[1].reason


def test_without_proof_of_the_lease_a_replaced_account_stays_away() -> None:
    assert history().unproven().delay_s is None


def test_refused_version_holds_everybody() -> None:
    decision = history().after(ExitStatus(code=ExitCode.CLIENT_OUTDATED), at_boot_ns=0)

    assert (decision.delay_s, decision.next) == (None, Next.HOLD)
    assert "WHATSAPP_VERSION" in decision.reason


def test_banned_account_waits_as_long_as_it_was_told() -> None:
    ended = ExitStatus(code=ExitCode.TEMP_BANNED)

    assert history().after(ended, at_boot_ns=0, wait_s=90).delay_s == 90
    assert history().after(ended, at_boot_ns=0).delay_s == 3600


def test_held_lock_is_tried_until_a_predecessors_worker_must_be_gone_and_then_rarely() -> None:
    ours, ended = history(), ExitStatus(code=ExitCode.LOCKED)
    waits: list[float] = []
    while not waits or waits[-1] < 3600:
        waits.append(ours.after(ended, at_boot_ns=0).delay_s or 0)

    assert set(waits) == {5.0, 3600.0}
    assert sum(waits[:-1]) > LeaseTiming().hard_s


@pytest.mark.parametrize(
    "code",
    [
        code
        for code, found in CONSEQUENCES.items()
        if found.next in (Next.REST, Next.SET_ASIDE, Next.HOLD)
    ],
)
def test_rest_starts_nothing(code: ExitCode) -> None:
    assert history().after(ExitStatus(code=code), at_boot_ns=0, asked=True).delay_s is None


def test_worker_that_stops_unasked_is_started_again() -> None:
    decision = history().after(ExitStatus(code=ExitCode.STOPPED), at_boot_ns=0)

    assert decision.delay_s is not None
    assert decision.status is AccountStatus.RECONNECTING


def test_unknown_code_is_a_crash() -> None:
    decision = history().after(ExitStatus(code=199), at_boot_ns=0)

    assert replace(decision, delay_s=2.0) == Decision(
        2.0, AccountStatus.RECONNECTING, "the worker crashed", Next.BACK_OFF
    )
