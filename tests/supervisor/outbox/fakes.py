"""A fleet in memory: accounts connect when told, and answer sends as scripted."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from shared import link_pb2 as pb
from shared.accounts import AccountStatus
from supervisor.api.doors import AccountView, FleetCondition, WorkerUnavailable
from supervisor.events import AccountState, EventBus

Answer = pb.SendResult | WorkerUnavailable | Callable[[pb.Send], Awaitable[pb.SendResult]]


def sent() -> pb.SendResult:
    return pb.SendResult(outcome=pb.SendResult.SENT, timestamp_ms=1)


def refused(reason: str, code: int = 0) -> pb.SendResult:
    return pb.SendResult(outcome=pb.SendResult.REFUSED, reason=reason, code=code)


def unavailable(reason: str = "no connection") -> pb.SendResult:
    return pb.SendResult(outcome=pb.SendResult.UNAVAILABLE, reason=reason)


class MemoryFleet:
    """Fulfils `supervisor.api.doors.Fleet`; without a script every send succeeds."""

    def __init__(self, events: EventBus) -> None:
        self._events = events
        self._changed = asyncio.Condition()
        self.views: dict[str, AccountView] = {}
        self.sends: list[tuple[str, pb.Send]] = []
        self.answers: deque[Answer] = deque()
        self.ensured: list[str] = []
        self.stopped: list[tuple[str, str, bool]] = []
        self.timeouts_s: list[float] = []
        self.read_marks: list[tuple[str, pb.MarkRead]] = []
        self.set_aside_for: list[tuple[str, str]] = []
        self.paired_anew: list[str] = []
        self.removed: list[str] = []
        self.state = FleetCondition()

    def show(self, account_id: str, status: AccountStatus, **changes: object) -> None:
        """Change the account's view, then tell of it."""
        self.views[account_id] = AccountView(account_id, status, since_ms=1, **changes)  # type: ignore[arg-type]
        self._events.publish(AccountState(account_id, status, since_ms=1))

    def connect(self, account_id: str) -> None:
        self.show(account_id, AccountStatus.CONNECTED)

    def lose(self, account_id: str) -> None:
        self.show(account_id, AccountStatus.RECONNECTING)

    async def ensure(self, account_id: str) -> None:
        self.ensured.append(account_id)

    async def stop(self, account_id: str, *, reason: str, unlink: bool = False) -> None:
        self.stopped.append((account_id, reason, unlink))
        self.views.pop(account_id, None)

    async def set_aside(self, account_id: str, *, reason: str) -> None:
        self.set_aside_for.append((account_id, reason))

    async def pair_anew(self, account_id: str) -> None:
        self.paired_anew.append(account_id)

    async def remove(self, account_id: str) -> None:
        self.removed.append(account_id)
        self.views.pop(account_id, None)

    def condition(self) -> FleetCondition:
        return self.state

    def view(self, account_id: str) -> AccountView | None:
        return self.views.get(account_id)

    async def send(self, account_id: str, send: pb.Send, timeout_s: float) -> pb.SendResult:
        self.sends.append((account_id, send))
        self.timeouts_s.append(timeout_s)
        async with self._changed:
            self._changed.notify_all()
        answer = self.answers.popleft() if self.answers else sent()
        if isinstance(answer, WorkerUnavailable):
            raise answer
        return answer if isinstance(answer, pb.SendResult) else await answer(send)

    async def mark_read(self, account_id: str, mark: pb.MarkRead) -> None:
        self.read_marks.append((account_id, mark))

    async def until_sends(self, count: int) -> list[pb.Send]:
        """Wait until that many sends were asked for, and return them."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: len(self.sends) >= count)
        return [send for _, send in self.sends]
