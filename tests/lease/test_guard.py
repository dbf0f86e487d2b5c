"""The choke point, the modes, and the ways down."""

import pytest

from supervisor.lease.guard import IllegalMode, LeaseGuard, NotHolding
from supervisor.lease.modes import DEMOTIONS, SEVERITY, TRANSITIONS, Demotion, Mode
from supervisor.lease.server_time import ServerTime
from supervisor.lease.timing import LeaseTiming
from tests.lease.samples import S


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.ns = 1000 * S

    def wall_s(self) -> float:
        raise AssertionError("the lease does not ask for the wall clock")

    def boot_ns(self) -> int:
        return self.ns


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def guard(clock: HandClock) -> LeaseGuard:
    guard = LeaseGuard(clock, LeaseTiming())
    guard.move(Mode.FENCING)
    guard.take(3, clock.ns)
    guard.move(Mode.ACTIVE)
    return guard


def passes(guard: LeaseGuard) -> tuple[bool, bool, bool]:
    """Tell which of an act, a finishing write, and a step of the take-over may pass."""
    return tuple(  # type: ignore[return-value]
        _passes(check) for check in (guard.check, guard.check_finishing, guard.check_fencing)
    )


def _passes(check: object) -> bool:
    try:
        check("act")  # type: ignore[operator]
    except NotHolding:
        return False
    return True


def test_nothing_passes_before_the_lease_is_taken(clock: HandClock) -> None:
    assert passes(LeaseGuard(clock, LeaseTiming())) == (False, False, False)


def test_while_fences_are_raised_only_that_passes(clock: HandClock) -> None:
    guard = LeaseGuard(clock, LeaseTiming())
    guard.move(Mode.FENCING)
    guard.take(1, clock.ns)
    assert passes(guard) == (False, False, True)


@pytest.mark.parametrize(
    ("at_s", "may"),
    [
        (0, (True, True, True)),
        (23.999, (True, True, True)),
        (24, (False, True, False)),
        (35.999, (False, True, False)),
        (36, (False, False, False)),
        (3600, (False, False, False)),
    ],
)
def test_each_check_reads_the_clock_again(
    guard: LeaseGuard, clock: HandClock, at_s: float, may: tuple[bool, ...]
) -> None:
    clock.ns += int(at_s * S)
    assert passes(guard) == may


def test_while_workers_end_only_what_was_begun_is_finished(guard: LeaseGuard) -> None:
    guard.move(Mode.DEMOTING)
    assert passes(guard) == (False, True, False)
    guard.drop()
    assert passes(guard) == (False, False, False)


def test_deadlines_count_from_the_sending_and_never_go_back(
    guard: LeaseGuard, clock: HandClock
) -> None:
    sent_ns = clock.ns + 5 * S
    clock.ns += 9 * S
    guard.extend(sent_ns)
    guard.extend(sent_ns - 3 * S)
    assert (guard.soft_ns - sent_ns, guard.hard_ns - sent_ns) == (24 * S, 36 * S)
    assert guard.soft_left_s == pytest.approx(20)
    assert guard.hard_left_s == pytest.approx(32)


def test_a_new_epoch_does_not_inherit_a_deadline(guard: LeaseGuard, clock: HandClock) -> None:
    guard.take(4, clock.ns - 30 * S)
    assert guard.epoch == 4
    assert not guard.holds


@pytest.mark.parametrize("before", Mode)
@pytest.mark.parametrize("after", Mode)
def test_only_the_table_s_transitions_are_made(clock: HandClock, before: Mode, after: Mode) -> None:
    guard = LeaseGuard(clock, LeaseTiming())
    guard.mode = before
    if after in TRANSITIONS[before]:
        guard.move(after)
        assert guard.mode is after
    else:
        with pytest.raises(IllegalMode):
            guard.move(after)


def test_every_mode_leads_back_to_passive_through_demoting() -> None:
    assert set(TRANSITIONS) == set(Mode)
    assert [mode for mode in Mode if Mode.PASSIVE in TRANSITIONS[mode]] == [Mode.DEMOTING]


def test_only_who_was_asked_releases_and_who_is_late_kills() -> None:
    assert {why for why in Demotion if DEMOTIONS[why].release} == {Demotion.GRACEFUL}
    late = {Demotion.LOST, Demotion.EXPIRED}
    assert {why for why in Demotion if DEMOTIONS[why].kill_now} == late
    assert {why for why in Demotion if not DEMOTIONS[why].keep_renewing} == late
    assert sorted(Demotion, key=lambda why: SEVERITY[why]) == list(Demotion)


def test_the_store_s_time_is_never_taken_for_earlier_than_it_is(clock: HandClock) -> None:
    time = ServerTime(clock)
    sent_ns = clock.ns
    clock.ns += 60 * S  # stopped before the answer was read
    time.note(5000 * S, sent_ns=sent_ns)
    assert time.now_ms() == 5_060_000
