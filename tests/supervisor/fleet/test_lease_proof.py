"""A proof of the lease is a renewal that was sent after it was asked for."""

import asyncio

import pytest

from shared.clock import SystemClock
from supervisor.lease.guard import LeaseGuard
from supervisor.lease.modes import Mode
from supervisor.lease.timing import LeaseTiming
from supervisor.lease_proof import LeaseProof

TIMING = LeaseTiming().scaled(1 / 20)


@pytest.fixture
def guard() -> LeaseGuard:
    """Return a guard of a lease that was renewed just now."""
    guard = LeaseGuard(SystemClock(), TIMING)
    guard.move(Mode.FENCING)
    guard.move(Mode.ACTIVE)
    guard.take(1, SystemClock().boot_ns())
    return guard


async def test_a_later_renewal_proves_the_lease_and_an_earlier_one_does_not(
    guard: LeaseGuard,
) -> None:
    proving = asyncio.create_task(LeaseProof(guard, TIMING, SystemClock())())
    done, _ = await asyncio.wait({proving}, timeout=TIMING.renew_s / 2)
    assert not done
    guard.extend(SystemClock().boot_ns())

    assert await asyncio.wait_for(proving, 5) is True


async def test_without_a_renewal_nothing_is_proven(guard: LeaseGuard) -> None:
    assert await asyncio.wait_for(LeaseProof(guard, TIMING, SystemClock())(), 5) is False


async def test_a_lease_that_is_lost_meanwhile_is_not_proven(guard: LeaseGuard) -> None:
    proving = asyncio.create_task(LeaseProof(guard, TIMING, SystemClock())())
    await asyncio.sleep(0)
    guard.drop()

    assert await asyncio.wait_for(proving, 5) is False
