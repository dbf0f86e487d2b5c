"""What stands in the lease document: ours, Node's, or spoilt; nothing is guessed."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from supervisor.lease.document import (
    MAX_EPOCH,
    MAX_TTL_MS,
    NODE_SKEW_MS,
    Garbled,
    LeaseDocument,
    NodeLock,
    parse,
)
from tests.lease.samples import ME, NOW_MS, OTHER, TTL_MS, fields, held, node

WHOLE = ("epoch", "renewSeq", "ttlMs", "pid")
TEXTS = ("host", "bootId", "stateId", "instanceId", "version")


def test_what_we_write_is_what_we_read() -> None:
    document = held(ME)
    assert parse(fields(document)) == document
    released = document.released()
    assert parse(fields(released)) == released
    assert (released.holder, released.epoch) == (None, document.epoch)


def test_stamps_of_the_store_and_fields_of_others_do_no_harm() -> None:
    stored = {**fields(held()), "updatedAt": datetime.now(UTC), "previousHolder": "node-1"}
    assert parse(stored) == held()


def test_every_write_changes_something() -> None:
    document = held(ME)
    later = [document.renewed(), document.released(), document.taken_by(ME, TTL_MS)]
    assert [each.renew_seq for each in later] == [document.renew_seq + 1] * 3
    assert [each.epoch for each in later] == [5, 5, 6]


def test_node_finds_our_incarnation_and_a_time_that_is_not_too_early() -> None:
    stored = fields(held(ME))
    assert stored["holderInstanceId"] == "me/1" != ME.instance_id
    assert stored["leaseUntil"] == NOW_MS + TTL_MS + NODE_SKEW_MS
    assert fields(held(ME).released())["leaseUntil"] == 0
    assert fields(held(ME).released())["holderInstanceId"] == ""


def test_a_time_before_the_epoch_is_none() -> None:
    assert held().to_fields(-(10**9))["leaseUntil"] == 0


@pytest.mark.parametrize("name", ["holder", *WHOLE, *TEXTS, "holderInstanceId", "leaseUntil"])
def test_a_missing_field_is_garbled(name: str) -> None:
    stored = fields(held())
    del stored[name]
    found = parse(stored)
    assert isinstance(found, Garbled)
    assert name in found.reason


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [None, "5", 5.0, True, -1, [], {}, math.nan, 2**60])
def test_a_number_that_is_none_is_garbled(name: str, value: Any) -> None:
    found = parse({**fields(held()), name: value})
    assert isinstance(found, Garbled)
    assert name in found.reason


@pytest.mark.parametrize(("name", "value"), [("ttlMs", 0), ("ttlMs", MAX_TTL_MS + 1)])
def test_an_absurd_ttl_is_garbled(name: str, value: int) -> None:
    assert isinstance(parse({**fields(held()), name: value}), Garbled)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", [None, 5, b"x", ["x"], "x" * 257])
def test_a_text_that_is_none_is_garbled(name: str, value: Any) -> None:
    assert isinstance(parse({**fields(held()), name: value}), Garbled)


@pytest.mark.parametrize("value", ["", 5, True, [], "x" * 257])
def test_a_holder_that_is_none_is_garbled(value: Any) -> None:
    stored = {**fields(held()), "holder": value, "holderInstanceId": value}
    assert isinstance(parse(stored), Garbled)


@pytest.mark.parametrize(
    "value", [None, "soon", True, -1, math.nan, math.inf, 2**54, datetime.now(UTC)]
)
def test_a_time_of_nodes_that_is_none_is_garbled(value: Any) -> None:
    assert isinstance(parse(node(leaseUntil=value)), Garbled)
    assert isinstance(parse({**fields(held()), "leaseUntil": value}), Garbled)


@pytest.mark.parametrize("value", [5, True, [], "x" * 257])
def test_a_holder_of_nodes_that_is_none_is_garbled(value: Any) -> None:
    assert isinstance(parse(node(holderInstanceId=value)), Garbled)


def test_an_empty_document_is_garbled() -> None:
    assert isinstance(parse({}), Garbled)


def test_a_lock_that_only_node_wrote_has_no_epoch() -> None:
    assert parse(node()) == NodeLock("node-1", NOW_MS + 30_000, None, 0)
    assert parse(node(leaseUntil=float(NOW_MS))) == NodeLock("node-1", NOW_MS, None, 0)
    assert parse(node(holderInstanceId=None, leaseUntil=0)) == NodeLock("", 0, None, 0)


def test_node_writing_over_our_lock_is_node_with_our_epoch() -> None:
    found = parse({**fields(held(OTHER)), **node()})
    assert found == NodeLock("node-1", NOW_MS + 30_000, 5, 41)


def test_what_node_leaves_keeps_the_epoch_or_gets_the_highest_that_is_known() -> None:
    assert NodeLock("", 0, 5, 41).as_released(9) == LeaseDocument(None, 5, 41, ttl_ms=1)
    assert NodeLock("", 0, None, 0).as_released(9) == LeaseDocument(None, 9, 0, ttl_ms=1)


def test_the_limits_themselves_are_read() -> None:
    document = LeaseDocument("x" * 256, MAX_EPOCH, MAX_EPOCH, MAX_TTL_MS)
    assert parse(fields(document)) == document
