"""When workers may start: the breaker in no time, the turns with real waits that are short."""

import asyncio
import time

import pytest

from supervisor.starts import MANY_CRASH, Breaker, StartPolicy, Starts

SECOND = 1_000_000_000
POLICY = StartPolicy(window_s=60, min_crashes=3, share=0.3, proof_s=20, pause_s=15)
PATIENCE_S = 10.0


def breaker(running: int) -> Breaker:
    ours = Breaker(POLICY)
    for number in range(running):
        ours.started(f"a{number}", 0)
    return ours


def crash(ours: Breaker, count: int, *, every_s: float = 1) -> None:
    for number in range(count):
        ours.ended(f"a{number}", int(number * every_s * SECOND), crashed=True)


@pytest.mark.parametrize(
    ("running", "crashing", "every_s", "opens"),
    [(10, 4, 1, True), (10, 3, 1, False), (3, 3, 1, True), (2, 2, 1, False), (20, 7, 20, False)],
)
def test_it_opens_when_more_than_a_third_and_three_crash_in_a_minute(
    running: int, crashing: int, every_s: float, opens: bool
) -> None:
    ours = breaker(running)
    crash(ours, crashing, every_s=every_s)

    assert ours.open is opens


def test_one_account_that_crashes_for_ever_holds_nobody() -> None:
    ours = breaker(3)
    for number in range(50):
        ours.started("a0", number * SECOND)
        ours.ended("a0", number * SECOND, crashed=True)

    assert not ours.open


def test_while_open_the_first_who_asks_tries_for_all() -> None:
    ours = breaker(4)
    crash(ours, 4)

    assert ours.admits("a2", 10 * SECOND)
    assert not ours.admits("a1", 10 * SECOND)
    assert ours.admits("a2", 10 * SECOND)


def test_canary_that_connects_releases_all() -> None:
    ours = breaker(4)
    crash(ours, 4)
    assert ours.admits("a2", 10 * SECOND)
    ours.started("a2", 10 * SECOND)
    ours.proved("a1")
    assert ours.open, "somebody else's connection proves nothing"
    ours.proved("a2")

    assert ours.admits("a1", 11 * SECOND)


def test_canary_that_lives_long_enough_releases_all() -> None:
    ours = breaker(4)
    crash(ours, 4)
    assert ours.admits("a2", 10 * SECOND)
    ours.started("a2", 10 * SECOND)

    assert not ours.admits("a1", 29 * SECOND)
    assert ours.admits("a1", 30 * SECOND)


def test_after_a_canary_that_crashes_another_one_tries_later() -> None:
    ours = breaker(4)
    crash(ours, 4)
    assert ours.admits("a2", 10 * SECOND)
    ours.started("a2", 10 * SECOND)
    ours.ended("a2", 11 * SECOND, crashed=True)

    assert not ours.admits("a1", 25 * SECOND)
    assert ours.wait_s(25 * SECOND) == 1.0
    assert ours.admits("a1", 26 * SECOND)


def test_canary_that_is_called_back_leaves_its_place() -> None:
    ours = breaker(4)
    crash(ours, 4)
    assert ours.admits("a2", 10 * SECOND)
    ours.ended("a2", 10 * SECOND, crashed=False)

    assert ours.open
    assert ours.admits("a1", 10 * SECOND)


async def test_all_wait_for_the_canary_and_follow_it() -> None:
    ours = Starts(POLICY)
    for number in range(4):
        assert await ours.turn(f"a{number}")
    for number in range(4):
        ours.ended(f"a{number}", crashed=True)
    assert ours.held == MANY_CRASH
    assert await ours.turn("a3")
    others = [asyncio.create_task(ours.turn(f"a{number}")) for number in range(3)]
    done, _ = await asyncio.wait(others, timeout=0.1)
    assert not done
    ours.proved("a3")

    async with asyncio.timeout(PATIENCE_S):
        assert await asyncio.gather(*others) == [True, True, True]
    assert ours.held is None


async def test_nobody_starts_once_the_version_is_refused(log_lines: list[str]) -> None:
    ours = Starts(StartPolicy(pace_s=30))
    assert await ours.turn("a0")
    ours.hold("too old")
    ours.hold("too old")

    async with asyncio.timeout(PATIENCE_S):
        assert not await ours.turn("a1")
    assert ours.held == "too old"
    assert sum("client_outdated" in line for line in log_lines) == 1


async def test_starts_are_paced_and_a_lone_one_does_not_wait() -> None:
    ours = Starts(StartPolicy(pace_s=0.1), rng=lambda size: b"\x80" * size)
    begun = time.monotonic()
    await ours.turn("a0")
    first_s = time.monotonic() - begun
    await asyncio.gather(*(ours.turn(f"a{number}") for number in range(1, 4)))
    last_s = time.monotonic() - begun

    assert first_s < 0.09
    assert last_s >= 0.29
