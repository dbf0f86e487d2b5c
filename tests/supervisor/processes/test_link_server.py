"""Who may come in by the link, and what becomes of what they say."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared import link_pb2 as pb
from shared.accounts import AccountStatus
from shared.clock import SystemClock
from shared.link import VERSION, LinkClosed, dial
from supervisor import link_server
from supervisor.store.records import Page
from supervisor.workers import Launch, WorkerHandle
from tests.supervisor.processes.house import (
    ACCOUNT,
    House,
    open_house,
    standin,
    until,
    until_status,
    until_true,
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


def logged(lines: list[str], *words: str) -> bool:
    return any(all(word in line for word in words) for line in lines)


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ("wrong-token", "does not know its token"),
        ("wrong-version", "speaks version"),
        ("wrong-clock", "clock is 5.0 s off"),
        ("wrong-account", "no worker starting"),
    ],
)
async def test_wrong_hello_is_refused_and_logged(
    house: House, log_lines: list[str], behaviour: str, why: str
) -> None:
    settings = house.household.launch.settings
    worker = WorkerHandle(ACCOUNT, Launch(settings=settings, command=standin(behaviour)))
    house.server.expect(worker)
    await worker.spawn()
    await worker.wait(20)

    assert not worker.linked
    assert logged(log_lines, "link_refused", why)


async def test_another_process_with_the_right_token_is_refused(
    house: House, log_lines: list[str]
) -> None:
    settings = house.household.launch.settings
    tokens: list[bytes] = []

    def rng(size: int) -> bytes:
        tokens.append(os.urandom(size))
        return tokens[-1]

    worker = WorkerHandle(ACCOUNT, Launch(settings=settings, command=standin("mute")), rng=rng)
    house.server.expect(worker)
    await worker.spawn()
    link = await dial(house.server.path, timeout_s=5)
    hello = pb.Hello(
        version=VERSION, account_id=ACCOUNT, token=tokens[0], boot_ns=SystemClock().boot_ns()
    )
    await link.send(hello, timeout_s=5)
    with pytest.raises(LinkClosed):
        await link.receive()
    await link.close()

    assert logged(log_lines, "link_refused", "the one that was started")
    assert worker.accepts(tokens[0]), "a stranger must not use the token up"
    await worker.terminate(0.1)


async def test_token_is_good_once(house: House) -> None:
    worker = WorkerHandle(ACCOUNT, house.household.launch, rng=bytes)

    assert not worker.accepts(b"x" * 32)
    assert worker.accepts(bytes(32))
    assert not worker.accepts(bytes(32))


async def test_other_uid_is_refused(
    house: House, log_lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)  # we are another user now
    link = await dial(house.server.path, timeout_s=5)
    await link.send(pb.Hello(version=VERSION), timeout_s=5)
    with pytest.raises(LinkClosed):
        await link.receive()
    await link.close()

    assert logged(log_lines, "link_refused", "not ours")


async def test_socket_is_ours_alone(house: House) -> None:
    assert house.server.path.stat().st_mode & 0o777 == 0o600


async def test_silent_stranger_is_closed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_server, "HELLO_TIMEOUT_S", 0.05)
    link = await dial(house.server.path, timeout_s=5)
    with pytest.raises(LinkClosed):
        await link.receive()
    await link.close()


async def test_garbage_and_wrong_first_message_are_closed(
    house: House, log_lines: list[str]
) -> None:
    link = await dial(house.server.path, timeout_s=5)
    await link.send(pb.State(state=pb.CONNECTED), timeout_s=5)
    with pytest.raises(LinkClosed):
        await link.receive()
    await link.close()

    assert logged(log_lines, "link_refused", "began with State")


async def test_bad_peers_do_not_fill_the_log(house: House, log_lines: list[str]) -> None:
    for _ in range(20):
        link = await dial(house.server.path, timeout_s=5)
        await link.send(pb.State(), timeout_s=5)
        with pytest.raises(LinkClosed):
            await link.receive()
        await link.close()

    assert sum("link_refused" in line for line in log_lines) == 1


async def test_second_hello_closes_the_link_and_the_worker_comes_again(tmp_path: Path) -> None:
    async with open_house(tmp_path, "babble") as house:
        await house.account()
        async with house.events.subscribe() as events:
            await house.fleet.ensure(ACCOUNT)
            await until_status(events, AccountStatus.DISCONNECTED)  # BOOT_ERROR parks at once


async def test_batch_is_acknowledged_only_after_the_inbox_took_it(tmp_path: Path) -> None:
    async with open_house(tmp_path, "inbound", refusals=3) as house:
        await house.account()
        async with house.events.subscribe() as events:
            await house.fleet.ensure(ACCOUNT)
            await until(events, lambda event: getattr(event, "reason", "") == "acknowledged 1")

        assert house.inbox.asked == 4
        threads = await house.store.conversations.threads(ACCOUNT, Page(10))
        assert [thread.last_message_text for thread in threads] == ["hello"]


async def test_refused_batches_are_logged_once(tmp_path: Path, log_lines: list[str]) -> None:
    async with open_house(tmp_path, "inbound", refusals=1_000) as house:
        await house.account()
        await house.fleet.ensure(ACCOUNT)
        await until_true(lambda: house.inbox.asked >= 5)

    assert sum("inbound_not_stored" in line for line in log_lines) == 1
    assert not logged(log_lines, "acknowledged 1")
