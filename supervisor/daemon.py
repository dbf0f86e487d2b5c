"""The daemon: what is started in which order, and stopped in the other; nothing else.

Settings, logs, places on disk, store, link, outbox, API, and at last the fleet: whatever can
refuse to start does so before the first worker runs.
"""

import asyncio
import contextlib
import errno
import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from aiohttp import web

from shared import logs
from shared.accounts import AccountStatus
from shared.clock import SystemClock
from shared.errors import ConfigError, WakeeperError
from shared.settings import Settings
from supervisor.api.app import create_app
from supervisor.api.deps import ApiConfig, Deps
from supervisor.events import EventBus
from supervisor.fleet import Fleet
from supervisor.inbox import Inbox
from supervisor.keeper import Household, Timing
from supervisor.link_server import LinkServer
from supervisor.outbox import Outbox
from supervisor.premises import (
    AdminToken,
    admin_token,
    prepare,
    publish_address,
    sole_supervisor,
    withdraw_address,
)
from supervisor.processes import WORKER_PROGRAM
from supervisor.store.sqlite import SqliteStore
from supervisor.systemd import Notifier
from supervisor.workers import Launch
from supervisor.zygote import Zygote

log = logs.get_logger(__name__)

API_SHUTDOWN_S: Final = 5.0  # for requests that are being answered
OUTBOX_SHUTDOWN_S: Final = 20.0  # for messages that are being sent
STATUS_INTERVAL_S: Final = 5.0


class PortBusy(WakeeperError):
    """The API's address is taken by another program."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the API is, and what it asks for."""

    url: str
    token: AdminToken

    @property
    def dashboard(self) -> str:
        """The dashboard's address."""
        return f"{self.url}/dashboard/"


