"""The other end of a worker's link, as bare as can be: it writes down what it hears."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from shared import link_pb2 as pb
from shared.link import VERSION, SupervisorLink, ToSupervisorBody, ToWorkerBody, supervisor_end

T = TypeVar("T")
WAIT_S = 20.0


@dataclass
class SupervisorEnd:
    """Serves one worker after the other.

    Attributes:
        path: its socket.
        phone: what the welcome asks for.
        acking: whether batches are answered at once.
        heard: every body, in order, hellos included.
    """

    path: Path
    phone: str = ""
    version: int = VERSION
    acking: bool = True
    heard: list[ToSupervisorBody] = field(default_factory=list)
    link: SupervisorLink | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = self.link = supervisor_end(reader, writer)
        with contextlib.suppress(Exception):
            while True:
                body = await link.receive()
                self.heard.append(body)
                self.changed.set()
                if isinstance(body, pb.Hello):
                    await self.say(pb.Welcome(version=self.version, phone=self.phone))
                elif isinstance(body, pb.Inbound) and self.acking:
                    await self.say(pb.BatchAck(batch_id=body.batch_id))
        await link.close()

    async def say(self, body: ToWorkerBody) -> None:
        assert self.link is not None
        await self.link.send(body, timeout_s=5.0)

    async def hang_up(self) -> None:
        assert self.link is not None
        await self.link.close()

    @property
    def batches(self) -> list[pb.Inbound]:
        return [body for body in self.heard if isinstance(body, pb.Inbound)]

    @property
    def events(self) -> list[pb.Event]:
        return [event for batch in self.batches for event in batch.events]

    @property
    def messages(self) -> list[pb.Message]:
        return [event.message for event in self.events if event.HasField("message")]

    @property
    def states(self) -> list[pb.State]:
        return [body for body in self.heard if isinstance(body, pb.State)]

    @property
    def results(self) -> list[pb.SendResult]:
        return [body for body in self.heard if isinstance(body, pb.SendResult)]

    @property
    def code(self) -> str:
        """Return the QR code that was shown last."""
        shown = [body.payload for body in self.heard if isinstance(body, pb.Qr) and body.payload]
        return shown[-1] if shown else ""

    def in_state(self, state: int) -> bool:
        return bool(self.states) and self.states[-1].state == state

    async def wait_for(self, look: Callable[[], T | None], timeout_s: float = WAIT_S) -> T:
        """Return what `look` gives as soon as it is truthy; asked whenever something is heard."""
        async with asyncio.timeout(timeout_s):
            while not (found := look()):
                self.changed.clear()
                await self.changed.wait()
        return found


@asynccontextmanager
async def supervisor(**fields: object) -> AsyncIterator[SupervisorEnd]:
    """Listen where a worker may dial."""
    folder = Path(tempfile.mkdtemp(prefix="wk"))  # pytest's own paths are too long for a socket
    end = SupervisorEnd(folder / "link.sock", **fields)  # type: ignore[arg-type] # a test's table
    server = await asyncio.start_unix_server(end.serve, end.path)
    try:
        yield end
    finally:
        server.close()
        if end.link is not None:
            await end.link.close()
        shutil.rmtree(folder)
