"""One run: hosts, a server, ill luck and a history, all from one seed."""

import asyncio
from dataclasses import dataclass, field
from random import Random

from supervisor.lease.timing import LeaseTiming
from tests.simulation.checker import check
from tests.simulation.history import Event
from tests.simulation.host import Host, Parts
from tests.simulation.loop import SimLoop
from tests.simulation.machine import Machine
from tests.simulation.nemesis import Nemesis
from tests.simulation.server import Server

DRIFT = 0.02
VM_PAUSES_EVERY = 3  # every third seed pauses VMs too; see the checker


@dataclass
class Outcome:
    """What came of a run."""

    seed: int
    hours: float
    violations: list[str]
    events: list[Event] = field(repr=False)

    def count(self, event: str) -> int:
        return sum(1 for each in self.events if each.event == event)

    def told(self) -> str:
        command = f"python -m tests.simulation --seed {self.seed} --hours {self.hours:g}"
        return "\n".join([f"seed {self.seed}; replay: {command}", *self.violations])


def run(seed: int, hours: float = 1.0, parts: Parts | None = None) -> Outcome:
    """Simulate some hours; the same seed is the same run."""
    loop = SimLoop()
    try:
        world = World(loop, seed, parts or Parts())
        world.live(hours)
        faults = [fault for host in world.hosts for fault in host.faults]
        violations = [*faults, *world.errors, *check(world.events)]
        return Outcome(seed, hours, violations, world.events)
    finally:
        loop.close()


def bound_s(timing: LeaseTiming) -> float:
    """Return within what somebody takes a lease whose holder died: TTL + poll + 2 RPC.

    Drift and the poll's jitter need no allowance: who waits looks again as soon as the rest of
    the TTL is over.
    """
    return timing.ttl_s + timing.poll_s + 2 * timing.rpc_s


class World:
    """Three hosts; the third may be a second instance on the first one's machine."""

    def __init__(self, loop: SimLoop, seed: int, parts: Parts) -> None:
        self.loop = loop
        self.events: list[Event] = []
        self.errors: list[str] = []
        random = Random(seed)
        timing = LeaseTiming().check()
        server = Server(loop, self.events)
        server.checks_fences = parts.checks_fences
        self.machines = [self._machine(random, name) for name in ("m1", "m2", "m3")]
        if random.random() < 0.3:
            self.machines[2] = self.machines[0]
        self.hosts = [
            Host(
                loop,
                machine,
                server,
                Random(random.random()),
                name=name,
                timing=timing,
                parts=parts,
            )
            for name, machine in zip(("a", "b", "c"), self.machines, strict=True)
        ]
        self.nemesis = Nemesis(
            loop,
            server,
            self.hosts,
            list(dict.fromkeys(self.machines)),
            Random(random.random()),
            bound_s=bound_s(timing),
            pauses_vms=seed % VM_PAUSES_EVERY == 0,
        )
        loop.set_exception_handler(lambda _, context: self.errors.append(repr(context)))

    def _machine(self, random: Random, name: str) -> Machine:
        rate = 1 + random.choice((-1, 0, 1)) * DRIFT * random.random()
        machine = Machine(self.loop.time, name, rate, boot_id=f"{name} first")
        machine.wall_off_s = (random.random() - 0.5) * 7200
        return machine

    def live(self, hours: float) -> None:
        for host in self.hosts:
            self.loop.call_later(self.hosts.index(host), host.start)
        self.nemesis.begin()
        self.loop.run_until_complete(asyncio.sleep(hours * 3600))
        self.nemesis.finish()
        self.loop.run_until_complete(asyncio.sleep(1))
        for host in self.hosts:
            host.note("end", 0, boot_ns=host.machine.boot_ns())
        self._tidy_up()

    def _tidy_up(self) -> None:
        for host in self.hosts:
            host.lose_power()
        self.loop.run_until_complete(asyncio.sleep(1))
