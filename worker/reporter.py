"""The link client: news goes out, the spool is delivered, orders come in.

The spool is delivered in order, one batch at a time: the next goes out when the supervisor has
stored the last. A batch without an answer is sent again, under the same number; the inbox knows
what it has already.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Never

from shared import link_pb2
from shared.clock import Clock
from shared.errors import LinkError
from shared.link import VERSION, ToSupervisorBody, ToWorkerBody, WorkerLink, check_version, dial
from shared.logs import get_logger
from worker.session import SessionFile, SessionWriteFailed
from worker.session.spool import SpoolRow

log = get_logger(__name__)

DIAL_TIMEOUT_S: Final = 10.0
SEND_TIMEOUT_S: Final = 30.0
ACK_TIMEOUT_S: Final = 15.0
DISK_PAUSE_S: Final = 5.0
MAX_NEWS: Final = 1024
MAX_BATCH_EVENTS: Final = 100
MAX_BATCH_BYTES: Final = 1024 * 1024


class SupervisorStalled(LinkError):
    """The supervisor takes no news any more."""


class Reporter:
    """The worker's end of the link, and the `Outlet` of its account."""

    def __init__(
        self,
        link: WorkerLink,
        clock: Clock,
        *,
        ack_timeout_s: float = ACK_TIMEOUT_S,
        disk_pause_s: float = DISK_PAUSE_S,
    ) -> None:
        """Take over a link that has been welcomed.

        Args:
            link: ours until `close`.
            clock: for stamps.
            ack_timeout_s: how long a batch waits for its answer before it is sent again.
            disk_pause_s: how long to wait when the disk takes nothing.
        """
        self._link = link
        self._clock = clock
        self._ack_timeout_s = ack_timeout_s
        self._disk_pause_s = disk_pause_s
        self._news: asyncio.Queue[ToSupervisorBody] = asyncio.Queue(MAX_NEWS)
        self._grown = asyncio.Event()
        self._emptied = asyncio.Event()
        self._acked: asyncio.Queue[int] = asyncio.Queue()
        self._batches = 0

    @classmethod
    async def connect(
        cls, path: Path, *, account_id: str, token: bytes, clock: Clock
    ) -> tuple["Reporter", link_pb2.Welcome]:
        """Dial the supervisor, say who we are, and return the link with its welcome.

        Raises:
            LinkError: nobody is there, or we are not who it waits for.
        """
        link = await dial(path, timeout_s=DIAL_TIMEOUT_S)
        hello = link_pb2.Hello(
            version=VERSION,
            account_id=account_id,
            token=token,
            pid=os.getpid(),
            boot_ns=clock.boot_ns(),
        )
        try:
            return cls(link, clock), await _welcomed(link, hello)
        except BaseException:
            await link.close()
            raise

    # -- news

    def state(self, state: link_pb2.State) -> None:
        """Take a new state of the connection."""
        self.tell(state)

    def qr(self, qr: link_pb2.Qr) -> None:
        """Take a QR code to show."""
        self.tell(qr)

    def paired(self, paired: link_pb2.Paired) -> None:
        """Take the news of a pairing."""
        self.tell(paired)

    def spooled(self) -> None:
        """Hear that the spool has grown."""
        self._grown.set()

    def tell(self, news: ToSupervisorBody) -> None:
        """Queue something for the supervisor.

        Raises:
            SupervisorStalled: the queue is full: nobody has been reading for long.
        """
        try:
            self._news.put_nowait(news)
        except asyncio.QueueFull as error:
            raise SupervisorStalled("tell the supervisor: it does not read") from error

    async def send_news(self) -> Never:
        """Send what was queued, in order, for as long as the link stands.

        Raises:
            LinkError: it stands no longer.
        """
        while True:
            await self._link.send(await self._news.get(), timeout_s=SEND_TIMEOUT_S)

    async def flush(self, timeout_s: float) -> None:
        """Send what is queued now; for the last words, when `send_news` runs no more."""
        while not self._news.empty():
            await self._link.send(self._news.get_nowait(), timeout_s=timeout_s)

    # -- the spool

    async def deliver(self, file: SessionFile, delivered: Callable[[list[int]], None]) -> Never:
        """Deliver the spool as it grows.

        While the disk takes nothing, what the store has can't be noted: it is delivered again,
        and the inbox knows it.

        Args:
            file: holds the spool; rows that the store has are turned into memories.
            delivered: is told which rows those were.

        Raises:
            LinkError: the link is gone.
            SessionError: the session file failed otherwise.
        """
        while True:
            await self._grown.wait()
            self._grown.clear()
            try:
                await self._deliver_waiting(file, delivered)
            except SessionWriteFailed as error:
                log.warning("delivery_not_noted", error=error)
                await asyncio.sleep(self._disk_pause_s)
                self._grown.set()
            else:
                self._emptied.set()

    async def emptied(self) -> None:
        """Return when the spool has been delivered; as long as `deliver` runs."""
        self._emptied.clear()
        self._grown.set()
        await self._emptied.wait()

    async def _deliver_waiting(
        self, file: SessionFile, delivered: Callable[[list[int]], None]
    ) -> None:
        while rows := _next_rows(file):
            await self._deliver_batch(rows)
            ids = [row.id for row in rows]
            with file.unit() as unit:
                unit.spool.delivered(ids)
            delivered(ids)

    async def _deliver_batch(self, rows: list[SpoolRow]) -> None:
        self._batches += 1
        batch = link_pb2.Inbound(batch_id=self._batches, events=[_event(row) for row in rows])
        while True:
            await self._link.send(batch, timeout_s=SEND_TIMEOUT_S)
            if await self._is_acked(self._batches):
                return
            log.warning("batch_unanswered", batch_id=self._batches, events=len(rows))

    async def _is_acked(self, batch_id: int) -> bool:
        """Wait for the answer to a batch; late answers to earlier tries count, older ones don't."""
        try:
            async with asyncio.timeout(self._ack_timeout_s):
                while await self._acked.get() != batch_id:
                    pass
        except TimeoutError:
            return False
        return True

    # -- orders

    async def obey(self, take: Callable[[ToWorkerBody], Awaitable[None]]) -> Never:
        """Hand every order to `take`; acks of batches are kept here.

        Raises:
            LinkError: the supervisor is gone, or talks nonsense.
        """
        while True:
            order = await self._link.receive()
            if isinstance(order, link_pb2.BatchAck):
                self._acked.put_nowait(order.batch_id)
            else:
                await take(order)

    def fileno(self) -> int:
        """Return the link's descriptor, for one who watches whether it stands."""
        return self._link.fileno()

    async def close(self) -> None:
        """Close the link."""
        await self._link.close()


async def _welcomed(link: WorkerLink, hello: link_pb2.Hello) -> link_pb2.Welcome:
    await link.send(hello, timeout_s=DIAL_TIMEOUT_S)
    try:
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            welcome = await link.receive()
    except TimeoutError as error:
        raise LinkError("wait for the supervisor's welcome: none came") from error
    if not isinstance(welcome, link_pb2.Welcome):
        raise LinkError("wait for the supervisor's welcome: it said something else")
    check_version(welcome.version)
    return welcome


def _next_rows(file: SessionFile) -> list[SpoolRow]:
    """Return the oldest rows, as many as fit into a batch; one at least, if there is any."""
    with file.unit() as unit:
        rows = unit.spool.waiting(MAX_BATCH_EVENTS)
    size, fitting = 0, 0
    for row in rows:
        size += len(row.payload)
        if fitting and size > MAX_BATCH_BYTES:
            break
        fitting += 1
    return rows[:fitting]


def _event(row: SpoolRow) -> link_pb2.Event:
    event = link_pb2.Event.FromString(row.payload)
    event.spool_id = row.id
    return event
