"""Connections that break, hang, or stand open and dead: how soon it is noticed and over."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from shared.errors import StoreError
from supervisor.store.contract import Ambiguous
from supervisor.store.firestore import writes
from supervisor.store.firestore.client import OPTIONS, FirestoreClient
from tests.firestore import emulator
from tests.firestore.emulator import Emulator
from tests.firestore.faults import FaultProxy, Relay
from tests.firestore.instances import Instances

T = 2.0
SHORT = 0.4
LATE = 0.3
RECONNECTED_S = 6.5  # the longest backoff of 5 s and its jitter, and a little


async def back_in_s(client: FirestoreClient) -> float:
    """Return how long it took until a reading succeeded, tried five times a second."""
    began = time.monotonic()
    while True:
        try:
            await client.get(["some/document"], timeout_s=T)
        except StoreError:
            assert time.monotonic() - began < 3 * RECONNECTED_S
            await asyncio.sleep(0.2)
        else:
            return time.monotonic() - began


async def test_while_the_service_is_down_calls_fail_at_once(
    client: FirestoreClient, proxy: FaultProxy
) -> None:
    await client.get(["some/document"], timeout_s=T)
    await proxy.down()

    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(Ambiguous):
            await client.get(["some/document"], timeout_s=T)
    assert time.monotonic() - began < 3 * SHORT

    await proxy.up()
    assert await back_in_s(client) < RECONNECTED_S


def test_no_pause_between_attempts_is_longer_than_a_lease_can_bear() -> None:
    assert dict(OPTIONS)["grpc.max_reconnect_backoff_ms"] == 5_000
    assert dict(OPTIONS)["grpc.min_reconnect_backoff_ms"] <= 5_000
    assert dict(OPTIONS)["grpc.enable_retries"] == 0


@pytest.fixture
def own_emulator() -> Iterator[Emulator]:
    """Start one that may be stopped and killed."""
    emulator.shared()  # skips where there is none
    started = Emulator.start()
    yield started
    started.kill()


async def test_a_service_that_hangs_and_then_dies_and_comes_back(
    own_emulator: Emulator, instances: Instances
) -> None:
    client = instances.at(own_emulator.host)
    name = client.name("some/document")
    await client.commit([writes.put(name, {"a": 1})], timeout_s=T)

    own_emulator.process.send_signal(signal.SIGSTOP)
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(Ambiguous):
            await client.get(["some/document"], timeout_s=SHORT)
        assert SHORT - 0.01 <= time.monotonic() - began < SHORT + LATE
    own_emulator.process.send_signal(signal.SIGCONT)
    assert await back_in_s(client) < RECONNECTED_S

    own_emulator.kill()
    with pytest.raises(Ambiguous):
        await client.get(["some/document"], timeout_s=T)
    reborn = Emulator.start(own_emulator.port)
    try:
        assert await back_in_s(client) < RECONNECTED_S
        reading = await client.get(["some/document"], timeout_s=T)
        assert reading.documents == {}  # the emulator forgets, and that is certain
    finally:
        reborn.kill()


async def test_a_half_open_connection_is_left_after_two_silent_calls(
    instances: Instances,
) -> None:
    async with Relay(emulator.shared().port) as relay:
        client = instances.at(relay.host)
        await client.get(["some/document"], timeout_s=T)
        relay.freeze()

        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(Ambiguous):
                await client.get(["some/document"], timeout_s=SHORT)
            assert SHORT - 0.01 <= time.monotonic() - began < SHORT + LATE
        await client.get(["some/document"], timeout_s=T)

        assert relay.connections == 2
        await client.close()


async def test_an_answer_between_two_silent_calls_keeps_the_connection(
    instances: Instances,
) -> None:
    async with Relay(emulator.shared().port) as relay:
        client = instances.at(relay.host)
        for _ in range(3):
            await client.get(["some/document"], timeout_s=T)
            with pytest.raises(Ambiguous):
                await client.get(["some/document"], timeout_s=0.0)

        assert relay.connections == 1
        await client.close()


def test_gprc_s_fork_handlers_are_off_before_it_is_imported() -> None:
    program = (
        "import os, sys\n"
        "import supervisor.store.sqlite, supervisor.store.sqlite_leases, supervisor.lease\n"
        "assert 'grpc' not in sys.modules\n"
        "import supervisor.store.firestore\n"
        "assert 'grpc' not in sys.modules\n"
        "print(os.environ['GRPC_ENABLE_FORK_SUPPORT'])"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GRPC_")}

    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env=environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip

    assert (done.stdout.strip(), done.stderr) == ("0", "")
