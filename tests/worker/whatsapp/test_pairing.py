"""Pairing, as the person with the phone and the service see it."""

import asyncio
import base64
import time
from pathlib import Path

import pytest

from shared import link_pb2
from shared.clock import SystemClock
from shared.exit_codes import ExitCode
from tests.simulator import FaultKind, Simulator
from tests.simulator.errors import ScanRefusedError
from worker.session import SessionFile
from worker.whatsapp.pairing_desk import Rotation
from worker.wire import Node

from .rig import Rig, rig

QUICK_CODES = Rotation(first_s=0.06, next_s=0.02)


def identity_in(code: str) -> str:
    """Return the identity key that a QR code shows."""
    return code.split(",")[2]


def stored_identity(ours: Rig) -> str:
    with ours.file.unit() as unit:
        return base64.b64encode(unit.credentials.get().identity_key.public).decode()


async def test_a_set_of_six_codes_is_followed_by_a_fresh_one_until_the_window_is_over(
    sim: Simulator, session: Path
) -> None:
    begun_s = time.monotonic()
    async with rig(sim, session, rotation=QUICK_CODES, qr_window_s=0.7) as ours:
        over = await asyncio.wait_for(ours.task, 10)
        codes = ours.listener.codes

    assert time.monotonic() - begun_s >= 0.7
    assert over.exit_code is ExitCode.QR_EXPIRED
    assert not over.terminal
    assert ours.listener.states[-1].state == link_pb2.STOPPED
    assert len(codes) > 6, "one set has six codes"
    assert len(set(codes)) == len(codes), "every code is a fresh one"
    assert len({identity_in(code) for code in codes}) == 1, "with the same keys behind it"
    assert ours.listener.shown == "", "no code stays on the screen"
    assert sim.record.broken() == []


async def test_the_connect_timeout_ends_with_the_first_code(sim: Simulator, session: Path) -> None:
    rotation = Rotation(first_s=0.6, next_s=60.0)
    async with rig(sim, session, connect_timeout_s=0.2, rotation=rotation) as ours:
        await ours.listener.wait_for(lambda: ours.listener.codes[1:])
        states = [state.state for state in ours.listener.states]

    assert states == [link_pb2.CONNECTING, link_pb2.AWAITING_SCAN]
    assert len(sim.record.connections) == 1


async def test_the_first_code_stays_longer_than_the_others(sim: Simulator, session: Path) -> None:
    async with rig(sim, session, rotation=Rotation(60.0, 20.0), qr_window_s=600.0) as ours:
        await ours.listener.wait_for(lambda: ours.listener.codes)
        first = ours.listener.qrs[-1].expires_at_ms / 1000 - time.time()
        assert first == pytest.approx(60.0, abs=5)
    assert Rotation() == Rotation(60.0, 20.0)


async def test_the_last_code_is_not_shown_beyond_the_window(sim: Simulator, session: Path) -> None:
    async with rig(sim, session, qr_window_s=30.0) as ours:
        await ours.listener.wait_for(lambda: ours.listener.codes)
        left_s = ours.listener.qrs[-1].expires_at_ms / 1000 - time.time()
        assert left_s == pytest.approx(30.0, abs=5)


async def test_a_later_code_of_the_set_pairs_too(sim: Simulator, session: Path) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session, rotation=Rotation(0.01, 30.0)) as ours:
        codes = await ours.listener.wait_for(
            lambda: ours.listener.codes if len(ours.listener.codes) > 1 else None
        )
        await ann.scan(codes[1])
        await ours.listener.wait_state(link_pb2.CONNECTED)


async def test_the_wrong_phone_is_refused_and_the_right_one_pairs_afterwards(
    sim: Simulator, session: Path
) -> None:
    ann, eve = await sim.phone("15550000001", "Ann"), await sim.phone("15550000066", "Eve")
    async with rig(sim, session, wanted_phone="15550000001") as ours:
        code = (await ours.listener.wait_for(lambda: ours.listener.codes))[0]
        with pytest.raises(ScanRefusedError, match="500 internal-error"):
            await eve.scan(code)
        assert eve.companions == []

        second = await ours.listener.wait_for(lambda: ours.listener.codes[1:])
        assert ours.listener.states[-1].state == link_pb2.AWAITING_SCAN
        assert "…66" in ours.listener.states[-1].reason
        assert "…01" in ours.listener.states[-1].reason
        assert ours.listener.pairings == []

        await ann.scan(second[0])
        await ours.listener.wait_state(link_pb2.CONNECTED)
        assert [each.phone for each in ours.listener.pairings] == ["15550000001"]
        assert identity_in(code) == identity_in(second[0])
    assert sim.record.broken() == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (FaultKind.PAIR_HMAC, "401 hmac-mismatch"),
        (FaultKind.PAIR_SIGNATURE, "401 signature-mismatch"),
    ],
)
async def test_a_false_proof_is_refused_and_a_true_one_pairs_afterwards(
    sim: Simulator, session: Path, fault: FaultKind, told: str
) -> None:
    ann = await sim.phone("15550000001", "Ann")
    sim.faults.plan(fault)
    async with rig(sim, session) as ours:
        code = (await ours.listener.wait_for(lambda: ours.listener.codes))[0]
        with pytest.raises(ScanRefusedError, match=told):
            await ann.scan(code)
        assert ann.companions == []
        with ours.file.unit() as unit:
            assert not unit.credentials.get().paired

        second = await ours.listener.wait_for(lambda: ours.listener.codes[1:])
        await ann.scan(second[0])
        await ours.listener.wait_state(link_pb2.CONNECTED)