Announce = Callable[[Address], None]


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon: where its API is, and what must not end before it does."""

    address: Address
    fleet: Fleet
    outbox: "asyncio.Task[None]"


def run(settings: Settings, announce: Announce) -> None:
    """Run until SIGTERM or SIGINT.

    Args:
        settings: everything that can be set.
        announce: is told the address, once everything runs.

    Raises:
        ConfigError: the settings or what they point to forbid the start.
        WakeeperError: it could not start, or something broke that must not.
    """
    logs.configure(level=settings.log_level, fmt=settings.log_format)
    os.umask(0o077)
    asyncio.run(_until_signalled(settings, announce))


async def _until_signalled(settings: Settings, announce: Announce) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked(number: signal.Signals) -> None:
        if stop.is_set() and number is signal.SIGINT:  # twice Ctrl-C: now, workers die with us
            log.warning("stopped_at_once")
            os._exit(128 + number)
        log.info("stop_requested", signal=number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
    await serve(settings, stop, announce)


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    announce: Announce,
    *,
    worker_command: Sequence[str] | None = None,
) -> None:
    """Start everything, serve until `stop` is set, and take everything down again.

    Args:
        settings: everything that can be set.
        stop: ends it when it is set.
        announce: is told the address, once everything runs.
        worker_command: another program to run as worker, started anew for each account.

    Raises:
        ConfigError, AlreadyRunning, PortBusy, StoreError, LinkError: it did not start.
        ExceptionGroup: a part broke that must not; everything was taken down.
    """
    notifier = Notifier()
    try:
        async with _running(settings, worker_command) as daemon:
            announce(daemon.address)
            notifier.ready(_status(daemon.fleet))
            await _serve_until(stop, daemon, notifier)
            notifier.stopping()
            log.info("stopping")
    finally:
        notifier.close()
    log.info("stopped")


async def _serve_until(stop: asyncio.Event, daemon: Daemon, notifier: Notifier) -> None:
    """Wait for the word to stop; a broken outbox is a word too."""
    stopping = asyncio.create_task(stop.wait())
    waiting = {stopping, daemon.outbox}
    try:
        while True:
            done, _ = await asyncio.wait(
                waiting, timeout=STATUS_INTERVAL_S, return_when=asyncio.FIRST_COMPLETED
            )
            if daemon.outbox in done:
                daemon.outbox.result()
                raise RuntimeError("the outbox ended by itself")
            if stopping in done:
                return
            notifier.status(_status(daemon.fleet))
    finally:
        stopping.cancel()


@contextlib.asynccontextmanager
async def _running(
    settings: Settings, worker_command: Sequence[str] | None
) -> AsyncIterator[Daemon]:
    """Give the daemon in its running state; the stack takes it down in the reverse order."""
    if settings.store != "sqlite":
        raise ConfigError(
            f"STORE={settings.store} can't be used yet in this version", hint="use STORE=sqlite"
        )
    prepare(settings)
    clock, events = SystemClock(), EventBus()
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(sole_supervisor(settings.wakeeper_state))
        # Before any store is opened, for one of them brings grpc, and after all workers are gone.
        zygote = None if worker_command else await stack.enter_async_context(Zygote.running())
        token = admin_token(settings)
        store = await SqliteStore.open(settings.sqlite_path)
        stack.push_async_callback(store.close)
        server = LinkServer(settings.link_path, Inbox(store, events, clock), clock=clock)
        launch = Launch(settings.for_workers(), worker_command or WORKER_PROGRAM, zygote)
        timing = Timing(heartbeat_interval_s=settings.heartbeat_interval_s)
        fleet = Fleet(Household(launch, server, store.accounts, events, clock, timing))
        await server.start(fleet)
        stack.push_async_callback(server.close)
        stack.push_async_callback(fleet.drain)
        outbox = Outbox(store, fleet, events, clock, owner=secrets.token_hex(16))
        delivering = await stack.enter_async_context(_delivering(outbox))
        deps = Deps(_api_config(settings, token, clock), store, fleet, outbox, events, clock)
        url = await stack.enter_async_context(_api(settings, deps))
        log.info("api_listening", url=url, instance_id=settings.instance_id)
        await fleet.start()
        yield Daemon(Address(url, token), fleet, delivering)


@contextlib.asynccontextmanager
async def _delivering(outbox: Outbox) -> "AsyncIterator[asyncio.Task[None]]":
    """Deliver messages meanwhile; at the end, let those finish that are being sent."""
    task = asyncio.create_task(outbox.run(), name="outbox")
    try:
        yield task
    finally:
        outbox.stop()
        _, late = await asyncio.wait({task}, timeout=OUTBOX_SHUTDOWN_S)
        if late:
            log.warning("outbox_cut_short", waited_s=OUTBOX_SHUTDOWN_S)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def _api(settings: Settings, deps: Deps) -> AsyncIterator[str]:
    """Serve the API meanwhile; give its address.

    Raises:
        PortBusy: another program listens there.
        ConfigError: HOST is no address of this machine.
    """
    runner = web.AppRunner(create_app(deps), access_log=None, shutdown_timeout=API_SHUTDOWN_S)
    await runner.setup()
    try:
        await _bind(runner, settings.host, settings.port)
        url = _url(settings.host, runner.addresses[0][1])
        publish_address(settings.run_path, url)
        yield url
    finally:
        withdraw_address(settings.run_path)
        await runner.cleanup()


async def _bind(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortBusy(
                f"port {port} of {host} is in use by another program",
                hint="stop that one, or set PORT to a free port (0 takes any)",
            ) from error
        raise ConfigError(
            f"the API can't listen on {host}, port {port}: {error.strerror}",
            hint="set HOST to an address of this machine, and PORT to one you may use",
        ) from error


def _url(host: str, port: int) -> str:
    """Return where a browser on this machine finds the API."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _api_config(settings: Settings, token: AdminToken, clock: SystemClock) -> ApiConfig:
    return ApiConfig(
        admin_token=token.value,
        namespace=settings.account_namespace,
        max_accounts=settings.max_accounts,
        instance_id=settings.instance_id,
        version=version("wakeeper"),
        started_at_ms=int(clock.wall_s() * 1000),
        commit=settings.git_commit_sha,
    )


def _status(fleet: Fleet) -> str:
    views = fleet.views()
    connected = sum(view.status is AccountStatus.CONNECTED for view in views)
    return f"{connected} of {len(views)} accounts connected"
