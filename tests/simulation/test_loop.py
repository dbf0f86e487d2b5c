"""What the simulation's results rest on: its time, its stopped processes, its clocks."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.simulation.loop import NETWORK, Deadlock, Process, SimLoop
from tests.simulation.machine import Machine


@pytest.fixture
def loop() -> Iterator[SimLoop]:
    loop = SimLoop()
    yield loop
    loop.close()


@pytest.fixture
def machine(loop: SimLoop) -> Machine:
    return Machine(loop.time, "m", rate=1.0, boot_id="b")


@pytest.fixture
def rings(loop: SimLoop, machine: Machine) -> list[float]:
    """When a timer of ten seconds, of a process of the machine, has rung."""
    rings: list[float] = []
    Process(loop, machine, "p").call_later(10, lambda: rings.append(loop.now_s))
    return rings


def pass_s(loop: SimLoop, length_s: float) -> None:
    loop.run_until_complete(asyncio.sleep(length_s))


def test_an_hour_passes_at_once(loop: SimLoop) -> None:
    pass_s(loop, 3600)
    assert loop.now_s == pytest.approx(3600)


def test_waiting_for_what_never_comes_is_noticed(loop: SimLoop) -> None:
    never: asyncio.Future[None] = loop.create_future()
    with pytest.raises(Deadlock):
        loop.run_until_complete(never)
    never.cancel()
    pass_s(loop, 1)


def test_timers_run_at_the_speed_of_their_machine(loop: SimLoop) -> None:
    rings: list[float] = []
    slow = Process(loop, Machine(loop.time, "slow", rate=0.5, boot_id="b"), "p")
    slow.call_later(10, lambda: rings.append(loop.now_s))
    pass_s(loop, 60)
    assert rings == pytest.approx([20])


def test_a_stopped_process_runs_what_is_due_when_it_goes_on(
    loop: SimLoop, machine: Machine, rings: list[float]
) -> None:
    [process] = machine.processes
    assert isinstance(process, Process)
    process.stop()
    loop.call_later(30, process.cont, context=NETWORK)
    pass_s(loop, 60)
    assert rings == pytest.approx([30])
    assert machine.boot_ns() == pytest.approx(1060e9)


def test_what_is_cancelled_while_its_process_is_stopped_never_runs(
    loop: SimLoop, machine: Machine
) -> None:
    rings: list[float] = []
    process = Process(loop, machine, "p")
    timer = process.call_later(1, rings.append, 1.0)
    process.stop()
    pass_s(loop, 5)
    timer.cancel()
    process.cont()
    pass_s(loop, 5)
    assert rings == []


@pytest.mark.parametrize(("asleep", "boot_s"), [(True, 1100), (False, 1070)])
def test_a_frozen_machine_has_its_timers_later(
    loop: SimLoop, machine: Machine, rings: list[float], asleep: bool, boot_s: float
) -> None:
    pass_s(loop, 5)
    machine.freeze(asleep=asleep)
    loop.call_later(30, machine.thaw, context=NETWORK)
    pass_s(loop, 95)
    assert rings == pytest.approx([40])
    assert machine.boot_ns() == pytest.approx(boot_s * 1e9)
