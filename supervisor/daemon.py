"""The daemon: what is started in which order, and stopped in the other; nothing else.

Settings, logs, zygote, places on disk, store, link, API: whatever can refuse to start does so
before anything else happens. Then this instance is PASSIVE, and healthy. The lease makes it ACTIVE;
only then, and only for as long, workers run.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, Final

from shared import logs
from shared.accounts import AccountStatus
from shared.clock import SystemClock
from shared.errors import WakeeperError
from shared.settings import Settings
from supervisor.api.deps import ApiConfig, Deps
from supervisor.events import EventBus
from supervisor.fleet import Fleet
from supervisor.inbox import Inbox
from supervisor.incarnation import FormerSelf, lease_timing, this_incarnation
from supervisor.keeper import Household, Timing
from supervisor.lease import LeaseGuard, LeaseManager, Mode, Standing
from supervisor.lease_desk import LeaseDesk, permit_of
from supervisor.lease_proof import LeaseProof
from supervisor.link_server import LinkServer
from supervisor.listening import Address, PortBusy, listening
from supervisor.outbox_policy import OutboxPolicy
from supervisor.premises import AdminToken, admin_token, prepare, sole_supervisor
from supervisor.processes import WORKER_PROGRAM
from supervisor.restarts import Policy
from supervisor.standby import Duties, StandbyCrew
from supervisor.starts import StartPolicy, Starts
from supervisor.store.contract import Store
from supervisor.store.opening import opened
from supervisor.systemd import Notifier
from supervisor.workers import Launch
from supervisor.zygote import Zygote

__all__ = ["Address", "PortBusy", "run", "serve"]

log = logs.get_logger(__name__)

STATUS_INTERVAL_S: Final = 5.0
WATCHDOG_SHARE: Final = 1 / 3
SETTLE_S: Final = 2.0  # for the first look at the lease, before the address is announced
FORMER_WORKERS_S: Final = 0.2  # to look again when a former worker is still ending
OVERDUE_S: Final = 2.0  # how late the end of a lease may be noticed

Announce = Callable[[Address], None]
Reload = Callable[[], Settings]


class News:
    """That the lease's standing has changed.

    Attributes:
        settled: set once it is known whether somebody else holds the lease.
        heard: set at each change.
    """

    def __init__(self) -> None:
        self.settled = asyncio.Event()
        self.heard = asyncio.Event()

    def hear(self, standing: Standing) -> None:
        """Hear of a change."""
        self.heard.set()
        if standing.mode in (Mode.ACTIVE, Mode.PASSIVE):
            self.settled.set()


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon, all but its lease."""

    address: Address
    fleet: Fleet
    crew: StandbyCrew
    manager: LeaseManager
    guard: LeaseGuard
    news: News


def run(settings: Settings, announce: Announce, reload: Reload | None = None) -> None:
    """Run until SIGTERM or SIGINT.

    Args:
        settings: everything that can be set.
        announce: is told the address, once everything runs.
        reload: reads the settings anew at SIGHUP; what can change meanwhile is the log's level.

    Raises:
        ConfigError: the settings or what they point to forbid the start.
        WakeeperError: it could not start, or something broke that must not.
    """
    if "grpc" in sys.modules:  # it comes with a store, and the zygote comes before any store
        raise RuntimeError("grpc is imported before the zygote has started")
    logs.configure(level=settings.log_level, fmt=settings.log_format)
    os.umask(0o077)
    asyncio.run(_until_signalled(settings, announce, reload))


