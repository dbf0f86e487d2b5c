"""How the lease is renewed, and every way down from it."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.errors import StoreError, WakeeperError
from supervisor.lease.crew import Unreaped
from supervisor.lease.force import force_release
from supervisor.lease.modes import Mode
from supervisor.store.contract import Refused
from tests.lease.lab import TIMING, Instance, Lab
from tests.lease.samples import node


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab()
    yield lab
    lab.close()


def reasons(instance: Instance) -> list[str]:
    return [stop.reason for stop in instance.crew.stops]


def edit(lab: Lab, **changes: Any) -> None:
    assert lab.server.document is not None
    lab.server.edit({**lab.server.document, **changes})


# -------------------------------------------------------------------- the way up


def test_a_hiccup_of_the_store_delays_a_take_over_but_does_not_end_it(lab: Lab) -> None:
    a = lab.instance("a")
    a.crew.fence_errors = [StoreError("away"), StoreError("away")]
    a.crew.start_errors = [StoreError("away")]
    lab.wait(5)
    assert a.mode is Mode.ACTIVE
    assert a.crew.calls == ["fence 1"] * 3 + ["start 1"] * 2


def test_what_else_fails_on_the_way_up_gives_it_back_and_stands_aside(lab: Lab) -> None:
    a = lab.instance("a")
    a.crew.fence_errors = [WakeeperError("a directory is somebody else's")]
    lab.until(lambda: bool(lab.happened("release")), within_s=3)
    assert reasons(a) == ["graceful"]
    lab.wait(14)
    assert lab.happened("acquire") == [("a", 1)]


# -------------------------------------------------------------------- renewals


def test_renewals_move_both_deadlines_for_as_long_as_they_succeed(lab: Lab) -> None:
    a = lab.active()
    for _ in range(60):
        lab.wait(60)
        assert a.guard.holds
        assert a.crew.hard_ns == a.guard.hard_ns
    assert a.crew.stops == []
    renewals = len(lab.happened("renew_ok"))
    assert 3600 / (8 * 1.1) < renewals < 3600 / (8 * 0.9)


def test_a_reading_extends_nothing(lab: Lab) -> None:
    a = lab.active()
    soft_ns = a.guard.soft_ns
    a.wire.forbids_writes = True
    lab.wait(20)
    assert a.guard.soft_ns == soft_ns
    lab.until(lambda: reasons(a) == ["uncertain"], within_s=5)


def test_a_late_write_of_our_own_is_no_loss(lab: Lab) -> None:
    a = lab.active()
    edit(lab, renewSeq=99)
    lab.wait(120)
    assert a.crew.stops == []


def test_a_renewal_counts_from_before_it_was_sent(lab: Lab) -> None:
    a = lab.active()
    a.wire._leg_s = lambda: 1.5  # type: ignore[method-assign]
    renewals = len(lab.happened("renew_ok"))
    lab.until(lambda: len(lab.happened("renew_ok")) > renewals, within_s=12)
    assert a.guard.hard_left_s == pytest.approx(TIMING.hard_s - 3, abs=0.05)
    assert a.guard.soft_left_s == pytest.approx(TIMING.soft_s - 3, abs=0.05)


@pytest.mark.parametrize(
    "changes", [{"epoch": 2}, {"holder": "b/1", "holderInstanceId": "b/1"}, {"pid": None}, node()]
)
def test_another_holder_or_epoch_or_nonsense_is_a_loss(lab: Lab, changes: dict[str, Any]) -> None:
    a = lab.active()
    edit(lab, **changes)
    before = dict(lab.server.document or {})
    lab.until(lambda: reasons(a) == ["lost"], within_s=TIMING.renew_s * 1.1 + 1)
    assert a.crew.stops[0].kill_now
    lab.wait(3)
    assert lab.server.document == before


def test_a_document_that_is_gone_is_a_loss(lab: Lab) -> None:
    a = lab.active()
    lab.server.edit(None)
    lab.until(lambda: reasons(a) == ["lost"], within_s=TIMING.renew_s * 1.1 + 1)


def test_a_fence_that_refuses_us_is_a_loss_unless_it_speaks_of_another_epoch(lab: Lab) -> None:
    a = lab.active()
    a.inside(a.manager.fenced, 0)
    assert reasons(a) == []
    a.inside(a.manager.fenced, 1)
    assert reasons(a) == ["lost"]
    assert a.guard.hard_left_s < 0


# -------------------------------------------------------------------- deadlines


def test_cut_off_it_ends_its_workers_in_time_and_releases_nothing(lab: Lab) -> None:
    a = lab.active()
    a.crew.ends_in_s = 100
    soft_left_s, hard_left_s = a.guard.soft_left_s, a.guard.hard_left_s
    a.wire.is_cut = True
    took_s = lab.until(lambda: bool(a.crew.stops), within_s=25)
    assert took_s == pytest.approx(soft_left_s, abs=0.05)
    assert a.crew.stops[0].kill_in_s == pytest.approx(
        hard_left_s - took_s - TIMING.kill_s, abs=0.05
    )
    lab.wait(20)
    assert a.mode is Mode.PASSIVE
    a.wire.is_cut = False
    assert lab.happened("release") == []


def test_where_workers_outlive_the_hard_deadline_they_are_killed_too(lab: Lab) -> None:
    a = lab.active()
    a.wire.is_cut = True
    lab.until(lambda: reasons(a) == ["uncertain"], within_s=25)
    a.machine.freeze(asleep=True)
    lab.wait(30)
    a.machine.thaw()
    lab.until(lambda: "expired" in reasons(a) or a.mode is Mode.PASSIVE, within_s=1.1)


def test_after_sleep_it_notices_at_once_that_it_is_too_late(lab: Lab) -> None:
    a = lab.active()
    a.machine.freeze(asleep=True)
    lab.wait(60)
    a.machine.thaw()
    assert not a.guard.holds, "no act passes, noticed or not"
    lab.until(lambda: reasons(a) == ["expired"], within_s=TIMING.slack_s + 0.01)
    assert a.crew.stops[0].kill_now


def test_a_renewal_that_is_answered_too_late_revives_nothing(lab: Lab) -> None:
    a = lab.active()
    renewals = len(lab.happened("renew_ok"))
    a.wire._leg_s = lambda: 2.0  # type: ignore[method-assign]
    lab.wait(9.5)  # the next one is under way
    hard_ns = a.guard.hard_ns
    a.process.stop()
    lab.wait(50)
    a.process.cont()
    lab.wait(0.5)
    assert len(lab.happened("renew_ok")) == renewals + 1
    assert reasons(a) == ["expired"]
    assert a.crew.hard_ns == hard_ns


# -------------------------------------------------------------------- the way down


def test_a_graceful_end_keeps_renewing_until_the_last_worker_is_reaped(lab: Lab) -> None:
    a = lab.active()
    a.crew.ends_in_s = 7.9
    lab.wait(4)
    renewals = len(lab.happened("renew_ok"))
    a.inside(a.manager.step_down)
    assert a.crew.stops[0].kill_in_s == pytest.approx(TIMING.grace_s)
    lab.wait(7.5)
    assert lab.happened("release") == []
    assert len(lab.happened("renew_ok")) > renewals
    lab.wait(1)
    assert lab.happened("release") == [("a", 1)]


def test_a_harder_reason_calls_again_beside_the_call_that_is_under_way(lab: Lab) -> None:
    a = lab.active()
    a.crew.ends_in_s = 7
    a.inside(a.manager.step_down)
    lab.wait(2)
    a.inside(a.manager.fenced, 1)
    soft, hard = a.crew.stops
    assert (soft.kill_now, hard.kill_now, soft.cancelled) == (False, True, False)
    lab.wait(1)
    assert a.mode is Mode.PASSIVE
    assert lab.happened("release") == [], "lost, so there is nothing to give back"


def test_a_softer_reason_changes_nothing(lab: Lab) -> None:
    a = lab.active()
    a.inside(a.manager.fenced, 1)
    a.inside(a.manager.step_down)
    lab.wait(1)
    assert reasons(a) == ["lost"]


def test_a_worker_that_cannot_be_ended_keeps_the_lease_from_being_released(lab: Lab) -> None:
    a = lab.active()
    a.crew.reaps = False
    a.inside(a.manager.end)
    lab.until(a.life.done, within_s=3)
    assert isinstance(a.life.exception(), Unreaped)
    assert lab.happened("release") == []
    assert lab.server.document is not None
    assert lab.server.document["holder"] == "a/1"
    assert not a.guard.holds


def test_a_renewal_under_way_does_not_spoil_the_release(lab: Lab) -> None:
    a = lab.active()
    a.wire._leg_s = lambda: 1.5  # type: ignore[method-assign]
    renewals = len(lab.happened("renew_ok"))
    lab.wait(8.9)
    a.crew.ends_in_s = 0.01
    a.inside(a.manager.step_down)
    lab.until(lambda: bool(lab.happened("release")), within_s=6)
    assert len(lab.happened("renew_ok")) == renewals + 1


def test_a_release_that_meets_a_late_write_of_ours_is_repeated(lab: Lab) -> None:
    a = lab.active()
    a.inside(a.manager.step_down)
    edit(lab, renewSeq=99)
    lab.until(lambda: bool(lab.happened("release")), within_s=2)


def test_ended_while_fences_are_raised_it_gives_back_what_it_took(lab: Lab) -> None:
    a = lab.instance("a")
    lab.until(lambda: a.mode is Mode.FENCING, within_s=2)
    a.inside(a.manager.end)
    lab.until(a.life.done, within_s=3)
    assert a.crew.calls == ["fence 1", "stop graceful"]
    assert lab.happened("release") == [("a", 1)]


def test_cancelled_it_lets_nothing_pass_any_more(lab: Lab) -> None:
    a = lab.active()
    a.life.cancel()
    lab.wait(0)
    assert not a.guard.holds
    lab.wait(1)
    assert a.life.cancelled()
    assert (a.crew.stops, lab.happened("release")) == ([], [])


def test_a_fault_of_ours_kills_the_workers_and_is_not_hidden(lab: Lab) -> None:
    a = lab.active()

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    a.client.replace = broken  # type: ignore[method-assign,assignment]
    lab.until(a.life.done, within_s=12)
    assert isinstance(a.life.exception(), ZeroDivisionError)
    assert reasons(a) == ["lost"]
    assert not a.guard.holds


# -------------------------------------------------------------------- by force


def forced(lab: Lab, instance: Instance) -> Any:
    return lab.loop.run_until_complete(
        instance.process.spawn(force_release(instance.client, timeout_s=4))  # type: ignore[arg-type]
    )


def test_a_forced_release_frees_the_lease_of_one_that_is_frozen(lab: Lab) -> None:
    a, b = lab.active(), lab.instance("b")
    lab.wait(1)
    a.process.stop()
    assert forced(lab, b).holder == "a/1"
    lab.until(lambda: b.mode is Mode.ACTIVE, within_s=2)
    assert b.guard.epoch == 2
    a.process.cont()
    lab.wait(10)
    assert a.mode is Mode.PASSIVE
    assert forced(lab, a).holder == "b/1"


def test_a_forced_release_of_nothing_is_nothing(lab: Lab) -> None:
    a, b = lab.active(), lab.instance("b")
    b.inside(b.manager.end)
    a.inside(a.manager.end)
    lab.wait(3)
    assert forced(lab, b) is None


@pytest.mark.parametrize("stored", [None, {}, node()])
def test_what_is_no_lease_of_ours_is_not_released_by_force(lab: Lab, stored: Any) -> None:
    a = lab.active()
    a.inside(a.manager.end)
    lab.wait(3)
    lab.server.edit(stored)
    with pytest.raises(Refused):
        forced(lab, a)
    assert lab.server.document == stored
