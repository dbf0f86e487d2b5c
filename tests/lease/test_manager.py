"""How the lease is waited for and taken; the way down is in test_tenure.py."""

from collections.abc import Callable, Iterator

import pytest

from supervisor.lease.document import RECREATED
from supervisor.lease.guard import NotHolding
from supervisor.lease.modes import Mode
from tests.lease.lab import TIMING, Instance, Lab


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab()
    yield lab
    lab.close()


def standing_of(instance: Instance) -> tuple[Mode, str]:
    return instance.manager.standing.mode, instance.manager.standing.why


def test_the_first_one_fences_before_it_starts(lab: Lab) -> None:
    a = lab.active()
    assert a.modes == ["fencing", "active"]
    assert a.crew.calls == ["fence 1", "start 1"]
    assert a.crew.hard_ns == a.guard.hard_ns > a.machine.boot_ns()
    assert a.manager.standing.held_by == "a/1"


def test_who_waits_shows_who_holds_it_and_lets_nothing_pass(lab: Lab) -> None:
    lab.active()
    b = lab.instance("b")
    lab.wait(10)
    standing = b.manager.standing
    assert (standing.mode, standing.held_by, standing.epoch) == (Mode.PASSIVE, "a/1", 1)
    assert standing.holder_name == "a"
    assert 30 < (standing.left_s or 0) < 45
    with pytest.raises(NotHolding):
        b.guard.check("send")


def test_a_release_is_seen_at_once(lab: Lab) -> None:
    a, b = lab.active(), lab.instance("b")
    lab.wait(20)
    a.inside(a.manager.step_down)
    lab.until(lambda: bool(lab.happened("release")), within_s=2)
    assert lab.until(lambda: b.mode is Mode.ACTIVE, within_s=1) < 1
    assert lab.happened("acquire") == [("a", 1), ("b", 2)]


def test_without_a_watch_the_next_poll_sees_it(lab: Lab) -> None:
    a, b = lab.active(), lab.instance("b")
    lab.wait(20)
    lab.server.watchers.clear()
    a.inside(a.manager.step_down)
    lab.until(lambda: b.mode is Mode.ACTIVE, within_s=1 + TIMING.poll_s * 1.2 + 1)
    lab.server.watchers.append(lambda: None)


def test_who_stepped_down_stands_aside_and_competes_again(lab: Lab) -> None:
    a = lab.active()
    a.inside(a.manager.step_down)
    lab.until(lambda: a.mode is Mode.PASSIVE, within_s=2)
    assert lab.until(lambda: a.mode is Mode.ACTIVE, within_s=17) > 3 * TIMING.poll_s - 0.1
    assert a.guard.epoch == 2


def test_a_dead_holder_is_followed_as_soon_as_its_ttl_is_over(lab: Lab) -> None:
    a, b = lab.active(), lab.instance("b")
    lab.wait(20)
    a.process.kill()
    renewed_s = max(each.t_s for each in lab.server.events if each.event == "renew_ok")
    lab.until(lambda: b.mode is Mode.ACTIVE, within_s=50)
    assert TIMING.ttl_s < lab.loop.now_s - renewed_s + 0.1 < TIMING.ttl_s + 1


def test_the_same_host_need_not_wait_when_the_former_is_dead(lab: Lab) -> None:
    a = lab.active()
    a.process.kill()
    b = lab.instance("b", place="a", former_is_dead=lambda document: document.holder == "a/1")
    lab.until(lambda: b.mode is Mode.ACTIVE, within_s=2)
    assert lab.happened("acquire") == [("a", 1), ("b", 2)]


# -------------------------------------------------------------------- answers that do not come


def lose_answers_to_writes(instance: Instance) -> Callable[[], None]:
    """Have the store hear every write of an instance, and the instance no answer; until undone."""
    send = instance.wire.send

    def applied_but_unanswered(request: object, answer: object, *, writes: bool) -> None:
        send(request, None if writes else answer, writes=writes)  # type: ignore[arg-type]

    def mend() -> None:
        instance.wire.send = send  # type: ignore[method-assign]

    instance.wire.send = applied_but_unanswered  # type: ignore[method-assign]
    return mend