async def _until_signalled(settings: Settings, announce: Announce, reload: Reload | None) -> None:
    stop, hangup = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked(number: signal.Signals) -> None:
        if stop.is_set() and number is signal.SIGINT:  # twice Ctrl-C: now, workers die with us
            log.warning("stopped_at_once")
            os._exit(128 + number)
        log.info("stop_requested", signal=number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
    if reload is not None:
        loop.add_signal_handler(signal.SIGHUP, hangup.set)
    await serve(settings, stop, announce, hangup=hangup, reload=reload)


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    announce: Announce,
    *,
    worker_command: Sequence[str] | None = None,
    hangup: asyncio.Event | None = None,
    reload: Reload | None = None,
) -> None:
    """Start everything, serve until `stop` is set, and take everything down again.

    Args:
        settings: everything that can be set.
        stop: ends it when it is set.
        announce: is told the address, once everything runs.
        worker_command: another program to run as worker, started anew for each account.
        hangup: has the settings read anew when it is set.
        reload: reads them.

    Raises:
        ConfigError, AlreadyRunning, PortBusy, StoreError, LinkError: it did not start.
        Unreaped: a worker can't be ended; the lease is left to expire.
        ExceptionGroup: a part broke that must not; everything was taken down.
    """
    notifier = Notifier()
    try:
        async with _running(settings, worker_command, notifier.watchdog_s) as daemon:
            watch = _Watch(daemon, notifier, hangup or asyncio.Event(), reload)
            notifier.ready(watch.words())
            holding = asyncio.create_task(daemon.manager.run(), name="lease")
            try:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SETTLE_S):
                        await daemon.news.settled.wait()
                announce(daemon.address)
                await watch.until(stop, holding)
            finally:
                notifier.stopping()
                log.info("stopping")
                await watch.down(holding)
    finally:
        notifier.close()
    log.info("stopped")


class _Watch:
    """The daemon's own loop: what systemd is told, and what must not end before we are asked."""

    def __init__(
        self, daemon: Daemon, notifier: Notifier, hangup: asyncio.Event, reload: Reload | None
    ) -> None:
        self._daemon = daemon
        self._notifier = notifier
        self._hangup = hangup
        self._reload = reload
        watchdog_s = notifier.watchdog_s
        self._interval_s = min(STATUS_INTERVAL_S, (watchdog_s or 60.0) * WATCHDOG_SHARE)

    async def until(self, stop: asyncio.Event, holding: "asyncio.Task[None]") -> None:
        """Return at the word to stop; a broken outbox or lease is raised."""
        stopping = asyncio.create_task(stop.wait())
        hanging = asyncio.create_task(self._hangup.wait())
        news = asyncio.create_task(self._daemon.news.heard.wait())
        try:
            while True:
                broken = self._daemon.crew.broken
                waiting: set[asyncio.Future[Any]] = {stopping, hanging, news, holding, broken}
                done, _ = await asyncio.wait(
                    waiting, timeout=self._interval_s, return_when=asyncio.FIRST_COMPLETED
                )
                if broken in done:
                    broken.result()
                if holding in done:
                    holding.result()
                    raise RuntimeError("the lease's manager ended by itself")
                if stopping in done:
                    return
                if hanging in done:
                    self._read_settings()
                    hanging = asyncio.create_task(self._hangup.wait())
                if news in done:
                    self._daemon.news.heard.clear()
                    news = asyncio.create_task(self._daemon.news.heard.wait())
                self._tell()
        finally:
            for task in (stopping, hanging, news):
                task.cancel()

    async def down(self, holding: "asyncio.Task[None]") -> None:
        """Give the lease back in good order, and stay alive to systemd meanwhile.

        Raises:
            Unreaped: a worker can't be ended.
        """
        self._daemon.manager.end()
        while not holding.done():
            await asyncio.wait({holding}, timeout=self._interval_s)
            if self._is_well():
                self._notifier.alive()
        holding.result()

    def words(self) -> str:
        """Return how it goes, for people."""
        daemon = self._daemon
        guard, standing = daemon.guard, daemon.manager.standing
        if guard.mode is not Mode.ACTIVE:
            by = f" · held by {standing.holder_name}" if guard.mode is Mode.PASSIVE else ""
            return f"{guard.mode.name} · {standing.why}{by if standing.holder_name else ''}"
        views = daemon.fleet.views()
        connected = sum(view.status is AccountStatus.CONNECTED for view in views)
        lease_s = max(0, round(guard.hard_left_s))
        accounts = f"{connected} of {len(views)} connected"
        held = daemon.fleet.condition().starts_held
        return f"ACTIVE epoch {guard.epoch} · {accounts} · lease {lease_s} s" + (
            f" · starts held: {held}" if held else ""
        )

    def _tell(self) -> None:
        self._notifier.status(self.words())
        if self._is_well():
            self._notifier.alive()
        else:
            log.critical("watchdog_withheld", workers=len(self._daemon.fleet.living()))

    def _is_well(self) -> bool:
        """Tell whether the lease is minded: no worker outlives it, and its end is noticed."""
        guard = self._daemon.guard
        if guard.hard_left_s > 0:
            return True
        unnoticed = guard.mode in (Mode.FENCING, Mode.ACTIVE) and guard.hard_left_s < -OVERDUE_S
        return not unnoticed and not self._daemon.fleet.living()

    def _read_settings(self) -> None:
        self._hangup.clear()
        if self._reload is None:
            return
        self._notifier.reloading()
        try:
            settings = self._reload()
        except WakeeperError as error:
            log.error("settings_not_reloaded", error=error)
        else:
            logs.configure(level=settings.log_level, fmt=settings.log_format)
            log.info("settings_reloaded", log_level=settings.log_level)
        self._notifier.ready(self.words())


