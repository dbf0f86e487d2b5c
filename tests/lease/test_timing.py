"""The constants contradict each other only where a rule says so, in words."""

import math

import pytest

from shared.errors import ConfigError
from supervisor.lease.timing import LeaseTiming


def test_the_defaults_and_a_tenth_of_them_keep_every_rule() -> None:
    assert LeaseTiming().check().ttl_s == 45
    short = LeaseTiming().scaled(0.1).check()
    assert (short.ttl_s, short.drift) == (4.5, 0.02)


@pytest.mark.parametrize(
    ("timing", "words"),
    [
        (LeaseTiming(renew_s=15.1), "two attempts to renew fit before the soft stop"),
        (LeaseTiming(grace_s=10.1), "workers can end by themselves before the hard stop"),
        (LeaseTiming(ttl_s=41.8), "the holder is silent before a challenger may act"),
        (LeaseTiming(margin_s=8.2), "the holder is silent before a challenger may act"),
        (LeaseTiming(drift=0.09), "the holder is silent before a challenger may act"),
        (LeaseTiming(watchdog_s=31.1), "a hung supervisor is killed before the hard stop"),
        (LeaseTiming(ttl_s=86_401), "a holder's promise is one that others believe"),
        (LeaseTiming(poll_s=0), "no constant is zero or negative"),
        (LeaseTiming(kill_s=-1), "no constant is zero or negative"),
        (LeaseTiming(drift=-0.01), "clocks do differ"),
        (LeaseTiming(ttl_s=1000, drift=0.21), "clocks differ by little"),
        (LeaseTiming(ttl_s=math.nan), "the holder is silent"),
        (LeaseTiming(hard_s=math.nan), "the holder is silent"),
        (LeaseTiming(ttl_s=math.inf), "others believe"),
    ],
)
def test_a_broken_rule_is_named_with_its_numbers(timing: LeaseTiming, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        timing.check()
    assert words in refused.value.message
    assert ">" in refused.value.message


def test_at_the_limit_a_rule_holds() -> None:
    LeaseTiming(renew_s=15).check()
    LeaseTiming(grace_s=10).check()
    LeaseTiming(watchdog_s=31).check()


def test_every_broken_rule_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        LeaseTiming(renew_s=16, watchdog_s=40).check()
    assert "two attempts" in refused.value.message
    assert "hung supervisor" in refused.value.message
