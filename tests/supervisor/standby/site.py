"""Real supervisors with real workers that share one store and one sessions directory.

Each is the program as systemd starts it, in a process of its own; the WhatsApp service is
simulated, and its record is the witness of who was connected when.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from supervisor.lease.timing import LeaseTiming
from supervisor.store.sqlite_leases import SqliteLeases
from tests.simulator import Rule, Simulator
from tests.simulator.directory import Device
from tests.simulator.errors import ScanRefusedError

ROOT = Path(__file__).parents[3]
TOKEN = "standby-test-token"
LOOK_S = 0.03
# The defaults, ten times as fast; workers get a little more time to be reaped on a busy machine.
SCALED: Mapping[str, float] = {
    "ttl_s": 4.5, "hard_s": 3.6, "soft_s": 2.4, "renew_s": 0.6, "rpc_s": 0.4, "poll_s": 0.5,
    "grace_s": 0.8, "kill_s": 0.4, "margin_s": 0.5,
}  # fmt: skip
PRODUCTION: Mapping[str, float] = {name: getattr(LeaseTiming(), name) for name in SCALED}
IS_PRODUCTION = os.environ.get("LEASE_TIMING") == "production"  # `make chaos`
TIMING = PRODUCTION if IS_PRODUCTION else SCALED
MANY = 20 if IS_PRODUCTION else 3  # accounts, where their number matters
PATIENCE_S = 40.0 + 2 * TIMING["ttl_s"]


def boot_s() -> float:
    """Return CLOCK_BOOTTIME, which is also SQLite's server time."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


