"""A fleet of stand-ins over a real socket and a real store, and ways to wait for what happens."""

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shared import link_pb2 as pb
from shared.accounts import AccountStatus
from shared.clock import SystemClock
from shared.disconnects import Backoff
from shared.settings import Settings
from shared.worker_settings import WorkerSettings
from supervisor.events import AccountState, EventBus, Subscription
from supervisor.fleet import Fleet
from supervisor.inbox import Inbox
from supervisor.keeper import Household, Timing
from supervisor.link_server import LinkServer
from supervisor.restarts import Policy
from supervisor.store.records import AccountRecord
from supervisor.store.sqlite import SqliteStore
from supervisor.workers import Launch

STANDIN = Path(__file__).with_name("standin.py")
PATIENCE_S = 20.0
ACCOUNT = "account_test_1"
FAST = Timing(heartbeat_interval_s=0.1, missed_beats=5, hello_timeout_s=10.0, stop_grace_s=5.0)
QUICK_RETRY = Policy(
    backoff=Backoff(floor_s=0.01, base_s=0.01, cap_s=0.05),
    cool_off_s=60.0,
    probation_delay_s=0.01,
    lock_delay_s=0.01,
)


def standin(behaviour: str) -> tuple[str, ...]:
    """Return the command of a stand-in that behaves so."""
    return (sys.executable, "-P", str(STANDIN), behaviour)


def worker_settings(state: Path, run: Path) -> WorkerSettings:
    """Return settings for workers whose files are in `state` and whose socket is in `run`."""
    settings = Settings(wakeeper_state=state, run_path=run).for_workers()
    return replace(settings, heartbeat_interval_s=FAST.heartbeat_interval_s)


class FlakyInbox:
    """An inbox whose store refuses the first few batches."""

    def __init__(self, inbox: Inbox, refusals: int) -> None:
        self._inbox = inbox
        self.refusals = refusals
        self.asked = 0

    async def accept(self, account_id: str, inbound: pb.Inbound) -> None:
        """Refuse, then do as the real one."""
        self.asked += 1
        if self.asked <= self.refusals:
            raise OSError("the store is away")
        await self._inbox.accept(account_id, inbound)


@dataclass
class House:
    """Everything around the fleet."""

    store: SqliteStore
    events: EventBus
    server: LinkServer
    inbox: FlakyInbox
    household: Household
    fleet: Fleet
    run: Path

    async def account(
        self, account_id: str = ACCOUNT, status: AccountStatus = AccountStatus.CONNECTING,
        **fields: Any,
    ) -> AccountRecord:  # fmt: skip
        """Put an account into the store."""
        record = AccountRecord(account_id, "test", "+40700000001", status, 1, 1, **fields)
        return await self.store.accounts.create(record)

    async def started(self, account_id: str = ACCOUNT) -> None:
        """Add an account, and wait until its stand-in is connected."""
        await self.account(account_id)
        async with self.events.subscribe() as events:
            await self.fleet.ensure(account_id)
            await until_status(events, AccountStatus.CONNECTED, account_id)

    def file(self, name: str, account_id: str = ACCOUNT) -> str:
        """Return what the stand-in wrote into its directory."""
        sessions = self.household.launch.settings.sessions_path
        return (sessions / account_id / name).read_text()


@contextlib.asynccontextmanager
async def open_house(
    state: Path,
    behaviour: str = "connect",
    *,
    refusals: int = 0,
    timing: Timing = FAST,
    policy: Policy = QUICK_RETRY,
    launch: Callable[[WorkerSettings], Launch] | None = None,
) -> AsyncIterator[House]:
    """Give a house, and leave no process behind; `launch` says how workers are started."""
    run = Path(tempfile.mkdtemp(prefix="wk"))  # pytest's own paths are too long for a socket
    clock, events = SystemClock(), EventBus()
    store = await SqliteStore.open(state / "wakeeper.db")
    inbox = FlakyInbox(Inbox(store, events, clock), refusals)
    settings = worker_settings(state, run)
    server = LinkServer(settings.link_path, inbox, clock=clock)
    how = launch(settings) if launch else Launch(settings=settings, command=standin(behaviour))
    household = Household(how, server, store.accounts, events, clock, timing, policy)
    fleet = Fleet(household)
    await server.start(fleet)
    try:
        yield House(store, events, server, inbox, household, fleet, run)
    finally:
        await fleet.drain()
        await server.close()
        await store.close()
        shutil.rmtree(run)


async def until(
    events: Subscription, wanted: Callable[[Any], bool], timeout_s: float = PATIENCE_S
) -> Any:
    """Return the first event that is wanted."""
    async with asyncio.timeout(timeout_s):
        async for event in events:
            if wanted(event):
                return event
    raise AssertionError("the events ended")


async def until_status(
    events: Subscription, status: AccountStatus, account_id: str = ACCOUNT
) -> AccountState:
    """Return the event with which an account came to a status."""
    state: AccountState = await until(
        events,
        lambda event: (
            isinstance(event, AccountState)
            and (event.account_id, event.status) == (account_id, status)
        ),
    )
    return state


async def until_true(condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    """Wait for something outside our event loop (a process, a file) by looking often."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 -- the kernel tells nobody of this
            await asyncio.sleep(0.01)
