"""Clients that nobody here wrote, as processes that a test drives with JSON lines."""

import asyncio
import contextlib
import itertools
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.interop.node_oracle import node_command
from tests.simulator import Phone, Simulator
from tests.simulator.directory import Device

CLIENTS = Path(__file__).parent / "clients"
ROOT = Path(__file__).parents[2]
WITNESS_PYTHON = ROOT / ".venv-witness" / "bin" / "python"
START_S = 30.0
WAIT_S = 20.0
END_S = 5.0
LINE_BYTES = 1 << 20

Event = dict[str, Any]


class WitnessError(Exception):
    """A witness refused a command; the text is its own."""


class Witness:
    """One client process. Use `running`; then `connect`, `pair`, `send`, `wait_message`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.events: list[Event] = []
        self.device: Device | None = None
        self._process = process
        self._ids = itertools.count(1)
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def running(
        cls, command: list[str], environment: dict[str, str] | None = None
    ) -> "AsyncIterator[Witness]":
        """Start the client and end it, whatever happens in the block."""
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=CLIENTS,
            env=os.environ | (environment or {}),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
        )
        witness = cls(process)
        try:
            await witness.wait("ready", timeout_s=START_S)
            yield witness
        finally:
            await witness._end()

    @property
    def pid(self) -> int:
        """The client's process."""
        return self._process.pid

    async def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        async with asyncio.timeout(END_S):
            await self._process.wait()
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._news:
                self.events.append(json.loads(line))
                self._news.notify_all()

    async def wait(
        self,
        kind: str,
        where: Callable[[Event], bool] = lambda _event: True,
        *,
        timeout_s: float = WAIT_S,
        after: int = 0,
    ) -> Event:
        """Return the first event of this kind that fits, from number `after` on.

        Raises:
            TimeoutError: there was none in time.
        """
        async with asyncio.timeout(timeout_s), self._news:
            while True:
                for event in self.events[after:]:
                    if event["event"] == kind and where(event):
                        return event
                await self._news.wait()

    async def do(self, op: str, *, timeout_s: float = WAIT_S, **arguments: Any) -> Any:
        """Give a command and return its value.

        Raises:
            WitnessError: the client could not do it.
        """
        number = next(self._ids)
        line = json.dumps({"id": number, "op": op, **arguments}) + "\n"
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode())
        reply = await self.wait("reply", lambda e: e["id"] == number, timeout_s=timeout_s)
        if not reply["ok"]:
            raise WitnessError(reply["error"])
        return reply["value"]

    async def pair(self, sim: Simulator, phone: Phone) -> Device:
        """Connect, let `phone` scan the code, and wait until the device is online."""
        await self.do("connect")
        device = await phone.scan((await self.wait("qr"))["qr"])
        self.device = device
        await self.wait("open")
        await sim.wait_online(device)
        return device

    async def reconnect(self, sim: Simulator) -> None:
        """Connect with stored credentials, and wait until everything that waited has come."""
        assert self.device is not None
        await self.do("connect")
        await sim.wait_online(self.device)

    async def disconnect(self, sim: Simulator) -> None:
        """Disconnect, and wait until the service has seen it."""
        device = self.device
        assert device is not None
        await self.do("disconnect")
        await sim.wait_for(lambda: not sim.online(device))

    async def send(self, to: str, text: str) -> str:
        """Send a text to a JID; return the message id."""
        sent: str = await self.do("send", to=to, text=text)
        return sent

    async def wait_message(self, text: str, *, timeout_s: float = WAIT_S) -> Event:
        """Return the message with this text."""
        return await self.wait("message", lambda e: e["text"] == text, timeout_s=timeout_s)

    def messages(self) -> list[Event]:
        """Return all messages, unreadable ones included."""
        return [event for event in self.events if event["event"] == "message"]

    def problems(self) -> list[Event]:
        """Return the messages that it could not read."""
        return [event for event in self.messages() if event["problem"]]


def baileys_command(sim: Simulator, folder: Path) -> list[str]:
    """Return how Baileys is started, or skip the test where it is not installed."""
    folder.mkdir(parents=True, exist_ok=True)
    script = str(CLIENTS / "baileys.mjs")
    return node_command(script, sim.url, sim.root_public_hex, str(folder))


def whatsmeow_command(sim: Simulator, folder: Path) -> list[str]:
    """Return how whatsmeow is started, or skip the test where neonize is not installed."""
    if not WITNESS_PYTHON.exists():
        reason = f"neonize is not installed: run `make witnesses` (needs {WITNESS_PYTHON})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder.mkdir(parents=True, exist_ok=True)
    script = str(CLIENTS / "whatsmeow.py")
    return [str(WITNESS_PYTHON), script, sim.url, sim.root_public_hex, str(folder)]


__all__ = ["Event", "Witness", "WitnessError", "baileys_command", "whatsmeow_command"]
