"""What an instance that waits concludes from each thing that it may read."""

from dataclasses import replace
from typing import Any

import pytest

from supervisor.lease.decisions import (
    NODE_MARGIN_MS,
    Create,
    Knowledge,
    Placeholder,
    Refuse,
    Seen,
    Take,
    Wait,
    conclude,
    needs_fences,
)
from supervisor.lease.document import MAX_EPOCH, RECREATED, LeaseDocument, parse
from tests.lease.samples import ME, NOW_MS, TTL_MS, fields, held, node, seen

KNOWN = Knowledge(ME, TTL_MS)
NEIGHBOUR = replace(ME, id="me/0", pid=6)


def test_a_store_without_epochs_is_new() -> None:
    assert conclude(seen(None), KNOWN) == Create()


@pytest.mark.parametrize(("fence", "seen_before"), [(7, 0), (0, 7), (7, 3)])
def test_a_missing_document_is_put_back_above_all_that_is_known(
    fence: int, seen_before: int
) -> None:
    known = replace(KNOWN, highest_fence=fence, highest_epoch=seen_before)
    conclusion = conclude(seen(None), known)
    assert conclusion == Placeholder(LeaseDocument(RECREATED, 8, 0, TTL_MS))


def test_a_released_lease_is_free() -> None:
    assert isinstance(conclude(seen(fields(held().released())), KNOWN), Take)


@pytest.mark.parametrize("holder", ["recreated", "other/1"])
@pytest.mark.parametrize("age_ms", [0, TTL_MS - 1, TTL_MS])
def test_a_lease_is_respected_for_its_whole_ttl(holder: str, age_ms: int) -> None:
    stored = fields(replace(held(), holder=holder))
    conclusion = conclude(seen(stored, age_ms=age_ms), KNOWN)
    assert isinstance(conclusion, Wait)
    assert (conclusion.holder, conclusion.left_ms) == (holder, TTL_MS - age_ms)


def test_after_its_ttl_a_lease_is_free() -> None:
    conclusion = conclude(seen(fields(held()), age_ms=TTL_MS + 1), KNOWN)
    assert conclusion == Take(held(), "it was not renewed in time")


def test_the_ttl_that_counts_is_the_holders() -> None:
    stored = fields(replace(held(), ttl_ms=60_000))
    assert isinstance(conclude(seen(stored, age_ms=59_000), KNOWN), Wait)


def test_our_own_late_write_is_taken_again_not_adopted() -> None:
    conclusion = conclude(seen(fields(held(ME))), KNOWN)
    assert isinstance(conclusion, Take)
    assert conclusion.base.taken_by(ME, TTL_MS).epoch == 6


@pytest.mark.parametrize(
    ("holder", "dead", "free"),
    [
        (NEIGHBOUR, True, True),
        (NEIGHBOUR, False, False),
        (replace(NEIGHBOUR, boot_id="before"), True, False),
        (replace(NEIGHBOUR, state_id="elsewhere"), True, False),
    ],
)
def test_the_same_host_is_fast_under_all_three_conditions_only(
    holder: Any, dead: bool, free: bool
) -> None:
    conclusion = conclude(seen(fields(held(holder))), replace(KNOWN, former_is_dead=dead))
    assert isinstance(conclusion, Take if free else Wait)


def test_ids_that_nobody_has_prove_nothing() -> None:
    nobody = replace(ME, boot_id="", state_id="")
    stored = fields(held(replace(NEIGHBOUR, boot_id="", state_id="")))
    assert isinstance(conclude(seen(stored), Knowledge(nobody, TTL_MS, former_is_dead=True)), Wait)


@pytest.mark.parametrize("epoch", [0, 4])
def test_an_epoch_that_went_down_is_refused_even_when_released(epoch: int) -> None:
    stored = fields(replace(held().released(), epoch=epoch))
    conclusion = conclude(seen(stored, age_ms=10**9), replace(KNOWN, highest_epoch=5))
    assert isinstance(conclusion, Refuse)
    assert f"from 5 to {epoch}" in conclusion.why


@pytest.mark.parametrize("changes", [{"epoch": MAX_EPOCH}, {"renew_seq": MAX_EPOCH}])
def test_where_no_higher_number_is_left_nothing_is_taken(changes: dict[str, int]) -> None:
    stored = fields(replace(held().released(), **changes))  # type: ignore[arg-type]
    assert isinstance(conclude(seen(stored), KNOWN), Refuse)


def test_a_garbled_document_is_refused_however_old_it_is() -> None:
    stored = {**fields(held()), "ttlMs": "45"}
    conclusion = conclude(seen(stored, age_ms=10**9), KNOWN)
    assert isinstance(conclusion, Refuse)
    assert "ttlMs" in conclusion.why


def test_a_clock_of_the_store_that_went_back_is_refused() -> None:
    conclusion = conclude(seen(fields(held()), age_ms=-1), KNOWN)
    assert isinstance(conclusion, Refuse)
    assert Seen({}, 5, 6, None).age_ms == 0


def test_a_lock_of_nodes_is_respected_with_a_margin() -> None:
    stored = node(leaseUntil=NOW_MS - NODE_MARGIN_MS + 1)
    conclusion = conclude(seen(stored), replace(KNOWN, node_is_stopped=True))
    assert isinstance(conclusion, Wait)
    assert (conclusion.holder, conclusion.left_ms) == ("node-1", 1)


def test_an_expired_lock_of_nodes_is_free_only_at_the_operators_word() -> None:
    stored = node(leaseUntil=NOW_MS - NODE_MARGIN_MS)
    waiting = conclude(seen(stored), replace(KNOWN, highest_fence=9))
    assert isinstance(waiting, Wait)
    assert "NODE_STOPPED" in waiting.why
    assert waiting.epoch == 9
    taking = conclude(seen(stored), replace(KNOWN, highest_fence=9, node_is_stopped=True))
    assert isinstance(taking, Take)
    assert taking.base.epoch == 9


@pytest.mark.parametrize("lock", [node(holderInstanceId=None), node(leaseUntil=0)])
def test_a_lock_that_node_released_is_free(lock: dict[str, Any]) -> None:
    conclusion = conclude(seen(lock), replace(KNOWN, highest_epoch=5))
    assert isinstance(conclusion, Take)
    assert conclusion.base.epoch == 5


def test_node_over_our_lock_with_an_epoch_that_went_down_is_refused() -> None:
    stored = {**fields(held()), **node()}
    assert isinstance(conclude(seen(stored), replace(KNOWN, highest_epoch=6)), Refuse)


def test_fences_are_asked_for_where_the_document_has_no_epoch() -> None:
    assert needs_fences(None)
    assert needs_fences(parse(node()))
    assert not needs_fences(parse({**fields(held()), **node()}))
    assert not needs_fences(held())