async def until(condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    """Wait for something that tells nobody (a process, a file) by looking often."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 -- see above
            await asyncio.sleep(LOOK_S)


def alive(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


@dataclass
class Instance:
    """One supervisor."""

    name: str
    environment: dict[str, str]
    folder: Path
    session: ClientSession
    process: asyncio.subprocess.Process | None = None
    starts: int = 0

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}-{self.starts}.log"

    async def start(self) -> None:
        """Start the program; returns when its API answers."""
        self.starts += 1
        run = self.folder / f"run-{self.name}"
        run.mkdir(exist_ok=True)
        (run / "api-address").unlink(missing_ok=True)
        with self.log.open("wb") as output:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "supervisor", "run"),
                cwd=ROOT,
                env={**self.environment, "RUN_PATH": str(run)},
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        await until(lambda: self.ended or (run / "api-address").exists())
        assert not self.ended, self.tail()

    @property
    def ended(self) -> bool:
        return self.process is not None and self.process.returncode is not None

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    @property
    def url(self) -> str:
        return (self.folder / f"run-{self.name}" / "api-address").read_text().strip()

    async def ask(
        self, method: str, path: str, body: Any = None
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        """Return status, JSON and headers of an authorised request."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.session.request(
            method, self.url + path, json=body, headers=headers
        ) as response:
            return response.status, await response.json(), response.headers

    async def get(self, path: str) -> dict[str, Any]:
        return (await self.ask("GET", path))[1]

    async def until_ready(
        self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """Return the first `/ready` that is as wanted."""
        last: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    with contextlib.suppress(ClientError, TimeoutError, FileNotFoundError):
                        last = await self.get("/ready")
                        if wanted(last):
                            return last
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise AssertionError(f"{self.name}: {last}\n{self.tail()}") from None

    async def until_mode(self, mode: str, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        return await self.until_ready(lambda ready: ready["mode"] == mode, timeout_s)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor alone."""
        # Not by `Process`, which reaps on the way and so takes the exit status from asyncio.
        os.kill(self.pid, number)

    async def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Return its exit status."""
        assert self.process is not None
        async with asyncio.timeout(timeout_s):
            return await self.process.wait()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log's lines about an event, in order, of this start."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line[line.index("{") :])
                if entry.get("event") == name:
                    found.append(entry)
        return found

    def workers(self) -> list[int]:
        """Return the pids of its workers that live."""
        pids = [entry["pid"] for entry in self.events("worker_spawned")]
        return [pid for pid in pids if alive(pid)]

    async def end(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self.process is None or self.ended:
            return
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        await self.wait()


@dataclass
class Site:
    """Supervisors, what they share, and the service."""

    folder: Path
    sim: Simulator
    session: ClientSession
    extra: Mapping[str, str]
    instances: list[Instance] = field(default_factory=list)
    devices: dict[str, Device] = field(default_factory=dict)  # by account id

    @property
    def sessions(self) -> Path:
        return self.folder / "sessions"

    @property
    def database(self) -> Path:
        return self.folder / "wakeeper.db"

    def instance(self, name: str, *, state: str = "", **environment: str) -> Instance:
        """Return a supervisor that is not started; `state` names its state directory."""
        known = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT),
            "WAKEEPER_STATE": str(self.folder / f"state-{state or name}"),
            "SESSIONS_PATH": str(self.sessions), "SQLITE_PATH": str(self.database),
            "INSTANCE_ID": name, "PORT": "0", "ADMIN_TOKEN": TOKEN, "LOG_FORMAT": "json",
            "ACCOUNT_NAMESPACE": "test", "HEARTBEAT_INTERVAL_S": "0.5", "START_PACE_S": "0",
            "WHATSAPP_WS_URL": self.sim.url, "WHATSAPP_CERT_ROOT": self.sim.root_public_hex,
        }  # fmt: skip
        lease = {f"LEASE_{name.upper()}": str(value) for name, value in TIMING.items()}
        made = Instance(
            name, {**known, **lease, **self.extra, **environment}, self.folder, self.session
        )
        self.instances.append(made)
        return made

    async def started(
        self, name: str, *, mode: str, state: str = "", **environment: str
    ) -> Instance:
        """Return a supervisor that runs in a mode."""
        instance = self.instance(name, state=state, **environment)
        await instance.start()
        await instance.until_mode(mode)
        return instance

    # ------------------------------------------------------------------------------- accounts

    async def pair(self, instance: Instance, count: int) -> None:
        """Add accounts, and have phones of their own scan what they show."""
        await asyncio.gather(*(self._pair(instance, number) for number in range(count)))

    async def _pair(self, instance: Instance, number: int) -> None:
        digits = f"4070000{number:04d}"
        phone = await self.sim.phone(digits)
        status, body, _ = await instance.ask(
            "POST", "/api/whatsapp/add-account", {"phone": f"+{digits}"}
        )
        assert status == 200, body
        account_id = body["account"]["id"]
        async with asyncio.timeout(PATIENCE_S):
            while account_id not in self.devices:
                shown = await instance.get(f"/api/whatsapp/qr/{account_id}?format=json")
                if shown.get("qr"):
                    with contextlib.suppress(ScanRefusedError):
                        self.devices[account_id] = await phone.scan(shown["qr"])
                await asyncio.sleep(LOOK_S)
        await self.sim.wait_online(self.devices[account_id], PATIENCE_S)
        await self.until_status(instance, "connected", account_id)

    async def until_status(self, instance: Instance, status: str, account_id: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                accounts = (await instance.get("/api/whatsapp/accounts"))["accounts"]
                if any((a["id"], a["status"]) == (account_id, status) for a in accounts):
                    return
                await asyncio.sleep(LOOK_S)

    async def until_connected(self, instance: Instance) -> None:
        """Wait until an instance has all accounts connected, and the service says so too."""
        await instance.until_ready(
            lambda ready: ready["mode"] == "active" and ready["connected"] == len(self.devices)
        )
        for device in self.devices.values():
            await self.sim.wait_online(device, PATIENCE_S)

    async def send(self, instance: Instance, text: str) -> None:
        """Have every account write to a phone, which gets each message once."""
        friend = await self.sim.phone("40799999999")
        for account_id in self.devices:
            status, body, _ = await instance.ask(
                "POST", "/api/whatsapp/send-message",
                {"accountId": account_id, "to": friend.number, "message": f"{text} {account_id}"},
            )  # fmt: skip
            assert (status, body.get("status")) == (200, "sent"), (body, instance.tail())
            await friend.wait_received(f"{text} {account_id}", timeout_s=PATIENCE_S)

    # -------------------------------------------------------------------------------- the truth

    async def lease(self) -> dict[str, Any]:
        """Return the lease document, with the server's time of its last write in seconds."""
        leases = await SqliteLeases.open(self.database)
        try:
            seen = await leases.read(timeout_s=5.0)
        finally:
            await leases.close()
        return {**(seen.stored or {}), "updated_s": seen.updated_ns / 1e9}

    def check_exclusive(self) -> None:
        """Check that no device was ever connected twice, nor linked anew."""
        record = self.sim.record
        assert record.broken(Rule.STALE_BYTES) == []
        assert [log for log in record.connections if log.stale_bytes] == []
        assert record.overlaps() == []
        linked = [len(phone.companions) for phone in self.sim.phones.values() if phone.companions]
        assert linked == [1] * len(self.devices)


@contextlib.asynccontextmanager
async def open_site(**extra: str) -> AsyncIterator[Site]:
    """Give a site, and leave no process behind."""
    folder = Path(tempfile.mkdtemp(prefix="wk"))
    async with Simulator() as sim, ClientSession(timeout=ClientTimeout(total=10)) as session:
        site = Site(folder, sim, session, extra)
        try:
            yield site
        finally:
            for instance in site.instances:
                await instance.end()
            workers = [pid for each in site.instances if each.starts for pid in each.workers()]
            await until(lambda: not any(alive(pid) for pid in workers))
            shutil.rmtree(folder, ignore_errors=True)
