import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientResponse

from shared.accounts import AccountStatus
from supervisor.api import events as api_events
from supervisor.events import EventBus, MessageChanged, QrChanged, ThreadChanged
from supervisor.store.contract import Store
from supervisor.store.records import MessageStored
from tests.supervisor.api.conftest import TOKEN, Client
from tests.supervisor.outbox.fakes import MemoryFleet
from tests.supervisor.store.samples import ACCOUNT, ALICE, NOW_MS, message

AUTH = {"Authorization": f"Bearer {TOKEN}"}


async def next_event(response: ClientResponse) -> dict[str, Any]:
    """Return the next event's fields, with its data read."""
    async with asyncio.timeout(10):
        raw = (await response.content.readuntil(b"\n\n")).decode().strip()
    fields = dict(line.split(": ", 1) for line in raw.splitlines())
    return {**fields, "data": json.loads(fields["data"])} if "data" in fields else fields


async def test_what_happens_is_told(
    client: Client, bus: EventBus, fleet: MemoryFleet, store: Store
) -> None:
    outcomes = await store.conversations.record(ACCOUNT, [message()], at_ms=NOW_MS)
    assert isinstance(outcomes[0], MessageStored)
    thread = await store.conversations.thread(f"{ACCOUNT}__{ALICE}")
    assert thread is not None

    async with client.get("/api/events", headers=AUTH) as response:
        ready = await next_event(response)
        fleet.connect(ACCOUNT)
        bus.publish(QrChanged(ACCOUNT, 5))
        bus.publish(MessageChanged(outcomes[0].message, created=True))
        bus.publish(ThreadChanged(thread))
        told = [await next_event(response) for _ in range(4)]

    assert (response.status, response.content_type) == (200, "text/event-stream")
    assert ready["event"] == "ready"
    assert [each["event"] for each in told] == ["account", "qr", "message", "thread"]
    assert [each["id"] for each in told] == ["1", "2", "3", "4"]
    assert told[0]["data"]["status"] == AccountStatus.CONNECTED.value
    assert told[1]["data"] == {"accountId": ACCOUNT, "expiresAtMs": 5}
    assert told[2]["data"]["message"]["body"] == "hello"
    assert told[3]["data"]["thread"]["displayName"] == "Alice"


async def test_a_text_with_line_breaks_stays_one_event(
    client: Client, bus: EventBus, store: Store
) -> None:
    tricky = message(body="a\n\nevent: x\ndata: y\r\n")
    [outcome] = await store.conversations.record(ACCOUNT, [tricky], at_ms=NOW_MS)
    assert isinstance(outcome, MessageStored)

    async with client.get("/api/events", headers=AUTH) as response:
        await next_event(response)
        bus.publish(MessageChanged(outcome.message, created=True))
        told = await next_event(response)

    assert told["data"]["message"]["body"] == tricky.body


async def test_a_quiet_stream_shows_that_it_lives(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_events, "KEEPALIVE_S", 0.01)

    async with client.get("/api/events", headers=AUTH) as response:
        await next_event(response)
        async with asyncio.timeout(10):
            assert await response.content.readuntil(b"\n\n") == b": still here\n\n"


async def test_a_stream_ends_when_the_supervisor_stops(client: Client, bus: EventBus) -> None:
    async with client.get("/api/events", headers=AUTH) as response:
        await next_event(response)
        bus.close()
        async with asyncio.timeout(10):
            assert await response.content.read() == b""


async def test_listeners_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_events, "MAX_STREAMS", 1)

    async with client.get("/api/events", headers=AUTH) as first:
        await next_event(first)
        async with client.get("/api/events", headers=AUTH) as second:
            body = await second.json()

    assert (second.status, body["error"]) == (503, "too_many_streams")
    assert second.headers["Retry-After"] == "30"


async def test_a_place_is_free_again_when_a_listener_has_left(
    client: Client, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_events, "MAX_STREAMS", 1)

    for _ in range(3):
        async with client.get("/api/events", headers=AUTH) as response:
            assert response.status == 200
            await next_event(response)
            bus.close()
            await response.read()
