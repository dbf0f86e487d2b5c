"""A lease's deadline moves forward or ends."""

import pytest

from shared.clock import SystemClock
from shared.deadline import LeaseDeadline, LeaseExpired


class _Clock:
    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def boot_ns(self) -> int:
        return self.now_ns

    def wall_s(self) -> float:
        return 0.0


def test_nothing_is_allowed_before_the_first_lease() -> None:
    deadline = LeaseDeadline(_Clock(1_000))

    assert (deadline.expired, deadline.remaining_ns) == (True, 0)
    with pytest.raises(LeaseExpired, match=r"send a message: .*another instance"):
        deadline.check("send a message")


def test_it_expires_at_its_very_instant() -> None:
    clock = _Clock(1_000)
    deadline = LeaseDeadline(clock)
    deadline.extend(2_000)
    clock.now_ns = 1_999

    deadline.check("the last act")
    assert (deadline.expired, deadline.remaining_ns, deadline.boot_ns) == (False, 1, 2_000)
    clock.now_ns = 2_000
    assert deadline.expired


def test_renewals_out_of_order_do_not_shorten_it() -> None:
    deadline = LeaseDeadline(_Clock(1_000), 3_000)

    deadline.extend(2_000)

    assert deadline.boot_ns == 3_000


def test_an_expired_deadline_can_t_be_revived() -> None:
    clock = _Clock(1_000)
    deadline = LeaseDeadline(clock, 2_000)
    clock.now_ns = 2_000

    with pytest.raises(LeaseExpired):
        deadline.extend(9_000)

    assert deadline.expired


def test_the_machine_s_clock_fits() -> None:
    clock = SystemClock()

    assert not LeaseDeadline(clock, clock.boot_ns() + 10**12).expired
