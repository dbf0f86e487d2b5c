"""The lease's constants, and the inequalities that make it exclusive.

A holder is silent `hard_s` after it *sent* its last successful renewal; a challenger takes over
no sooner than `ttl_s` after the store *wrote* it. The renewal is written after it is sent, so the
two don't meet as long as the clocks' rates agree to `drift` and an act takes effect within
`margin_s`. A broken inequality is refused, never adjusted: whoever sets these should know.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final

from shared.errors import ConfigError
from supervisor.lease.document import MAX_TTL_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTiming:
    """How long everything about the lease may take; seconds throughout.

    Attributes:
        ttl_s: a challenger may take a lease that was not renewed for so long (server's clock).
        hard_s: the holder's workers are all dead so long after the last renewal was sent.
        soft_s: the holder takes no new work, and ends its workers, from here on.
        renew_s: between two renewals, give or take a tenth.
        rpc_s: the deadline of every single request to the store; nothing retries by itself.
        poll_s: between two looks of an instance that waits, give or take a fifth.
        grace_s: for workers to end by themselves.
        kill_s: for killed workers to be reaped.
        slack_s: between two tries of a renewal.
        drift: by how much two clocks may run at different speeds.
        margin_s: from checking the deadline to the effect of an act, and other latencies.
        watchdog_s: systemd takes a supervisor for hung after so long.
        abort_s: and kills it so long after that.
    """

    ttl_s: float = 45.0
    hard_s: float = 36.0
    soft_s: float = 24.0
    renew_s: float = 8.0
    rpc_s: float = 4.0
    poll_s: float = 5.0
    grace_s: float = 8.0
    kill_s: float = 2.0
    slack_s: float = 1.0
    drift: float = 0.02
    margin_s: float = 5.0
    watchdog_s: float = 15.0
    abort_s: float = 5.0

    def check(self) -> "LeaseTiming":
        """Return these constants if they keep every rule.

        Raises:
            ConfigError: with each rule that is broken, in words and numbers.
        """
        broken = [rule.told(self) for rule in RULES if not rule.holds(self)]
        if broken:
            raise ConfigError(
                "the lease's constants contradict each other: " + "; ".join(broken),
                hint="change the LEASE_… settings together, or leave them at their defaults",
            )
        return self

    def scaled(self, factor: float) -> "LeaseTiming":
        """Return the same proportions, `factor` times as long; for tests that can't wait."""
        changed = {
            f.name: getattr(self, f.name) * factor for f in fields(self) if f.name != "drift"
        }
        return LeaseTiming(drift=self.drift, **changed)


@dataclass(frozen=True, slots=True)
class Rule:
    """One inequality: `low` must not exceed `high`; NaN keeps none."""

    words: str
    low: Callable[[LeaseTiming], float]
    high: Callable[[LeaseTiming], float]

    def holds(self, timing: LeaseTiming) -> bool:
        """Tell whether these constants keep it."""
        return self.low(timing) <= self.high(timing) + 1e-9

    def told(self, timing: LeaseTiming) -> str:
        """Return the rule with this timing's numbers."""
        return f"{self.words} ({self.low(timing):g} > {self.high(timing):g})"


RULES: Final = (
    Rule(
        "two attempts to renew fit before the soft stop: renew + 2 rpc + slack <= soft",
        lambda t: t.renew_s + 2 * t.rpc_s + t.slack_s,
        lambda t: t.soft_s,
    ),
    Rule(
        "workers can end by themselves before the hard stop: soft + grace + kill <= hard",
        lambda t: t.soft_s + t.grace_s + t.kill_s,
        lambda t: t.hard_s,
    ),
    Rule(
        "the holder is silent before a challenger may act: hard <= ttl (1 - drift) - margin",
        lambda t: t.hard_s,
        lambda t: t.ttl_s * (1 - t.drift) - t.margin_s,
    ),
    Rule(
        "a hung supervisor is killed before the hard stop: watchdog + abort <= hard",
        lambda t: t.watchdog_s + t.abort_s,
        lambda t: t.hard_s,
    ),
    Rule(
        "a holder's promise is one that others believe: ttl <= a day",
        lambda t: t.ttl_s,
        lambda _: MAX_TTL_MS / 1000,
    ),
    Rule(
        "no constant is zero or negative: 0.001 <= the least",
        lambda _: 0.001,
        lambda t: min(_positives(t)),
    ),
    Rule("clocks do differ: 0 <= drift", lambda _: 0, lambda t: t.drift),
    Rule("clocks differ by little: drift <= 0.2", lambda t: t.drift, lambda _: 0.2),
)


def _positives(timing: LeaseTiming) -> list[float]:
    return [getattr(timing, f.name) for f in fields(timing) if f.name != "drift"]
