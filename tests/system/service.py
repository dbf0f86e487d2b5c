"""The shipped unit, installed in a booted machine, and what a test asks and does to it."""

import asyncio
import contextlib
import json
import os
import secrets
import shlex
import signal
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession

from supervisor.lease.timing import LeaseTiming
from tests.simulator import Phone, ScanRefusedError, Simulator
from tests.simulator.directory import Device
from tests.supervisor.processes.house import until_true
from tests.system.machine import ROOT, Machine, name_of

UNIT: Final = "wakeeper.service"
UNIT_FILE: Final = ROOT / "deploy" / UNIT
PHONE: Final = "40712345678"
RUN: Final = "run/wakeeper"
STATE: Final = "var/lib/private/wakeeper"
CGROUP: Final = f"sys/fs/cgroup/system.slice/{UNIT}"
TIMING: Final = (  # the unit's and the lease's own for `make chaos`, else four times as fast
    LeaseTiming()
    if os.environ.get("LEASE_TIMING") == "production"
    else LeaseTiming(watchdog_s=12, abort_s=4).scaled(0.25)
)
LEASE_SETTINGS: Final = (
    *("ttl_s", "hard_s", "soft_s", "renew_s", "rpc_s"),
    *("poll_s", "grace_s", "kill_s", "margin_s"),
)
CREDENTIAL: Final = "etc/credstore/wakeeper.admin-token"

# As a deployment does it, without the network: an environment of its own with copies of our
# packages. Interpreter and dependencies are mounted, as the unit sees neither /root nor /home.
INSTALL: Final = """
set -eu
mkdir -p /opt/python /opt/dependencies /etc/credstore
mount --bind {base} /opt/python
mount --bind {libraries} /opt/dependencies
echo /opt/python/lib >/etc/ld.so.conf.d/opt-python.conf; ldconfig
/opt/python/bin/python{version} -m venv --without-pip /opt/wakeeper
packages=/opt/wakeeper/lib/python{version}/site-packages
echo /opt/dependencies >$packages/dependencies.pth
echo {block} >$packages/block.pth
cp -a {root}/supervisor {root}/worker {root}/shared $packages
cp {root}/deploy/wakeeper.service /etc/systemd/system/
mkdir -p /etc/systemd/system/wakeeper.service.d
systemctl daemon-reload
"""

# Signal 12, SIGUSR2, keeps the main thread, and so the event loop, from everything else.
BLOCKING: Final = signal.SIGUSR2
BLOCK: Final = "import signal; signal.signal(12, lambda *_: __import__('time').sleep(60))"

# Against the simulated service; nothing else can be reached.
DROP_IN: Final = """[Service]
Environment=WHATSAPP_WS_URL={url} WHATSAPP_CERT_ROOT={root} PORT=0 LOG_LEVEL=debug
Environment=ACCOUNT_NAMESPACE=test HEARTBEAT_INTERVAL_S=0.5 {lease}
WatchdogSec={timing.watchdog_s}
TimeoutAbortSec={timing.abort_s}
TimeoutStopSec=15
RestartSec=100ms
IPAddressDeny=any
IPAddressAllow=localhost
{more}
"""


async def install(machine: Machine) -> None:
    """Put program and unit where they belong."""
    script = INSTALL.format(
        base=shlex.quote(sys.base_prefix),
        libraries=shlex.quote(sysconfig.get_path("platlib")),
        version=f"{sys.version_info.major}.{sys.version_info.minor}",
        root=shlex.quote(str(ROOT)),
        block=shlex.quote(BLOCK),
    )
    await machine.must("bash", "-c", script)


