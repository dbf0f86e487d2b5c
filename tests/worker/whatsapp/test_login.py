"""Logging in: what is told, kept, asked and stocked before the account counts as connected."""

import asyncio
from pathlib import Path

import pytest

from shared import link_pb2
from shared.clock import SystemClock
from tests.simulator import CertificateDefect, Direction, FaultKind, Simulator
from worker.session import Credentials
from worker.whatsapp import prekeys
from worker.wire import Node

from .rig import Rig, rig


class FastClock(SystemClock):
    """A wall clock that is an hour ahead of everybody else's."""

    def wall_s(self) -> float:
        return super().wall_s() + 3600


def credentials(ours: Rig) -> Credentials:
    with ours.file.unit() as unit:
        return unit.credentials.get()


def uploads(sim: Simulator) -> list[Node]:
    """Return the pre-key uploads, oldest first."""
    return [
        node
        for node in sim.record.nodes("iq", direction=Direction.RECEIVED)
        if node.attrs.get("xmlns") == "encrypt" and node.attrs.get("type") == "set"
    ]


def key_ids(upload: Node) -> list[int]:
    listed = upload.child("list")
    assert listed is not None
    return [int.from_bytes(_id(key), "big") for key in listed.children("key")]


def _id(key: Node) -> bytes:
    child = key.child("id")
    assert child is not None
    return child.bytes()


async def test_success_leaves_the_lid_and_how_clocks_differ(sim: Simulator, session: Path) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session, clock=FastClock()) as ours:
        await ours.pair(ann)
        kept = credentials(ours)
        assert kept.lid == f"{ann.account.lid}:1@lid"
        assert kept.server_time_offset_s == pytest.approx(-3600, abs=2)
        with ours.file.unit() as unit:
            assert unit.lids.lid_of("15550000001") == ann.account.lid


async def test_the_first_upload_has_812_keys_and_later_logins_none(
    sim: Simulator, session: Path
) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
    (first,) = uploads(sim)
    assert len(key_ids(first)) == 812
    assert len(set(key_ids(first))) == 812
    async with rig(sim, session) as again:
        await again.listener.wait_state(link_pb2.CONNECTED)
    assert len(uploads(sim)) == 1


async def test_keys_go_up_before_the_account_counts_as_connected(
    sim: Simulator, session: Path
) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        assert len(ann.companions[0].keys.one_time) == 812
        active = [
            node
            for node in sim.record.nodes("iq", direction=Direction.RECEIVED)
            if node.child("active") is not None
        ]
        assert len(active) == 1


async def test_a_low_stock_at_login_is_refilled_with_new_keys(
    sim: Simulator, session: Path
) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
    stock = ann.companions[0].keys
    while len(stock.one_time) > 4:
        stock.take()
    async with rig(sim, session) as again:
        await again.listener.wait_state(link_pb2.CONNECTED)
    first, second = uploads(sim)
    assert len(key_ids(second)) == prekeys.REFILL
    assert not set(key_ids(first)) & set(key_ids(second))


async def test_a_low_stock_is_refilled_when_the_server_says_so(
    sim: Simulator, session: Path
) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        stock = ann.companions[0].keys
        while len(stock.one_time) > 4:
            stock.take()
        low = Node(
            "notification",
            {"from": "@s.whatsapp.net", "type": "encrypt", "id": "low-1", "t": "1"},
            [Node("count", {"value": "4"})],
        )
        again = Node(low.tag, {**low.attrs, "id": "low-2"}, low.content)
        ann.companions[0].mailbox.post(low)
        ann.companions[0].mailbox.post(again)
        await sim.wait_for(lambda: len(uploads(sim)) > 1)
        await sim.wait_settled()
        await ours.listener.wait_for(lambda: credentials(ours).paired)
        assert len(stock.one_time) == 4 + prekeys.REFILL, "two notices, one refill"
    assert sim.record.broken() == []


async def test_a_key_of_an_upload_that_was_cut_off_is_never_offered_again(
    sim: Simulator, session: Path
) -> None:
    """The server may have taken it: offered twice, two people would begin with the same key."""
    ann = await sim.phone("15550000001", "Ann")
    sim.faults.plan(FaultKind.DROP_AFTER, 2, phone=ann.number)  # the count, then the upload
    async with rig(sim, session) as ours:
        await ours.pair(ann)
    stock = ann.companions[0].keys
    while len(stock.one_time) > 4:
        stock.take()
    async with rig(sim, session) as again:
        await again.listener.wait_state(link_pb2.CONNECTED)
    first, second = uploads(sim)
    assert not set(key_ids(first)) & set(key_ids(second))
    assert sim.record.broken() == []


async def test_what_a_login_tells_of_itself(sim: Simulator, session: Path) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        registration_id = credentials(ours).registration_id
    (device,) = ann.companions
    assert device.registration_id == registration_id
    assert device.platform == "Wakeeper"


@pytest.mark.parametrize("defect", list(CertificateDefect))
async def test_a_false_certificate_gets_no_payload_and_is_tried_again(
    sim: Simulator, session: Path, defect: CertificateDefect, log_lines: list[str]
) -> None:
    ann = await sim.phone("15550000001", "Ann")
    sim.faults.plan(FaultKind.CERTIFICATE, defect.value, times=2)
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        paused = [s for s in ours.listener.states if s.state == link_pb2.RECONNECTING]
        assert len(paused) == 2
        assert all("certificate" in s.reason for s in paused)
        ended = [line for line in log_lines if "connection_ended" in line]
        assert len(ended) == 3, "once per attempt, and once for the restart after pairing"
    refused = sim.record.connections[:2]
    assert [log.close_reason for log in refused] == ["closed by the client"] * 2
    assert [entry for entry in sim.record.stanzas if entry.connection in (1, 2)] == []
    assert sim.record.broken() == []


async def test_a_login_is_not_through_while_the_server_answers_no_query(
    sim: Simulator, session: Path
) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
    sim.faults.plan(FaultKind.MUTE_IQ, "passive")
    async with rig(sim, session) as again:
        await sim.wait_for(lambda: sim.online(ann.companions[0]))
        await sim.wait_for(lambda: not sim.faults.planned[-1].times)
        assert again.listener.states[-1].state == link_pb2.CONNECTING


async def test_two_dials_of_one_account_never_overlap(sim: Simulator, session: Path) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        for _ in range(3):
            sim.disconnect(ann.companions[0])
            await sim.wait_for(lambda: not sim.online(ann.companions[0]))
            await asyncio.wait_for(sim.wait_online(ann.companions[0]), 10)
    assert sim.record.overlaps() == []
    assert sim.record.broken() == []


async def test_keys_that_can_not_be_stocked_keep_nobody_from_writing(
    sim: Simulator, session: Path, log_lines: list[str]
) -> None:
    ann, bob = await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")
    sim.faults.plan(FaultKind.FAIL_IQ, "encrypt")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        bob.send(ann, "without a one-time key")
        await ours.listener.wait_for(lambda: ours.listener.texts)
    assert any("pre_keys_not_stocked" in line for line in log_lines)
    assert len([log for log in sim.record.connections if log.success_s]) == 1
    assert sim.record.broken() == []


async def test_a_success_that_is_repeated_changes_nothing(sim: Simulator, session: Path) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        line = sim.hub.lines[ann.companions[0]]
        line.push(Node("success", {"t": "1", "lid": "666@lid"}))
        await ours.send(str(ann.jid), "a note")
        assert credentials(ours).lid == f"{ann.account.lid}:1@lid"
        assert sim.online(ann.companions[0])
