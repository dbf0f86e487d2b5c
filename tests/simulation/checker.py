"""The rules that every history must keep, of simulated and of real runs.

No lease survives a pause of a whole VM: nobody there can know. What such a host's workers did in
that tenure is not held against it; its writes are: the fences refuse them.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from tests.simulation.history import Event

LATE_NS = 500_000_000
TOLD = 20  # violations that are reported, at most


def check(events: Sequence[Event]) -> list[str]:
    """Return what is wrong with a history; nothing is right."""
    checker = Checker()
    for event in events:
        checker.see(event)
    return checker.violations[:TOLD]


class Checker:
    """Sees a history event by event."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self._top_acquired = 0
        self._edited = False
        self._top_act = (0, "")
        self._fences: dict[str, int] = defaultdict(int)
        self._alive: dict[str, Event] = {}
        self._hard_ns: dict[tuple[str, int], int] = {}
        self._vm_paused: set[tuple[str, int]] = set()
        self._held: dict[str, int] = {}
        self._calm: Event | None = None
        self._taken_in_calm_s: float | None = None
        self._last_act_s = 0.0
        self._rules: dict[str, Any] = {
            "acquire": self._acquire,
            "release": self._release,
            "renew_ok": self._renewed,
            "spawn": self._spawn,
            "exit": self._exit,
            "act": self._act,
            "fence": self._fence,
            "write_accepted": self._accepted,
            "vm_pause": self._paused,
            "edited": self._edit,
            "calm": self._becalmed,
            "calm_end": self._calm_over,
            "end": self._end,
        }

    def see(self, event: Event) -> None:
        rule = self._rules.get(event.event)
        if rule is not None:
            rule(event)

    def _wrong(self, event: Event, what: str) -> None:
        self.violations.append(f"{what}: {event.to_line()}")

    def _acquire(self, event: Event) -> None:
        # By hand the epoch can be set back; whoever believes it is stopped by the fences.
        if event.epoch <= self._top_acquired and not self._edited:
            self._wrong(event, f"an epoch not above {self._top_acquired} was acquired")
        self._top_acquired = max(self._top_acquired, event.epoch)
        self._held[event.host] = event.epoch
        if self._taken_in_calm_s is None:
            self._taken_in_calm_s = event.t_s

    def _release(self, event: Event) -> None:
        for spawn in self._alive.values():
            if spawn.epoch == event.epoch:
                self._wrong(event, f"released while {spawn.more['worker']} lived")

    def _renewed(self, event: Event) -> None:
        of = (event.host, event.epoch)
        self._hard_ns[of] = max(self._hard_ns.get(of, 0), event.more["hard_ns"])

    def _spawn(self, event: Event) -> None:
        self._alive[event.more["worker"]] = event
        if self._fences[event.more["account"]] < event.epoch:
            self._wrong(event, "spawned before its fence was raised")
        if event.epoch < max(self._fences.values(), default=0) and not self._is_excused(event):
            self._wrong(event, "spawned although a fence carries a higher epoch")

    def _exit(self, event: Event) -> None:
        self._alive.pop(event.more["worker"], None)
        hard_ns = self._hard_ns.get((event.host, event.epoch), 0)
        excuse_ns = max(hard_ns, event.more.get("resumed_ns", 0))
        if event.more["boot_ns"] > excuse_ns + LATE_NS:
            late_s = (event.more["boot_ns"] - excuse_ns) / 1e9
            self._wrong(event, f"a worker lived {late_s:.2f} s too long")

    def _act(self, event: Event) -> None:
        self._last_act_s = event.t_s
        epoch, host = self._top_act
        if event.epoch > epoch:
            self._top_act = (event.epoch, event.host)
        elif (event.epoch < epoch or event.host != host) and not self._is_excused(event):
            self._wrong(event, f"acted after {host} had acted under epoch {epoch}")

    def _fence(self, event: Event) -> None:
        account = event.more["account"]
        if event.epoch < self._fences[account]:
            self._wrong(event, f"a fence went down from {self._fences[account]}")
        self._fences[account] = event.epoch

    def _accepted(self, event: Event) -> None:
        if event.epoch < self._fences[event.more["account"]]:
            self._wrong(event, "a write was accepted behind a fence")

    def _paused(self, event: Event) -> None:
        self._vm_paused.add((event.host, self._held.get(event.host, 0)))

    def _is_excused(self, event: Event) -> bool:
        return (event.host, event.epoch) in self._vm_paused

    def _edit(self, _: Event) -> None:
        self._edited = True

    def _becalmed(self, event: Event) -> None:
        self._calm, self._taken_in_calm_s = event, None

    def _calm_over(self, event: Event) -> None:
        calm = self._calm
        assert calm is not None
        bound_s = calm.more["bound_s"]
        if calm.more["killed"]:
            taken_s = self._taken_in_calm_s
            if taken_s is None or taken_s - calm.t_s > bound_s:
                self._wrong(calm, f"nobody took the lease within {bound_s} s")
        if self._last_act_s < calm.t_s + bound_s:
            self._wrong(calm, f"nobody was active {event.t_s - calm.t_s:.0f} s later")

    def _end(self, event: Event) -> None:
        for spawn in self._alive.values():
            hard_ns = self._hard_ns.get((spawn.host, spawn.epoch), 0)
            if spawn.host == event.host and event.more["boot_ns"] > hard_ns + LATE_NS:
                self._wrong(spawn, "this worker never ended")
