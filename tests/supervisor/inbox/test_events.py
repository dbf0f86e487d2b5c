import asyncio

from shared.accounts import AccountStatus
from supervisor.events import AccountState, EventBus, Lagged


def state(number: int) -> AccountState:
    return AccountState(f"a{number}", AccountStatus.CONNECTED, since_ms=number)


async def test_every_listener_hears_every_event_in_order() -> None:
    bus = EventBus()
    async with asyncio.timeout(5), bus.subscribe() as one, bus.subscribe() as two:
        for number in range(3):
            bus.publish(state(number))
        heard = [[await anext(each) for _ in range(3)] for each in (one, two)]

    assert heard == [[state(0), state(1), state(2)]] * 2


async def test_a_slow_listener_is_told_so_and_dropped() -> None:
    bus = EventBus()
    async with asyncio.timeout(5), bus.subscribe(limit=2) as slow:
        for number in range(5):
            bus.publish(state(number))
        heard = [event async for event in slow]

    assert heard == [Lagged()]


async def test_closing_the_bus_ends_those_who_wait() -> None:
    bus = EventBus()
    async with asyncio.timeout(5), bus.subscribe() as events:
        waiting = asyncio.create_task(anext(events, None))
        await asyncio.sleep(0)
        bus.close()
        assert await waiting is None


async def test_who_has_left_hears_nothing() -> None:
    bus = EventBus()
    async with bus.subscribe() as events:
        pass
    bus.publish(state(1))

    assert [event async for event in events] == []