def test_who_gets_no_answers_does_not_keep_the_lease_from_others(lab: Lab) -> None:
    """Its late writes look like a holder's renewals: it must pause for longer than a TTL."""
    a = lab.instance("a")
    lose_answers_to_writes(a)
    b = lab.instance("b")
    b.wire.is_cut = True
    lab.until(lambda: len(lab.happened("acquire")) == 2, within_s=20)
    b.wire.is_cut = False
    lab.until(lambda: b.mode is Mode.ACTIVE, within_s=TIMING.ttl_s + 2 * TIMING.poll_s)
    assert a.mode is Mode.PASSIVE


def test_who_got_no_answers_takes_it_when_nobody_else_does(lab: Lab) -> None:
    a = lab.instance("a")
    mend = lose_answers_to_writes(a)
    lab.until(lambda: len(lab.happened("acquire")) == 2, within_s=20)
    mend()
    lab.until(lambda: a.mode is Mode.ACTIVE, within_s=TIMING.ttl_s + 3 * TIMING.poll_s)


def test_a_taking_without_an_answer_is_not_adopted(lab: Lab) -> None:
    a = lab.instance("a")
    mend = lose_answers_to_writes(a)
    lab.until(lambda: lab.happened("acquire") == [("a", 1)], within_s=2)
    lab.wait(TIMING.rpc_s)
    assert a.mode is Mode.PASSIVE
    mend()
    lab.until(lambda: a.mode is Mode.ACTIVE, within_s=8)
    assert lab.happened("acquire") == [("a", 1), ("a", 2)]


def test_a_store_that_is_away_is_said_and_asked_again(lab: Lab) -> None:
    a = lab.instance("a")
    a.wire.is_cut = True
    lab.wait(30)
    assert "could not be read or taken" in standing_of(a)[1]
    a.wire.is_cut = False
    lab.until(lambda: a.mode is Mode.ACTIVE, within_s=12)


# -------------------------------------------------------------------- documents that make no sense


def test_a_missing_document_is_put_back_and_respected(lab: Lab) -> None:
    lab.server.fences["x"] = (7, "somebody")
    a = lab.instance("a")
    lab.wait(2)
    assert lab.server.document is not None
    assert (lab.server.document["holder"], lab.server.document["epoch"]) == (RECREATED, 8)
    assert lab.until(lambda: a.mode is Mode.ACTIVE, within_s=50) > 42
    assert a.guard.epoch == 9


def test_what_is_put_back_is_above_fences_that_were_raised_since(lab: Lab) -> None:
    a, b = lab.active(), lab.instance("b")
    lab.wait(1)
    a.inside(a.manager.end)
    lab.until(a.life.done, within_s=3)
    b.wire.is_cut = True
    lab.wait(10)
    lab.server.fences["x"] = (7, "somebody")  # of whose tenure b heard nothing
    lab.server.edit(None)
    b.wire.is_cut = False
    lab.until(lambda: lab.server.document is not None, within_s=12)
    assert lab.server.document is not None
    assert lab.server.document["epoch"] == 8


def test_a_garbled_document_is_said_left_alone_and_used_again_when_it_is_put_right(
    lab: Lab,
) -> None:
    a = lab.active()
    a.inside(a.manager.end)
    lab.wait(3)
    right = lab.server.document
    assert right is not None
    lab.server.edit({**right, "epoch": "one"})
    b = lab.instance("b")
    lab.wait(300)
    mode, why = standing_of(b)
    assert (mode, "garbled: epoch" in why) == (Mode.PASSIVE, True)
    lab.server.edit(right)
    lab.until(lambda: b.mode is Mode.ACTIVE, within_s=7)


def test_an_epoch_below_what_was_seen_is_refused(lab: Lab) -> None:
    a, b = lab.active(), lab.instance("b")
    lab.wait(10)
    assert lab.server.document is not None
    lab.server.edit({**lab.server.document, "epoch": 5, "holder": "c/1", "holderInstanceId": "c/1"})
    lab.wait(20)
    lab.server.edit({**lab.server.document, "epoch": 4, "holder": None, "holderInstanceId": ""})
    lab.wait(60)
    assert (a.mode, b.mode) == (Mode.PASSIVE, Mode.PASSIVE)
    assert "epoch went down, from 5 to 4" in standing_of(a)[1]
    assert "epoch went down, from 5 to 4" in standing_of(b)[1]


def test_an_epoch_below_the_fences_is_refused_by_one_who_saw_nothing_yet(lab: Lab) -> None:
    a = lab.active()
    a.inside(a.manager.end)
    lab.wait(3)
    lab.server.fences["x"] = (7, "somebody")
    b = lab.instance("b")
    lab.wait(60)
    assert "epoch went down, from 7 to 1" in standing_of(b)[1]
    assert lab.happened("acquire") == [("a", 1)]