async def test_starting_twice_unpaired_shows_the_same_identity(
    sim: Simulator, session: Path
) -> None:
    identities = []
    for _ in range(2):
        async with rig(sim, session) as ours:
            code = (await ours.listener.wait_for(lambda: ours.listener.codes))[0]
            identities.append(identity_in(code))
            assert identity_in(code) == stored_identity(ours)
    assert identities[0] == identities[1]


async def test_a_kill_between_pairing_and_the_restart_needs_no_second_scan(
    sim: Simulator, session: Path
) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        code = (await ours.listener.wait_for(lambda: ours.listener.codes))[0]
        scan = asyncio.create_task(ann.scan(code))
        await ours.listener.wait_for(lambda: ours.listener.pairings)
        await ours.stop()
        await scan

    async with rig(sim, session) as again:
        await again.listener.wait_state(link_pb2.CONNECTED)
        assert again.listener.codes == []
    assert sim.record.broken() == []


async def test_the_server_is_not_told_of_a_pairing_that_is_not_durable(
    sim: Simulator, session: Path
) -> None:
    """A crash after the answer would leave a device on the phone that nobody has the keys of."""
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        code = (await ours.listener.wait_for(lambda: ours.listener.codes))[0]
        ours.break_disk()
        scan = asyncio.create_task(ann.scan(code))
        lost = await ours.listener.wait_state(link_pb2.RECONNECTING)
        assert "session file" in lost.reason
        scan.cancel()
        answers = list(
            sim.record.nodes("iq", where=lambda n: n.child("pair-device-sign") is not None)
        )
        assert answers == []
        assert ann.companions == []

        ours.mend_disk()
        second = await ours.listener.wait_for(lambda: ours.listener.codes[1:])
        await ann.scan(second[0])
        await ours.listener.wait_state(link_pb2.CONNECTED)


async def test_routing_info_comes_first_in_the_next_dial(sim: Simulator, session: Path) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        await ours.listener.wait_for(lambda: stored_routing(ours))
        device = ann.companions[0]
        sim.disconnect(device)
        await sim.wait_for(lambda: not sim.online(device))
        await sim.wait_online(device)
    assert [log.routing_info for log in sim.record.connections] == [
        b"",
        b"",
        sim.hub.options.routing_info,
    ]


async def test_routing_info_that_came_before_the_scan_is_kept(
    sim: Simulator, session: Path
) -> None:
    ann = await sim.phone("15550000001", "Ann")
    sim.hub.options.routing_info = b""
    async with rig(sim, session) as ours:
        code = (await ours.listener.wait_for(lambda: ours.listener.codes))[0]
        info = Node("edge_routing", {}, [Node("routing_info", {}, b"early")])
        sim.hub.pairings[0].line.push(Node("ib", {"from": "@s.whatsapp.net"}, [info]))
        await ann.scan(code)
        await ours.listener.wait_state(link_pb2.CONNECTED)
        assert stored_routing(ours) == b"early"
    assert [log.routing_info for log in sim.record.connections] == [b"", b"early"]


def stored_routing(ours: Rig) -> bytes | None:
    with ours.file.unit() as unit:
        return unit.credentials.get().routing_info


async def test_a_paired_account_never_shows_a_code_when_it_can_not_connect(
    sim: Simulator, session: Path
) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
    sim.faults.plan(FaultKind.DROP_HANDSHAKE, times=3)
    async with rig(sim, session) as again:
        await again.listener.wait_state(link_pb2.CONNECTED)
        assert again.listener.codes == []


async def test_the_session_is_named_anew_by_each_pairing(sim: Simulator, session: Path) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        with ours.file.unit() as unit:
            before = unit.credentials.get().session_id
        await ours.pair(ann)
        told = ours.listener.pairings[0]
    with SessionFile.open(session, SystemClock()) as file, file.unit() as unit:
        credentials = unit.credentials.get()
    assert told.session_id == credentials.session_id != before
    assert (told.jid, told.lid) == (credentials.jid, credentials.lid)
    assert told.platform == "android"
