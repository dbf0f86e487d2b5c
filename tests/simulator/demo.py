"""`make demo`: everything runs, and no phone is needed.

A simulated WhatsApp and its phones in this process; the real supervisor with its real workers
beside it, in a state directory that is gone afterwards. A phone scans the QR code of the account,
contacts write, and they answer what is written to them in the dashboard.
"""

import argparse
import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.simulator.directory import Device
from tests.simulator.errors import ScanRefusedError
from tests.simulator.phone import Phone
from tests.simulator.phone_inbox import Received
from tests.simulator.server import Simulator

OWNER = ("40712345678", "Elena Pop")
CONTACTS = {
    "40722100200": ("Ana Ionescu", "Hi! Are you open on Saturday?"),
    "40733300400": ("Mihai Stan", "Hello, I'd like to order a cake for Friday."),
    "40744500600": ("Radu Marin", "Good morning! Is my parcel ready?"),
}
GROUP = ("Bakery team", "The oven is fixed, we can start at six.")
ANSWERS = ("Thank you!", "Great, that helps.", "Perfect, see you then.", "Got it, thanks a lot.")

DEFAULT_PORT = 8080
SCAN_AFTER_S = 8.0
ANSWER_AFTER_S = 1.5
GREETING_EVERY_S = 1.2
START_S = 60.0
PAIR_S = 120.0
STOP_S = 40.0
POLL_S = 0.25
REQUEST_S = 10.0

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Daemon:
    """The supervisor, as this script sees it.

    Attributes:
        url: where its API is.
        token: what its API asks for.
        process: the program.
        log: where its output goes.
    """

    url: str
    token: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def page(self) -> str:
        """The dashboard, signed in."""
        return f"{self.url}/dashboard/#token={self.token}"

    async def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """Return the answer of the API; raises aiohttp.ClientError."""
        headers = {"Authorization": f"Bearer {self.token}"}
        timeout = aiohttp.ClientTimeout(total=REQUEST_S)
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.request(method, self.url + path, json=body) as response,
        ):
            response.raise_for_status()
            answer: Json = await response.json()
            return answer

    def check(self) -> None:
        """Raise DemoError if the program has ended."""
        if self.process.returncode is not None:
            lines = self.log.read_text(errors="replace").splitlines()[-15:]
            raise DemoError("the supervisor has ended:\n  " + "\n  ".join(lines))


class DemoError(Exception):
    """The demo can't go on; the text says why."""


