"""Real managers in virtual time, over wires that work until a test says otherwise."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from supervisor.lease.guard import LeaseGuard
from supervisor.lease.manager import LeaseManager
from supervisor.lease.modes import Mode, Standing
from supervisor.lease.timing import LeaseTiming
from tests.lease.samples import ME
from tests.simulation.loop import Process, SimLoop
from tests.simulation.machine import Machine
from tests.simulation.server import Server
from tests.simulation.wire import StoreClient, Wire

TIMING = LeaseTiming()


@dataclass
class Stop:
    """One call of `Crew.stop`, and when it came."""

    at_s: float
    kill_now: bool
    kill_in_s: float
    reason: str
    cancelled: bool = False


@dataclass
class ScriptedCrew:
    """Fulfils `Crew` as a test wants it to."""

    loop: SimLoop
    machine: Machine
    client: StoreClient
    account: str
    holder: str
    fence_errors: list[Exception] = field(default_factory=list)
    start_errors: list[Exception] = field(default_factory=list)
    ends_in_s: float = 1.0  # for workers that are asked to; killed ones take 0.1
    reaps: bool = True
    calls: list[str] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    hard_ns: int = 0

    async def fence(self, epoch: int) -> None:
        self.calls.append(f"fence {epoch}")
        if self.fence_errors:
            raise self.fence_errors.pop(0)
        await self.client.raise_to([self.account], epoch, self.holder, timeout_s=TIMING.rpc_s)

    async def start(self, epoch: int) -> None:
        self.calls.append(f"start {epoch}")
        if self.start_errors:
            raise self.start_errors.pop(0)

    def deadline_moved(self, hard_ns: int) -> None:
        self.hard_ns = hard_ns

    async def stop(self, *, kill_now: bool, until_ns: int, reason: str) -> bool:
        left_s = (until_ns - self.machine.boot_ns()) / 1e9
        stop = Stop(self.loop.now_s, kill_now, left_s, reason)
        self.stops.append(stop)
        self.calls.append(f"stop {reason}")
        try:
            await asyncio.sleep(0.1 if kill_now else min(self.ends_in_s, left_s))
        except asyncio.CancelledError:
            stop.cancelled = True
            raise
        return self.reaps


class Instance:
    """One manager, its crew and its wire, on a machine of its own."""

    def __init__(self, lab: "Lab", name: str, *, place: str = "", **options: Any) -> None:
        place = place or name
        self.lab = lab
        self.machine = Machine(lab.loop.time, place, rate=1.0, boot_id=f"boot of {place}")
        self.process = Process(lab.loop, self.machine, name)
        self.wire = Wire(lab.loop, Random(name))
        self.wire.is_calm = True
        boot_id = self.machine.boot_id
        self.me = replace(ME, id=f"{name}/1", instance_id=name, boot_id=boot_id, state_id=place)
        self.client = StoreClient(self.process, self.wire, lab.server, host=name, timing=TIMING)
        self.crew = ScriptedCrew(lab.loop, self.machine, self.client, "x", self.me.id)
        self.guard = LeaseGuard(self.machine, TIMING)
        self.standings: list[Standing] = []
        self.manager = LeaseManager(
            self.client,
            self.client,
            self.crew,
            self.guard,
            me=self.me,
            timing=TIMING,
            clock=self.machine,
            rng=Random(name).randbytes,
            changed=self.standings.append,
            **options,
        )
        self.life = self.process.spawn(self.manager.run())

    @property
    def mode(self) -> Mode:
        return self.guard.mode

    @property
    def modes(self) -> list[str]:
        shown = [standing.mode.value for standing in self.standings]
        return [mode for mode, before in zip(shown, ["", *shown], strict=False) if mode != before]

    def inside(self, do: Callable[..., Any], *args: Any) -> Any:
        """Call something as if its own process did, and let what follows at once happen."""
        result = self.process.context.run(do, *args)
        self.lab.wait(0.01)
        return result


class Lab:
    """A store, and instances that are started when a test wants them."""

    def __init__(self) -> None:
        self.loop = SimLoop()
        self.server = Server(self.loop, [])
        self.instances: list[Instance] = []

    def instance(self, name: str, **options: Any) -> Instance:
        instance = Instance(self, name, **options)
        self.instances.append(instance)
        return instance

    def active(self, name: str = "a", **options: Any) -> Instance:
        instance = self.instance(name, **options)
        self.until(lambda: instance.mode is Mode.ACTIVE, within_s=2)
        self.wait(0.2)
        return instance

    def wait(self, length_s: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(length_s))

    def until(self, come: Callable[[], bool], *, within_s: float) -> float:
        """Pass time until a condition holds; return how long that took."""
        begun_s = self.loop.now_s
        while not come():
            assert self.loop.now_s - begun_s < within_s, f"not within {within_s} s"
            self.wait(0.01)
        return self.loop.now_s - begun_s

    def happened(self, event: str) -> list[tuple[str, int]]:
        return [(each.host, each.epoch) for each in self.server.events if each.event == event]

    def close(self) -> None:
        for instance in self.instances:
            instance.process.kill()
        self.wait(1)
        self.loop.close()
