"""Messages on their way out: stored first, then delivered, account by account and in order.

A message keeps one WhatsApp id from before its first try, so that a try whose outcome was lost can
be repeated: the recipient sees it once. An account without a connection keeps its messages until
it has one, or until they are too old to be sent. What a dead supervisor had claimed is taken over
by the next.
"""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from shared.accounts import AccountStatus
from shared.clock import Clock
from shared.errors import StoreError
from shared.link_pb2 import Send
from shared.logs import get_logger
from supervisor.api.doors import Fleet, SendReport, WorkerUnavailable
from supervisor.events import AccountState, Event, EventBus, Lagged, MessageChanged
from supervisor.lease.guard import NotHolding
from supervisor.outbox_policy import (
    DEFAULT_POLICY,
    EXPIRED,
    FINAL,
    OutboxPolicy,
    Verdict,
    bare,
    earlier,
    new_client_message_id,
    new_message_id,
    retry_delay_ms,
    settled,
    verdict_of,
)
from supervisor.store.contract import Fenced, Store, UnknownAccount
from supervisor.store.records import NewSend, OutboxRecord, OutboxState

STORE_RETRY_S: Final = 2.0  # how long to leave a store alone that has just failed

log = get_logger(__name__)

T = TypeVar("T")


class Outbox:
    """Fulfils `api.doors.Sender`; `run()` delivers until `stop()`.

    Args:
        store: where messages wait.
        fleet: the workers that send them.
        events: tells of connections, and is told of messages.
        clock: decides what is due.
        owner: this supervisor's incarnation, random at every start.
        policy: the times.
        rng: ids and jitter.
    """

    def __init__(
        self,
        store: Store,
        fleet: Fleet,
        events: EventBus,
        clock: Clock,
        *,
        owner: str,
        policy: OutboxPolicy = DEFAULT_POLICY,
        rng: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._store = store
        self._fleet = fleet
        self._events = events
        self._clock = clock
        self._owner = owner
        self._policy = policy
        self._rng = rng
        self._lanes: dict[str, _Lane] = {}
        self._waiting: dict[tuple[str, str], list[asyncio.Future[OutboxRecord | None]]] = {}
        self._in_flight: set[tuple[str, str]] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._stopping = asyncio.Event()

    async def send(
        self, account_id: str, to: str, text: str, client_message_id: str | None
    ) -> SendReport:
        """Store a message, deliver it, and wait a short, bounded time for the server's ack.

        Args:
            account_id: who sends.
            to: the recipient's JID.
            text: what to send.
            client_message_id: the caller's id: repeating a call with it sends nothing twice.

        Raises:
            UnknownAccount: there is no such account.
            SendConflict: the id already stands for another recipient or text.
            StoreError: it may not have been stored; repeat the call with the same id.
        """
        account = await self._store.accounts.get(account_id)
        if account is None or account.status is AccountStatus.DELETED:
            raise UnknownAccount(f"send for account {account_id}: there is none")
        wanted = NewSend(
            client_message_id=client_message_id or new_client_message_id(self._rng),
            wa_message_id=new_message_id(self._rng),
            chat=to,
            body=text,
            sender=bare(account.jid),
            at_ms=self._now_ms(),
        )
        record, message, created = await self._store.outbox.enqueue(account_id, wanted)
        if created:
            self._events.publish(MessageChanged(message, created=True))
            record = await self._delivered(record)
        return SendReport(record, repeated=not created)

    async def _delivered(self, record: OutboxRecord) -> OutboxRecord:
        """Return the record as it is when the server has it, or when the caller's patience ends."""
        lane = self._lane(record.account_id)
        if lane is None:
            return record
        lane.wake.set()
        if not self._is_connected(record.account_id):
            return record
        key = (record.account_id, record.request_id)
        waiter: asyncio.Future[OutboxRecord | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(waiter)
        try:
            async with asyncio.timeout(self._policy.answer_wait_s):
                return await waiter or await self._latest(record)
        except TimeoutError:
            return await self._latest(record)
        finally:
            self._forget(key, waiter)

    async def _latest(self, record: OutboxRecord) -> OutboxRecord:
        """Return the record as it stands now; as it was, where the store does not say."""
        try:
            found = await self._store.outbox.get(record.account_id, record.client_message_id)
        except StoreError as error:
            log.info("outbox_record_not_read", account_id=record.account_id, error=error)
            return record
        return found or record

    def _forget(self, key: tuple[str, str], waiter: asyncio.Future[OutboxRecord | None]) -> None:
        waiters = self._waiting.get(key, [])
        if waiter in waiters:
            waiters.remove(waiter)
        if not waiters:
            self._waiting.pop(key, None)

    # ----------------------------------------------------------------------------------- delivering

    async def run(self) -> None:
        """Deliver until `stop()`; what is being sent then is finished first.

        Raises:
            ExceptionGroup: something broke that must not break; the supervisor must end.
        """
        try:
            async with asyncio.TaskGroup() as self._tasks:
                listener = self._tasks.create_task(self._listen(), name="outbox listener")
                with contextlib.suppress(_StoppedWithoutStore):
                    await self._retrying(self._take_over)
                await self._stopping.wait()
                listener.cancel()
                for lane in self._lanes.values():
                    lane.wake.set()
        finally:
            self._tasks = None
            self._lanes.clear()
            self._release(tuple(self._waiting))

    def stop(self) -> None:
        """Claim nothing more; `run()` returns when what is being sent is settled.

        Who waits for a message that is not being sent is answered at once.
        """
        self._stopping.set()
        self._release(tuple(self._waiting.keys() - self._in_flight))

    def _release(self, keys: Iterable[tuple[str, str]]) -> None:
        """Have those who wait for these messages look into the store instead."""
        for key in keys:
            for waiter in self._waiting.get(key, []):
                if not waiter.done():
                    waiter.set_result(None)

    async def _take_over(self) -> None:
        taken = await self._store.outbox.take_over(self._owner, at_ms=self._now_ms())
        if taken:
            log.info("outbox_claims_taken_over", messages=taken)
        for account_id in await self._store.outbox.waiting_accounts():
            self._wake(account_id)

    async def _listen(self) -> None:
        while True:
            async with self._events.subscribe() as subscription:
                # Whatever was missed before this is in the store and in the fleet's views.
                for account_id in list(self._lanes):
                    self._wake(account_id)
                async for event in subscription:
                    self._heard(event)

    def _heard(self, event: Event) -> None:
        if isinstance(event, AccountState) and event.status is AccountStatus.CONNECTED:
            lane = self._lane(event.account_id)
            if lane is not None:
                lane.is_back = True
                lane.wake.set()
        elif isinstance(event, Lagged):
            log.warning("outbox_listener_lagged")

    def _wake(self, account_id: str) -> None:
        lane = self._lane(account_id)
        if lane is not None:
            lane.wake.set()

    def _lane(self, account_id: str) -> "_Lane | None":
        """Return the account's lane, started if need be; None while nothing is delivered."""
        if self._tasks is None or self._stopping.is_set():
            return None
        lane = self._lanes.get(account_id)
        if lane is None:
            lane = self._lanes[account_id] = _Lane(account_id)
            self._tasks.create_task(self._serve(lane), name=f"outbox {account_id}")
        return lane

    async def _serve(self, lane: "_Lane") -> None:
        with contextlib.suppress(_StoppedWithoutStore):
            while not self._stopping.is_set():
                lane.wake.clear()
                due_ms = await self._retrying(lambda: self._work(lane))
                await self._pause(lane, due_ms)

    async def _pause(self, lane: "_Lane", due_ms: int | None) -> None:
        """Sleep until something is due, or until woken: by a message, a connection, the end."""
        wait_s = None if due_ms is None else max(0, due_ms - self._now_ms()) / 1000
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await lane.wake.wait()

    async def _work(self, lane: "_Lane") -> int | None:
        """Deliver what is due; return when the next is, None if only an event can change that."""
        if lane.is_back:
            lane.is_back = False
            await self._store.outbox.hasten(lane.account_id, at_ms=self._now_ms())
        while self._is_connected(lane.account_id) and not self._stopping.is_set():
            await self._expire(lane.account_id)
            claim = await self._store.outbox.claim(
                lane.account_id,
                self._owner,
                at_ms=self._now_ms(),
                lease_ms=int(self._policy.lease_s * 1000),
            )
            if claim is None:
                due_ms = await self._store.outbox.next_due_ms(lane.account_id)
                return earlier(due_ms, await self._next_expiry_ms(lane.account_id))
            await self._deliver(claim)
        await self._expire(lane.account_id)
        return await self._next_expiry_ms(lane.account_id)

    async def _expire(self, account_id: str) -> None:
        """Give up what has waited for longer than it may."""
        if self._stopping.is_set():
            return
        now_ms = self._now_ms()
        expired = await self._store.outbox.expire(
            account_id, before_ms=now_ms - self._policy.life_ms, at_ms=now_ms, error=EXPIRED
        )
        if expired:
            log.warning("outbox_messages_expired", account_id=account_id, messages=len(expired))
        for message in expired:
            self._events.publish(MessageChanged(message, created=False))
            self._release([(account_id, message.doc_id)])

    async def _next_expiry_ms(self, account_id: str) -> int | None:
        """Return when the oldest message that waits is too old."""
        oldest_ms = await self._store.outbox.oldest_ms(account_id)
        return None if oldest_ms is None else oldest_ms + self._policy.life_ms

    async def _deliver(self, claim: OutboxRecord) -> None:
        key = (claim.account_id, claim.request_id)
        self._in_flight.add(key)
        try:
            await self._settle(await self._attempt(claim))
        finally:
            self._in_flight.discard(key)

    async def _attempt(self, claim: OutboxRecord) -> OutboxRecord:
        """Try once; return what the record becomes. Only a connection that lasted is to blame."""
        before = self._connection(claim.account_id)
        verdict = await self._try(claim)
        lasted = before is not None and before == self._connection(claim.account_id)
        record = settled(self._policy, claim, verdict, connected=lasted)
        log.info(
            "outbox_try",
            account_id=record.account_id,
            message_id=record.wa_message_id,
            attempt=record.attempts,
            failures=record.failures,
            became=record.state.value,
            reason=record.error,
        )
        return record

    async def _settle(self, record: OutboxRecord) -> None:
        now_ms = self._now_ms()
        wait_ms = retry_delay_ms(self._policy, record.attempts, self._rng)
        message = await self._retrying(
            lambda: self._store.outbox.settle(
                record,
                record.state,
                at_ms=now_ms,
                error=record.error,
                next_attempt_at_ms=now_ms + wait_ms,
            )
        )
        if message is not None:
            self._events.publish(MessageChanged(message, created=False))
        self._answer(record)

    async def _try(self, claim: OutboxRecord) -> Verdict:
        send = Send(
            request_id=claim.request_id,
            message_id=claim.wa_message_id,
            to=claim.chat,
            text=claim.body,
        )
        timeout_s = self._policy.send_timeout_s
        try:
            # The fleet keeps the deadline; this one only guards against a fleet that does not.
            async with asyncio.timeout(timeout_s + 5):
                return verdict_of(await self._fleet.send(claim.account_id, send, timeout_s))
        except WorkerUnavailable as error:
            return Verdict(OutboxState.QUEUED, str(error))
        except TimeoutError:
            return Verdict(OutboxState.QUEUED, f"no answer from the worker in {timeout_s:g} s")

    def _answer(self, record: OutboxRecord) -> None:
        if record.state not in FINAL:
            return
        for waiter in self._waiting.get((record.account_id, record.request_id), []):
            if not waiter.done():
                waiter.set_result(record)

    async def _retrying(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it until the store lets us; a store that is away must not end the deliveries.

        Raises:
            _StoppedWithoutStore: it is time to end; the next supervisor takes over our claims.
        """
        failed = False
        while True:
            try:
                return await work()
            except (Fenced, NotHolding) as error:
                self._give_up(error)
                raise _StoppedWithoutStore from error
            except StoreError as error:
                (log.debug if failed else log.warning)("outbox_store_failed", error=str(error))
                failed = True
                if await self._stops_within(STORE_RETRY_S):
                    raise _StoppedWithoutStore from error

    def _give_up(self, error: Exception) -> None:
        """End, for the lease is gone: who holds it next takes over what we had claimed."""
        if not self._stopping.is_set():
            log.warning("outbox_without_lease", error=str(error))
            self.stop()

    async def _stops_within(self, wait_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._stopping.wait()
        return self._stopping.is_set()

    def _is_connected(self, account_id: str) -> bool:
        return self._connection(account_id) is not None

    def _connection(self, account_id: str) -> int | None:
        """Return what tells a connection from the next one, its beginning; None without one."""
        view = self._fleet.view(account_id)
        connected = view is not None and view.status is AccountStatus.CONNECTED
        return view.since_ms if view is not None and connected else None

    def _now_ms(self) -> int:
        return int(self._clock.wall_s() * 1000)


class _StoppedWithoutStore(Exception):
    """The outbox is to stop, and the store is away, or no longer ours to write."""


class _Lane:
    """One account's deliveries."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self.wake = asyncio.Event()
        self.is_back = False  # connected anew: what waited for that is due
