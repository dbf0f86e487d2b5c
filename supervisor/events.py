"""What happens in this supervisor, told to whoever listens: pages, the outbox, later metrics.

Events are hints, not the truth: the truth is in the store. A listener that can't keep up loses
its subscription with a `Lagged` as the last thing it hears, and starts over by reading the store.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from shared.accounts import AccountStatus
from supervisor.store.records import MessageRecord, ThreadRecord

QUEUE_EVENTS: Final = 1000  # how far a listener may fall behind


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account is added, or what is known of its connection changed."""

    account_id: str
    status: AccountStatus
    since_ms: int
    reason: str | None = None
    code: int | None = None
    retry_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class QrChanged:
    """An account shows another QR code, or none any more; the payload itself is not told."""

    account_id: str
    expires_at_ms: int | None


@dataclass(frozen=True, slots=True)
class MessageChanged:
    """A message is new, or its text or status is."""

    message: MessageRecord
    created: bool


@dataclass(frozen=True, slots=True)
class ThreadChanged:
    """A conversation has another name, or took another's place."""

    thread: ThreadRecord


@dataclass(frozen=True, slots=True)
class Lagged:
    """The listener was too slow; nothing follows this."""


Event = AccountState | QrChanged | MessageChanged | ThreadChanged | Lagged


class Subscription:
    """One listener's queue: iterate it inside `async with`; ends after `Lagged` or `close`."""

    def __init__(self, bus: "EventBus", limit: int) -> None:
        self._bus = bus
        self._limit = limit
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._events.popleft()

    def close(self) -> None:
        """Stop listening; what is queued may still be read. Idempotent."""
        self._closed = True
        self._bus.forget(self)
        self._wake.set()

    def offer(self, event: Event) -> None:
        """Queue an event, or give up on this listener when its queue is full."""
        if len(self._events) < self._limit:
            self._events.append(event)
            self._wake.set()
            return
        self._events.clear()
        self._events.append(Lagged())
        self.close()


class EventBus:
    """Hands every event to every listener, without ever waiting for one."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []

    def publish(self, event: Event) -> None:
        """Tell all listeners; call it on the event loop's thread."""
        for subscription in tuple(self._subscriptions):
            subscription.offer(event)

    def subscribe(self, limit: int = QUEUE_EVENTS) -> Subscription:
        """Listen from now on: `async with bus.subscribe() as events: async for event in events`."""
        subscription = Subscription(self, limit)
        self._subscriptions.append(subscription)
        return subscription

    def close(self) -> None:
        """End every subscription, so that pages that listen let go at shutdown."""
        for subscription in tuple(self._subscriptions):
            subscription.close()

    def forget(self, subscription: Subscription) -> None:
        """Take a listener off; unknown ones are ignored."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
