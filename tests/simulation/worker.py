"""A worker: a process of its own, that acts, hears until when it may, and ends by itself."""

from collections.abc import Callable
from random import Random
from typing import Any

from shared.deadline import LeaseDeadline, LeaseExpired
from tests.simulation.loop import Process, SimLoop
from tests.simulation.machine import Machine

Note = Callable[..., None]
STUBBORN = 0.1  # the share that ignores SIGTERM
STUCK = 0.01  # the share of killed ones that hang in the kernel for a while


class Worker:
    """One account's worker under one epoch.

    Args:
        note: writes the history.
        ended: is told, inside the supervisor's process, when it is reaped.
    """

    def __init__(
        self,
        loop: SimLoop,
        machine: Machine,
        random: Random,
        *,
        account: str,
        name: str,
        epoch: int,
        hard_ns: int,
        note: Note,
    ) -> None:
        self.account = account
        self.name = name
        self.epoch = epoch
        self.alive = True
        self.process = Process(loop, machine, name)
        self.ended: Callable[[], None] = lambda: None
        self._random = random
        self._machine = machine
        self._note = note
        self._kernel = Process(loop, machine, f"kernel of {name}")
        self._is_ending = False
        self._deadline = LeaseDeadline(machine, hard_ns)
        self._alarm: Any = None
        self._note("spawn", epoch, worker=name, account=account)
        self._set_alarm()
        self._tick_later()

    # ------------------------------------------------------------------ its own life

    def _tick_later(self) -> None:
        self.process.call_later(0.5 + 5 * self._random.random(), self._tick)

    def _tick(self) -> None:
        """Act, unless it is too late: the frame writer looks just before bytes go out."""
        if not self.alive:
            return
        if self.expired():
            self._exit("deadline")
            return
        self._note("act", self.epoch, worker=self.name)
        self._tick_later()

    def expired(self) -> bool:
        return self._deadline.expired

    def _set_alarm(self) -> None:
        """Set the thread that ends the process, whatever the loop does."""
        if self._alarm is not None:
            self._alarm.cancel()
        left_s = self._deadline.remaining_ns / 1e9
        self._alarm = self.process.call_later(left_s + 0.001, self._ring)

    def _ring(self) -> None:
        if self.alive and self.expired():
            self._exit("deadline")
        elif self.alive:
            self._set_alarm()

    def woke(self) -> None:
        """Notice that boot time went on while the machine slept, as a timerfd would."""
        if self.alive:
            self.process.call_later(0.001, self._ring)

    def hear_deadline(self, hard_ns: int) -> None:
        """Take a new deadline from the link."""
        self.process.call_later(0.001 + 0.02 * self._random.random(), self._move, hard_ns)

    def _move(self, hard_ns: int) -> None:
        try:
            self._deadline.extend(hard_ns)
        except LeaseExpired:
            return  # the alarm is ringing
        if self.alive:
            self._set_alarm()

    # ------------------------------------------------------------------ signals

    def terminate(self) -> None:
        self.process.call_later(0.001, self._on_terminate)

    def _on_terminate(self) -> None:
        if not self.alive or self._is_ending:
            return
        self._is_ending = True
        if self._random.random() >= STUBBORN:
            self.process.call_later(0.02 + 9 * self._random.random() ** 3, self._exit, "stopped")

    def kill(self) -> None:
        """SIGKILL works on a stopped process too, but not while it hangs in the kernel."""
        if self._random.random() < STUCK:
            self.process.stop()
            self._kernel.call_later(1 + 9 * self._random.random(), self._exit, "killed")
        else:
            self._kernel.call_later(0.001 + 0.01 * self._random.random(), self._exit, "killed")

    def die(self) -> None:
        """End at once: the machine lost its power."""
        self._exit("power")

    def _exit(self, cause: str) -> None:
        if not self.alive:
            return
        self.alive = False
        now_ns = self._machine.boot_ns()
        stood_still = self.process.blocked  # stopped, or hanging in the kernel, until now
        resumed_ns = max(self.process.resumed_ns, self._kernel.resumed_ns)
        self._note(
            "exit",
            self.epoch,
            worker=self.name,
            boot_ns=now_ns,
            resumed_ns=now_ns if stood_still else resumed_ns,
            cause=cause,
        )
        self.process.kill()
        self._kernel.kill()
        self.ended()