def main() -> None:
    """Run until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator.demo")
    parser.add_argument("--scan-after", type=float, default=SCAN_AFTER_S, metavar="SECONDS")
    try:
        asyncio.run(_demo(parser.parse_args().scan_after))
    except DemoError as error:
        sys.exit(f"The demo ended: {error}")


async def _demo(scan_after_s: float) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    folder = Path(tempfile.mkdtemp(prefix="wakeeper-demo-"))
    try:
        async with Simulator() as sim, _daemon(sim, folder) as daemon:
            story = asyncio.create_task(_story(sim, daemon, scan_after_s))
            ended = asyncio.create_task(daemon.process.wait())
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({ended, stopped, story}, return_when=asyncio.FIRST_COMPLETED)
            await _finish(story, ended, stopped, daemon)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _finish(
    story: "asyncio.Task[None]",
    ended: "asyncio.Task[int]",
    stopped: "asyncio.Task[bool]",
    daemon: Daemon,
) -> None:
    """Tell how it ended, and leave no task behind."""
    if story.done():
        story.result()
    for task in (story, ended, stopped):
        task.cancel()
    await asyncio.gather(story, ended, stopped, return_exceptions=True)
    daemon.check()
    _say("\nStopping; everything the demo made is removed.")


@contextlib.asynccontextmanager
async def _daemon(sim: Simulator, folder: Path) -> AsyncIterator[Daemon]:
    """Run the supervisor against the simulated service, and end it."""
    token, port = secrets.token_urlsafe(16), _free_port()
    log = folder / "wakeeper.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "supervisor", "run"),
            cwd=Path(__file__).parents[2],
            env=_environment(sim, folder, token, port),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )
    daemon = Daemon(f"http://127.0.0.1:{port}", token, process, log)
    try:
        yield daemon
    finally:
        await _end(process)


def _environment(sim: Simulator, folder: Path, token: str, port: int) -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {
        **os.environ,
        "PYTHONPATH": root,
        "WHATSAPP_WS_URL": sim.url,
        "WHATSAPP_CERT_ROOT": sim.root_public_hex,
        "WAKEEPER_STATE": str(folder / "state"),
        "SESSIONS_PATH": str(folder / "state" / "sessions"),
        "RUN_PATH": str(folder / "run"),
        "STORE": "sqlite",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "ADMIN_TOKEN": token,
        "LOG_FORMAT": "json",
    }


def _free_port() -> int:
    """Return the port that was asked for; else the usual one, or any if that one is taken."""
    asked = os.environ.get("PORT")
    for port in (int(asked),) if asked else (DEFAULT_PORT, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found: int = probe.getsockname()[1]
            return found
    raise DemoError(f"port {asked or DEFAULT_PORT} is taken: set PORT to another one")


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _story(sim: Simulator, daemon: Daemon, scan_after_s: float) -> None:
    await _until_up(daemon)
    owner = await sim.phone(*OWNER)
    contacts = [await sim.phone(number, name) for number, (name, _) in CONTACTS.items()]
    number, name = OWNER
    added = await daemon.ask(
        "POST", "/api/whatsapp/add-account", {"name": name, "phone": f"+{number}"}
    )
    _introduce(daemon, scan_after_s)
    device = await _link(daemon, owner, added["account"]["id"], scan_after_s)
    await sim.wait_online(device, PAIR_S)
    _say("The account is connected. Its contacts write now; answer them in the dashboard.")
    await _greet(owner, contacts)
    _say("Press Ctrl-C to stop.")
    await asyncio.Event().wait()


async def _until_up(daemon: Daemon) -> None:
    async with asyncio.timeout(START_S):
        while True:
            daemon.check()
            with contextlib.suppress(aiohttp.ClientError):
                if (await daemon.ask("GET", "/health"))["mode"] == "active":
                    return
            await asyncio.sleep(POLL_S)


def _introduce(daemon: Daemon, scan_after_s: float) -> None:
    _say(
        f"""
  Wakeeper runs against a simulated WhatsApp: no phone is needed, nothing leaves this machine.

  Open the dashboard:  {daemon.page}

  A simulated phone scans the QR code in {scan_after_s:.0f} seconds. Log: {daemon.log}
"""
    )


async def _link(daemon: Daemon, owner: Phone, account_id: str, scan_after_s: float) -> Device:
    """Scan the account's QR code, after giving people time to see it."""
    await _qr(daemon, account_id)
    await asyncio.sleep(scan_after_s)
    async with asyncio.timeout(PAIR_S):
        while True:
            try:
                return await owner.scan(await _qr(daemon, account_id))
            except ScanRefusedError:  # the code changed between the look and the scan
                await asyncio.sleep(POLL_S)


async def _qr(daemon: Daemon, account_id: str) -> str:
    async with asyncio.timeout(START_S):
        while True:
            daemon.check()
            shown = await daemon.ask("GET", f"/api/whatsapp/qr/{account_id}?format=json")
            if shown.get("qr"):
                code: str = shown["qr"]
                return code
            await asyncio.sleep(POLL_S)


async def _greet(owner: Phone, contacts: list[Phone]) -> None:
    for phone in contacts:
        _answer(phone)
        phone.send(owner, CONTACTS[phone.number][1])
        await asyncio.sleep(GREETING_EVERY_S)
    subject, text = GROUP
    group = contacts[0].create_group(subject, [owner, *contacts[1:]])
    contacts[0].send_group(group, text)


def _answer(phone: Phone) -> None:
    """Let a contact read what it is sent, and answer it like a person: after a moment."""
    loop, answers = asyncio.get_running_loop(), iter(ANSWERS * 100)
    owner = OWNER[0]

    def reply(received: Received) -> None:
        if received.chat.endswith("@g.us") or not received.text:
            return
        loop.call_later(ANSWER_AFTER_S / 2, phone.read, received)
        loop.call_later(ANSWER_AFTER_S, phone.send, owner, next(answers))

    phone.reply = reply


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
