"""Ill luck, from a seed: what may befall hosts, wires, clocks, processes and the document."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from supervisor.lease.document import LeaseDocument, parse
from tests.simulation.host import Host
from tests.simulation.loop import NETWORK, Process, SimLoop
from tests.simulation.machine import Machine
from tests.simulation.server import Server

EVERY_S = 25.0  # on average something befalls somebody
PAUSE_S = 60.0
PARTITION_S = 120.0
CALM_EVERY_S = 600.0
REPAIRED_S = 60.0  # a document spoilt by hand is put right within


class Nemesis:
    """Schedules faults on the loop; between them, calm times in which all is well."""

    def __init__(
        self,
        loop: SimLoop,
        server: Server,
        hosts: Sequence[Host],
        machines: Sequence[Machine],
        random: Random,
        *,
        bound_s: float,
        pauses_vms: bool,
    ) -> None:
        self._loop = loop
        self._server = server
        self._hosts = hosts
        self._machines = machines
        self._random = random
        self._bound_s = bound_s
        self._is_calm = False
        self._calm_at_s = CALM_EVERY_S
        self._kills_in_calm = False
        self._spoilt = False
        self._round = 0
        self._is_over = False
        self._faults: list[Callable[[], None]] = [
            *[self._stop_supervisor] * 4,
            self._stop_worker,
            *[self._stop_all] * 2,
            *[self._partition] * 4,
            *[self._forbid_writes] * 2,
            self._sleep_machine,
            self._step_wall,
            *[self._crash] * 2,
            self._lose_power,
            *[self._terminate] * 2,
            self._step_down,
            self._ask,
            self._start_twice,
            self._spoil_document,
            *[self._pause_vm] * (3 if pauses_vms else 0),
        ]

    def begin(self) -> None:
        self._later(self._random.expovariate(1 / EVERY_S), self._strike)
        self._later(CALM_EVERY_S, self._begin_calm)

    def finish(self) -> None:
        """Strike no more, and let everything that stands still run."""
        self._round += 1
        self._is_over = True
        self._resume_all()

    def _later(self, delay_s: float, do: Callable[..., None], *args: object) -> None:
        if not self._is_over:
            self._loop.call_later(delay_s, do, *args, context=NETWORK)

    def _in_this_round(self, delay_s: float, do: Callable[..., None], *args: object) -> None:
        """Do it later, unless a calm time comes first: that heals everything."""
        of = self._round
        self._later(delay_s, lambda: do(*args) if of == self._round else None)

    def _strike(self) -> None:
        if not self._is_calm and not self._is_over:
            self._random.choice(self._faults)()
        self._later(self._random.expovariate(1 / EVERY_S), self._strike)

    # ------------------------------------------------------------------ faults

    def _host(self) -> Host:
        return self._random.choice(self._hosts)

    def _stop(self, processes: Sequence[Process]) -> None:
        length_s = self._random.random() * PAUSE_S
        for process in processes:
            process.stop()
            self._in_this_round(length_s, process.cont)

    def _processes(self, host: Host) -> list[Process]:
        return [host.process] if host.process is not None and host.is_up else []

    def _workers(self, host: Host) -> list[Process]:
        return [worker.process for worker in host.workers.values() if worker.alive]

    def _stop_supervisor(self) -> None:
        self._stop(self._processes(self._host()))

    def _stop_worker(self) -> None:
        self._stop(self._workers(self._host())[:1])

    def _stop_all(self) -> None:
        host = self._host()
        self._stop(self._processes(host) + self._workers(host))

    def _partition(self) -> None:
        wire = self._host().wire
        wire.is_cut = True
        self._in_this_round(self._random.random() * PARTITION_S, setattr, wire, "is_cut", False)

    def _forbid_writes(self) -> None:
        wire = self._host().wire
        wire.forbids_writes = True
        length_s = self._random.random() * PARTITION_S
        self._in_this_round(length_s, setattr, wire, "forbids_writes", False)

    def _freeze(self, machine: Machine, *, asleep: bool) -> None:
        if machine.frozen:
            return
        machine.freeze(asleep=asleep)
        if not asleep:
            self._note_vm_pause(machine)
        self._in_this_round(self._random.random() * PAUSE_S, self._thaw, machine, asleep)

    def _note_vm_pause(self, machine: Machine) -> None:
        for host in self._hosts:
            if host.machine is machine:
                host.note("vm_pause", 0)

    def _thaw(self, machine: Machine, asleep: bool) -> None:
        if machine.frozen and not asleep:
            self._note_vm_pause(machine)  # a taking may have been under way
        machine.thaw()
        for host in self._hosts:
            if host.machine is machine:
                for worker in host.workers.values():
                    worker.woke()

    def _sleep_machine(self) -> None:
        self._freeze(self._host().machine, asleep=True)

    def _pause_vm(self) -> None:
        self._freeze(self._host().machine, asleep=False)

    def _step_wall(self) -> None:
        self._host().machine.wall_off_s += (self._random.random() - 0.5) * 7200

    def _crash(self) -> None:
        host = self._host()
        host.crash()
        self._in_this_round(self._random.random() * 30, self._start, host)

    def _start(self, host: Host) -> None:
        host.start()

    def _start_twice(self) -> None:
        host = self._host()
        if host.is_up:
            assert not host.start(), "two supervisors over one directory"

    def _lose_power(self) -> None:
        machine = self._host().machine
        machine.thaw()
        machine.boot_id = f"{machine.name} {self._random.getrandbits(32):x}"
        for host in self._hosts:
            if host.machine is machine:
                host.lose_power()
                self._in_this_round(5 + self._random.random() * 60, self._start, host)

    def _terminate(self) -> None:
        """Redeploy: SIGTERM, perhaps twice, and a new one some time after it has gone."""
        host = self._host()
        if host.process is None or host.manager is None:
            return
        for _ in range(self._random.choice((1, 2))):
            host.process.call_later(3 * self._random.random(), host.manager.end)
        self._in_this_round(1 + self._random.random() * 10, self._start_when_gone, host)

    def _start_when_gone(self, host: Host) -> None:
        if not host.start():
            self._in_this_round(1, self._start_when_gone, host)

    def _step_down(self) -> None:
        host = self._host()
        if host.process is not None and host.manager is not None:
            host.process.call_later(0, host.manager.step_down)

    def _ask(self) -> None:
        host = self._host()
        if host.process is not None and host.manager is not None:
            host.process.call_later(0, host.manager.ask_for_it)

    def _spoil_document(self) -> None:
        document = self._server.document
        is_soon_calm = self._loop.now_s > self._calm_at_s - 3 * REPAIRED_S
        if self._spoilt or document is None or is_soon_calm:
            return
        self._spoilt = True
        spoil = self._random.choice((_delete, _garble, _set_back))
        self._server.edit(spoil(document, self._random))
        self._in_this_round(self._random.random() * REPAIRED_S, self._repair, document)

    def _repair(self, document: dict[str, Any]) -> None:
        """Put back what stood there, unless they helped themselves meanwhile."""
        self._spoilt = False
        if self._server.document is None:
            return
        found = parse(self._server.document)
        helped = isinstance(found, LeaseDocument) and found.epoch >= document["epoch"]
        if not helped:
            self._server.edit(document)

    # ------------------------------------------------------------------ calm

    def _begin_calm(self) -> None:
        if self._is_over:
            return
        self._round += 1
        self._is_calm, self._spoilt = True, False
        self._resume_all()
        for host in self._hosts:
            host.wire.calm()
            host.start()
        killed = self._kill_holder() if self._kills_in_calm else False
        self._kills_in_calm = not self._kills_in_calm
        self._server.note("calm", "", 0, bound_s=self._bound_s, killed=killed)
        self._later(0.01, self._forget_wishes)
        self._later(self._bound_s + 8, self._end_calm)

    def _forget_wishes(self) -> None:
        """Let nobody hand over what he has: who wishes by turns keeps everybody from acting."""
        self._server.wishes.clear()
        for host in self._hosts:
            if host.manager is not None:
                host.manager._wishing = False

    def _resume_all(self) -> None:
        for machine in self._machines:
            self._thaw(machine, asleep=False)
        for host in self._hosts:
            for process in [*self._processes(host), *self._workers(host)]:
                process.cont()

    def _kill_holder(self) -> bool:
        document = self._server.document or {}
        for host in self._hosts:
            if str(document.get("holder")).startswith(f"{host.name}#"):
                host.lose_power()
                return True
        return False

    def _end_calm(self) -> None:
        if self._is_over:
            return
        self._server.note("calm_end", "", 0)
        self._is_calm = False
        for host in self._hosts:
            host.wire.is_calm = False
            host.start()
        self._calm_at_s = self._loop.now_s + CALM_EVERY_S
        self._later(CALM_EVERY_S, self._begin_calm)


def _delete(_document: dict[str, Any], _random: Random) -> None:
    return None


def _garble(document: dict[str, Any], random: Random) -> dict[str, Any]:
    name = random.choice(sorted(document))
    return {**document, name: random.choice((-1, 0.5, [], b"", "x" * 999))}


def _set_back(document: dict[str, Any], random: Random) -> dict[str, Any]:
    return {**document, "epoch": random.randrange(max(1, document["epoch"]))}