def test_one_whom_a_fence_refuses_takes_the_lease_no_more(lab: Lab) -> None:
    a = lab.instance("a")
    lab.until(lambda: bool(lab.happened("acquire")), within_s=2)
    lab.server.fences["x"] = (7, "somebody")
    lab.wait(120)
    assert lab.happened("acquire") == [("a", 1)]
    assert a.crew.calls == ["fence 1", "stop lost"]
    assert "epoch went down, from 7 to 1" in standing_of(a)[1]
    assert lab.happened("release") == []


# -------------------------------------------------------------------- wishes


def test_a_wish_is_granted_by_one_who_yields(lab: Lab) -> None:
    a, b = lab.active(yields=True), lab.instance("b")
    lab.wait(5)
    b.inside(b.manager.ask_for_it)
    lab.until(lambda: b.mode is Mode.ACTIVE, within_s=3 * TIMING.renew_s + 5)
    assert a.crew.stops[0].reason == "graceful"
    lab.until(lambda: not lab.server.wishes, within_s=1)
    lab.wait(120)
    assert b.mode is Mode.ACTIVE


def test_a_wish_moves_nobody_who_does_not_yield(lab: Lab) -> None:
    a, b = lab.active(), lab.instance("b", yields=True)
    b.inside(b.manager.ask_for_it)
    lab.wait(100)
    assert (a.mode, b.mode) == (Mode.ACTIVE, Mode.PASSIVE)


def test_an_old_wish_moves_nobody(lab: Lab) -> None:
    a = lab.active(yields=True)
    lab.server.wishes["gone/1"] = lab.server.now_ns() - int(46e9)
    lab.wait(100)
    assert a.crew.stops == []


def test_nobody_yields_to_a_wish_of_his_own(lab: Lab) -> None:
    a = lab.active(yields=True)
    lab.wait(20)
    lab.server.wish("a/1")
    lab.wait(100)
    assert a.crew.stops == []


def test_who_ends_wishes_no_more(lab: Lab) -> None:
    lab.active()
    b = lab.instance("b")
    lab.wait(1)
    b.inside(b.manager.ask_for_it)
    lab.until(lambda: "b/1" in lab.server.wishes, within_s=2)
    b.inside(b.manager.end)
    lab.until(b.life.done, within_s=1)
    assert lab.server.wishes == {}


# -------------------------------------------------------------------- the end


def test_ending_while_it_is_being_taken_gives_it_back(lab: Lab) -> None:
    a = lab.instance("a")
    lab.until(lambda: bool(lab.happened("acquire")), within_s=2)
    assert a.mode is Mode.PASSIVE, "the answer is still under way"
    a.inside(a.manager.end)
    lab.until(a.life.done, within_s=3)
    assert lab.happened("release") == [("a", 1)]
    assert "start 1" not in a.crew.calls


@pytest.mark.parametrize("after_s", [0.01, 0.3, 3.0])
def test_ending_while_waiting_is_quick(lab: Lab, after_s: float) -> None:
    lab.active()
    b = lab.instance("b")
    lab.wait(after_s)
    b.inside(b.manager.end)
    assert lab.until(b.life.done, within_s=1) < 0.5


def test_ending_while_standing_aside_is_quick(lab: Lab) -> None:
    a = lab.active()
    a.inside(a.manager.step_down)
    lab.until(lambda: a.mode is Mode.PASSIVE, within_s=2)
    a.inside(a.manager.end)
    assert lab.until(a.life.done, within_s=1) < 0.5


def test_ending_twice_is_ending_once(lab: Lab) -> None:
    a = lab.active()
    a.inside(a.manager.end)
    a.inside(a.manager.end)
    lab.until(a.life.done, within_s=3)
    assert [stop.reason for stop in a.crew.stops] == ["graceful"]
    assert lab.happened("release") == [("a", 1)]


def test_what_is_asked_of_one_who_holds_nothing_does_nothing(lab: Lab) -> None:
    lab.active()
    b = lab.instance("b")
    lab.wait(1)
    for do in (b.manager.step_down, b.manager.nudge, lambda: b.manager.fenced(1)):
        b.inside(do)
    lab.wait(30)
    assert (b.mode, b.crew.calls) == (Mode.PASSIVE, [])
