"""An event loop in virtual time, whose callbacks belong to processes that can be stopped.

The selector moves the clock instead of waiting. Whoever schedules a callback inside a process
(a context variable says so) gets a handle that is held back while that process is stopped or its
machine is frozen, and timers that run at the speed of the machine's own monotonic clock.
"""

import asyncio
import contextvars
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from tests.simulation.machine import Machine

BY_A_MICROSECOND = 1e-6
_PROCESS: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("process", default=None)
NETWORK = contextvars.Context()  # callbacks of nobody: wires, servers, fate


class Deadlock(Exception):
    """Nothing is scheduled, and nothing ever will be."""


class Process:
    """Something that runs callbacks, and can be stopped, resumed and killed."""

    def __init__(self, loop: "SimLoop", machine: Machine, name: str) -> None:
        self.loop = loop
        self.machine = machine
        self.name = name
        self.stopped = False
        self.dead = False
        self.blocked = False
        self.resumed_ns = 0
        self.context = contextvars.Context()
        self.context.run(_PROCESS.set, self)
        self._held_back: deque[asyncio.Handle] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        machine.processes.append(self)

    def spawn(self, life: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = self.context.run(self.loop.create_task, life, context=self.context)
        self._tasks.append(task)
        return task

    def call_later(self, delay_s: float, callback: Callable[..., None], *args: Any) -> Any:
        return self.loop.call_later(delay_s, callback, *args, context=self.context)

    def stop(self) -> None:
        self.stopped = True
        self.update()

    def cont(self) -> None:
        self.stopped = False
        self.update()

    def update(self) -> None:
        was_blocked = self.blocked
        self.blocked = not self.dead and (self.stopped or self.machine.frozen)
        if was_blocked and not self.blocked:
            self.resumed_ns = self.machine.boot_ns()
            self.loop.let_run(self._held_back)

    def hold_back(self, handle: asyncio.Handle) -> None:
        self._held_back.append(handle)

    def kill(self) -> None:
        """End it: its tasks unwind at once, and see to nothing but themselves."""
        self.dead = True
        self.update()
        for task in self._tasks:
            task.cancel()
        if self in self.machine.processes:
            self.machine.processes.remove(self)

    @property
    def unwound(self) -> bool:
        return all(task.done() for task in self._tasks)


class _Handle(asyncio.Handle):
    __slots__ = ("process",)
    process: Process

    def _run(self) -> None:
        if self.process.blocked:
            self.process.hold_back(self)
        else:
            super()._run()


class _Timer(asyncio.TimerHandle):
    __slots__ = ("due_s", "process")
    process: Process
    due_s: float

    def _run(self) -> None:
        process = self.process
        if process.blocked:
            process.hold_back(self)
            return
        left_s = self.due_s - process.machine.mono_s()
        if left_s > BY_A_MICROSECOND and not process.dead:
            process.loop.put(self, left_s / process.machine.rate)
        else:
            super()._run()


class _Selector:
    """Moves the clock to the next event instead of waiting for it."""

    def __init__(self, loop: "SimLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Deadlock("nothing is scheduled any more")
        self._loop.now_s += timeout
        return []


class SimLoop(asyncio.BaseEventLoop):
    """Virtual time from 0; `now_s` is the truth that no machine knows."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self._selector = _Selector(self)

    def time(self) -> float:
        return self.now_s

    def let_run(self, handles: deque[asyncio.Handle]) -> None:
        self._ready.extend(handles)  # type: ignore[attr-defined]
        handles.clear()

    def put(self, timer: _Timer, delay_s: float) -> None:
        timer._when = self.now_s + delay_s  # type: ignore[attr-defined]
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        process = _PROCESS.get() if context is None else context.get(_PROCESS)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        delay_s = when - self.now_s
        timer = _Timer(when, callback, args, self, context)
        timer.process = process
        timer.due_s = process.machine.mono_s() + delay_s
        self.put(timer, delay_s / process.machine.rate)
        return timer

    def _call_soon(
        self,
        callback: Callable[..., object],
        args: Any,
        context: contextvars.Context | None,
    ) -> asyncio.Handle:
        process = _PROCESS.get() if context is None else context.get(_PROCESS)
        if process is None:
            return super()._call_soon(callback, args, context)  # type: ignore[misc,no-any-return]
        handle = _Handle(callback, args, self, context)
        handle.process = process
        self._ready.append(handle)  # type: ignore[attr-defined]
        return handle

    def _process_events(self, event_list: list[Any]) -> None:
        """Nothing comes from outside."""