@dataclass
class Service:
    """The unit, in a machine, against a simulated service.

    Attributes:
        token: what its API asks for.
        device: what the simulated service knows it as, once it is paired.
        account_id: of its only account.
    """

    machine: Machine
    sim: Simulator
    session: ClientSession
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    device: Device | None = None
    account_id: str = ""
    _cursor: str = ""

    async def configure(self, more: str = "") -> None:
        """Write the drop-in, and the token as a credential."""
        lease = " ".join(
            f"LEASE_{name.upper()}={getattr(TIMING, name):g}" for name in LEASE_SETTINGS
        )
        text = DROP_IN.format(
            url=self.sim.url, root=self.sim.root_public_hex, lease=lease, timing=TIMING, more=more
        )
        folder = self.machine.root / "etc/systemd/system" / f"{UNIT}.d"
        (folder / "test.conf").write_text(text)
        (self.machine.root / CREDENTIAL).write_text(self.token)
        await self.machine.must("systemctl", "daemon-reload")
        if not self._cursor:
            await self._remember_journal()

    # ------------------------------------------------------------------------------- the unit

    async def start(self) -> None:
        """`systemctl start`, which returns when the unit is ready."""
        await self.machine.must("systemctl", "start", UNIT)

    async def stop(self) -> None:
        """`systemctl stop`, which returns when it has ended."""
        await self.machine.must("systemctl", "stop", UNIT)

    async def show(self, name: str) -> str:
        """Return one of the unit's properties."""
        return (await self.machine.must("systemctl", "show", UNIT, "-P", name)).strip()

    async def until_shown(self, name: str, wanted: str, timeout_s: float = 20.0) -> str:
        """Return a property once `wanted` stands in it."""
        async with asyncio.timeout(timeout_s):
            while wanted not in (found := await self.show(name)):  # noqa: ASYNC110 -- systemd's
                await asyncio.sleep(0.1)
        return found

    async def discard(self) -> None:
        """End it however it is, and remove what it kept."""
        await self.machine.run("systemctl", "kill", "-s", "KILL", UNIT)
        await self.machine.run("systemctl", "stop", UNIT)
        await self.machine.run("systemctl", "reset-failed", UNIT)
        await self.machine.run("systemctl", "clean", "--what=state", UNIT)

    # -------------------------------------------------------------------------- its processes

    def processes(self) -> list[int]:
        """Return the pids, on our side, of everything in its cgroup."""
        try:
            text = (self.machine.root / CGROUP / "cgroup.procs").read_text()
        except FileNotFoundError:
            return []
        return [int(pid) for pid in text.split()]

    async def main_pid(self) -> int:
        """Return the supervisor's pid on our side."""
        inside = await self.show("MainPID")
        (pid,) = (pid for pid in self.processes() if pid_inside(pid) == inside)
        return pid

    async def worker_pid(self) -> int:
        """Return the only worker's pid on our side: neither the supervisor nor its zygote."""
        main = await self.main_pid()
        (pid,) = (pid for pid in self.processes() if pid != main and name_of(pid) != "wk zygote")
        return pid

    async def signal_main(self, number: signal.Signals) -> None:
        """Send the supervisor alone a signal."""
        os.kill(await self.main_pid(), number)

    # --------------------------------------------------------------------------- its accounts

    async def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Return the answer to an authorised request."""
        url = (self.machine.root / RUN / "api-address").read_text().strip()
        headers = {"Authorization": f"Bearer {self.token}"}
        request = self.session.request(method, url + path, json=body or None, headers=headers)
        async with request as response:
            response.raise_for_status()
            answer: dict[str, Any] = await response.json()
            return answer

    async def pair(self) -> Phone:
        """Start the unit, add an account, and have its phone scan the code."""
        await self.start()
        phone = await self.sim.phone(PHONE, "Elena")
        await self.until_shown("StatusText", "ACTIVE")
        added = await self.ask("POST", "/api/whatsapp/add-account", phone=f"+{PHONE}", name="Elena")
        self.account_id = added["account"]["id"]
        self.device = await self._scanned(phone)
        await self.connected()
        return phone

    async def connected(self) -> None:
        """Wait until the account is connected, and systemd is told so."""
        assert self.device is not None
        await self.sim.wait_online(self.device, 20.0)
        await self.until_shown("StatusText", "1 of 1 connected")

    def logins(self) -> int:
        """Return how often the paired device has logged in."""
        assert self.device is not None
        return sum(
            log.success_s is not None and log.device == self.device.name
            for log in self.sim.record.connections
        )

    async def _scanned(self, phone: Phone) -> Device:
        async with asyncio.timeout(20.0):
            while True:
                shown = await self.ask("GET", f"/api/whatsapp/qr/{self.account_id}?format=json")
                with contextlib.suppress(ScanRefusedError):
                    if shown.get("qr"):
                        return await phone.scan(shown["qr"])
                await asyncio.sleep(0.1)

    # ---------------------------------------------------------------------------- its journal

    async def journal(self) -> list[dict[str, Any]]:
        """Return what the journal has of this test: the unit's lines, and systemd's about it."""
        await self.machine.must("journalctl", "--sync")
        text = await self.machine.must(
            *("journalctl", "-u", UNIT, "-o", "json", "--all", "--no-pager"),
            f"--after-cursor={self._cursor}",
        )
        return [json.loads(line) for line in text.splitlines()]

    async def events(self) -> list[dict[str, Any]]:
        """Return the structured lines among them."""
        messages = [str(entry["MESSAGE"]) for entry in await self.journal()]
        return [json.loads(text) for text in messages if text.startswith("{")]

    async def logged(self, event: str) -> dict[str, Any]:
        """Return the last line of an event."""
        found = [line for line in await self.events() if line["event"] == event]
        assert found, f"no {event} in the journal"
        return found[-1]

    async def _remember_journal(self) -> None:
        await self.machine.must("journalctl", "--sync")
        said = await self.machine.must("journalctl", "-n", "1", "-q", "--show-cursor")
        self._cursor = said.rpartition("-- cursor: ")[2].strip()


def pid_inside(pid: int) -> str:
    """Return the pid that a process has in its own namespace."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return line.split()[-1]
    return ""


def living(*pids: int) -> list[int]:
    """Return which of these processes there still are."""
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


async def gone(*pids: int, timeout_s: float = 20.0) -> None:
    """Wait until processes have ended."""
    await until_true(lambda: not living(*pids), timeout_s)
