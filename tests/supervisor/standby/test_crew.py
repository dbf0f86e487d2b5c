"""What an instance does with the lease, step by step; only the workers are played."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.accounts import AccountStatus
from shared.clock import SystemClock
from supervisor.events import EventBus
from supervisor.fleet import Fleet
from supervisor.inbox import Inbox
from supervisor.keeper import Household
from supervisor.lease import LeaseGuard, LeaseTiming, Mode, NotHolding
from supervisor.lease_desk import permit_of
from supervisor.link_server import LinkServer
from supervisor.standby import Duties, StandbyCrew
from supervisor.store.contract import Fenced
from supervisor.store.records import AccountRecord, NewSend
from supervisor.store.sqlite import SqliteStore
from supervisor.workers import Launch
from tests.supervisor.daemon.harness import short_directory
from tests.supervisor.processes.house import (
    ACCOUNT,
    FAST,
    PATIENCE_S,
    QUICK_RETRY,
    standin,
    until_true,
    worker_settings,
)

ME = "incarnation-1"
GENTLE_S = 20


class Instance:
    """A crew with stand-ins for workers, and the guard that a manager would move."""

    def __init__(
        self, state: Path, run: Path, store: SqliteStore, guard: LeaseGuard, behaviour: str
    ) -> None:
        self.clock, self.events, self.store, self.guard = SystemClock(), EventBus(), store, guard
        settings = worker_settings(state, run)
        self.server = LinkServer(
            settings.link_path, Inbox(store, self.events, self.clock), clock=self.clock,
            deadline=lambda: guard.hard_ns,
        )  # fmt: skip
        launch = Launch(settings, standin(behaviour))
        house = Household(
            launch, self.server, store.accounts, self.events, self.clock, FAST, QUICK_RETRY,
            check=guard.check,
        )  # fmt: skip
        self.fleet = Fleet(house)
        self.crew = StandbyCrew(
            Duties(
                store, store.fences, self.fleet, self.events, self.clock, guard, LeaseTiming(), ME
            )
        )

    async def rise(self, epoch: int) -> None:
        self.guard.move(Mode.FENCING)
        self.guard.take(epoch, self.clock.boot_ns())
        await self.crew.fence(epoch)
        self.guard.move(Mode.ACTIVE)
        await self.crew.start(epoch)

    async def fall(self, *, kill_now: bool = False) -> bool:
        self.guard.move(Mode.DEMOTING)
        if kill_now:
            self.guard.drop()
        reaped = await self.crew.stop(
            kill_now=kill_now, until_ns=self.clock.boot_ns() + GENTLE_S * 10**9, reason="a test"
        )
        self.guard.drop()
        self.guard.move(Mode.PASSIVE)
        return reaped

    def status(self) -> AccountStatus | None:
        view = self.fleet.view(ACCOUNT)
        return None if view is None else view.status

    async def connected(self) -> None:
        await until_true(lambda: self.status() is AccountStatus.CONNECTED)


@pytest.fixture
def behaviour() -> str:
    return "connect"


@pytest.fixture
async def instance(tmp_path: Path, behaviour: str) -> AsyncIterator[Instance]:
    guard = LeaseGuard(SystemClock(), LeaseTiming())
    store = await SqliteStore.open(tmp_path / "wakeeper.db")  # without a permit: makes the account
    record = AccountRecord(ACCOUNT, "test", "+40700000001", AccountStatus.CONNECTING, 1, 1)
    await store.accounts.create(record)
    await store.close()
    store = await SqliteStore.open(tmp_path / "wakeeper.db", permit=permit_of(guard, ME))
    with short_directory() as run:
        made = Instance(tmp_path, run, store, guard, behaviour)
        await made.server.start(made.fleet)
        yield made
        await made.fleet.drain()
        await made.server.close()
        await store.close()


async def test_it_rises_falls_and_rises_again(instance: Instance) -> None:
    for epoch in (1, 2, 3):
        await instance.rise(epoch)
        await instance.connected()
        assert await instance.fall(kill_now=epoch == 2)
        assert instance.fleet.living() == []
        assert await instance.store.fences.highest() == epoch


async def test_fences_stand_before_anything_runs(instance: Instance) -> None:
    instance.guard.move(Mode.FENCING)
    instance.guard.take(5, instance.clock.boot_ns())
    await instance.crew.fence(5)

    assert await instance.store.fences.highest() == 5
    assert instance.fleet.living() == []


async def test_an_account_of_a_newer_epoch_ends_the_take_over(instance: Instance) -> None:
    await instance.store.fences.raise_to([ACCOUNT], 9, "somebody else")
    instance.guard.move(Mode.FENCING)
    instance.guard.take(5, instance.clock.boot_ns())

    with pytest.raises(Fenced):
        await instance.crew.fence(5)


async def test_without_the_lease_nothing_starts_sends_or_writes(instance: Instance) -> None:
    send = NewSend("c", "3EB0", "4@s.whatsapp.net", "x", "", 1)

    with pytest.raises(NotHolding):
        await instance.fleet.ensure(ACCOUNT)
    with pytest.raises(NotHolding):
        await instance.crew.send(ACCOUNT, "4@s.whatsapp.net", "x", None)
    with pytest.raises(NotHolding):
        await instance.store.outbox.enqueue(ACCOUNT, send)


async def test_a_message_is_sent_while_the_lease_is_held(instance: Instance) -> None:
    await instance.rise(1)
    await instance.connected()
    report = await instance.crew.send(ACCOUNT, "40700000002@s.whatsapp.net", "x", "id-1")
    await instance.fall()

    assert report.record.state.value == "sent"
    with pytest.raises(NotHolding):
        await instance.crew.send(ACCOUNT, "40700000002@s.whatsapp.net", "x", "id-2")


@pytest.mark.parametrize("behaviour", ["stubborn"])
async def test_who_takes_too_long_is_killed_when_a_harder_reason_comes(instance: Instance) -> None:
    await instance.rise(1)
    await instance.connected()
    instance.guard.move(Mode.DEMOTING)
    gently = asyncio.create_task(
        instance.crew.stop(
            kill_now=False, until_ns=instance.clock.boot_ns() + GENTLE_S * 10**9, reason="gently"
        )
    )
    await until_true(lambda: instance.crew._delivering is None or instance.fleet._draining)
    assert not gently.done()
    async with asyncio.timeout(PATIENCE_S / 2):
        assert await instance.crew.stop(kill_now=True, until_ns=0, reason="now")
        assert await gently

    assert instance.fleet.living() == []


async def test_a_worker_that_can_not_be_reaped_is_not_hidden(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    await instance.rise(1)
    await instance.connected()
    (worker,) = instance.fleet.living()
    with monkeypatch.context() as hung:
        hung.setattr("supervisor.standby.REAP_S", 0.2)
        hung.setattr(type(worker), "kill", lambda _: None)  # as if it hung in the kernel
        assert not await instance.fall(kill_now=True)

    assert instance.fleet.living() == [worker]
    worker.kill()
    assert await instance.fleet.reaped(PATIENCE_S)


async def test_a_worker_that_comes_when_the_lease_is_over_is_not_welcome(
    instance: Instance, log_lines: list[str]
) -> None:
    await instance.rise(1)
    await until_true(lambda: any(worker.pid for worker in instance.fleet.living()))
    instance.guard.drop()  # before it said hello
    await until_true(lambda: any("the lease was over" in line for line in log_lines))

    assert instance.status() is not AccountStatus.CONNECTED