@contextlib.asynccontextmanager
async def _running(
    settings: Settings, worker_command: Sequence[str] | None, watchdog_s: float | None
) -> AsyncIterator[Daemon]:
    """Give the daemon in its running state; the stack takes it down in the reverse order."""
    timing = lease_timing(settings, watchdog_s)
    prepare(settings)
    clock, news = SystemClock(), News()
    guard = LeaseGuard(clock, timing)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(sole_supervisor(settings.wakeeper_state))
        # Before any store is opened, for one of them brings grpc, and after all workers are gone.
        zygote = None if worker_command else await stack.enter_async_context(Zygote.running())
        token, me = admin_token(settings), this_incarnation(settings)

        def refused(epoch: int) -> None:
            manager.fenced(epoch)

        def look_again() -> None:
            asyncio.get_running_loop().call_later(FORMER_WORKERS_S, manager.nudge)

        stores = await stack.enter_async_context(opened(settings, permit_of(guard, me.id), refused))
        house = replace(
            _household(settings, stores.store, guard, zygote, worker_command),
            prove=LeaseProof(guard, timing, clock),
        )
        fleet = await stack.enter_async_context(_fleet(house))
        duties = Duties(
            stores.store,
            stores.fences,
            fleet,
            house.events,
            clock,
            guard,
            timing,
            me.id,
            OutboxPolicy(message_life_s=settings.outbox_life_s),
        )
        crew = StandbyCrew(duties)
        manager = LeaseManager(
            stores.leases,
            stores.fences,
            crew,
            guard,
            me=me,
            timing=timing,
            clock=clock,
            rng=os.urandom,
            former_is_dead=FormerSelf(me, settings.sessions_path, look_again).is_dead,
            node_is_stopped=settings.node_stopped,
            yields=settings.lease_yields,
            changed=news.hear,
        )
        desk = LeaseDesk(manager, stores.leases, me, timing)
        config = _api_config(settings, token, clock)
        deps = Deps(config, stores.store, fleet, crew, house.events, clock, desk)
        url = await stack.enter_async_context(listening(settings, deps))
        log.info("api_listening", url=url, instance_id=settings.instance_id)
        yield Daemon(Address(url, token), fleet, crew, manager, guard, news)


def _household(
    settings: Settings,
    store: Store,
    guard: LeaseGuard,
    zygote: Zygote | None,
    worker_command: Sequence[str] | None,
) -> Household:
    """Return what the fleet works with; its workers live no longer than the lease."""
    clock, events = SystemClock(), EventBus()
    server = LinkServer(
        settings.link_path,
        Inbox(store, events, clock),
        clock=clock,
        deadline=lambda: guard.hard_ns,
    )
    launch = Launch(settings.for_workers(), worker_command or WORKER_PROGRAM, zygote)
    timing = Timing(heartbeat_interval_s=settings.heartbeat_interval_s)
    return Household(
        launch,
        server,
        store.accounts,
        events,
        clock,
        timing,
        Policy(probation_reset_s=settings.probation_reset_s),
        check=guard.check,
        starts=Starts(StartPolicy(pace_s=settings.start_pace_s), clock),
    )


@contextlib.asynccontextmanager
async def _fleet(house: Household) -> AsyncIterator[Fleet]:
    """Give a fleet that workers can reach; at its end none of them is left."""
    fleet = Fleet(house)
    await house.server.start(fleet)
    try:
        yield fleet
    finally:
        await fleet.drain()
        await house.server.close()


def _api_config(settings: Settings, token: AdminToken, clock: SystemClock) -> ApiConfig:
    return ApiConfig(
        admin_token=token.value,
        namespace=settings.account_namespace,
        max_accounts=settings.max_accounts,
        instance_id=settings.instance_id,
        version=version("wakeeper"),
        started_at_ms=int(clock.wall_s() * 1000),
        commit=settings.git_commit_sha,
        store_name=settings.store,
        sessions_path=settings.sessions_path,
    )
