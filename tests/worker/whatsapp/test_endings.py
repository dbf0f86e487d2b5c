"""How a connection ends, and what follows: again, later, or not at all."""

import asyncio
import os
from pathlib import Path

import pytest

from shared import link_pb2
from shared.clock import SystemClock
from shared.disconnects import Backoff
from shared.exit_codes import ExitCode
from tests.simulator import FaultKind, Simulator
from tests.worker.session.still_clock import StillClock
from worker.session import SessionFile
from worker.whatsapp import outgoing
from worker.whatsapp.connection import ConnectionEnded
from worker.whatsapp.pairing_desk import Rotation
from worker.wire import Node

from .rig import Rig, rig


async def paired(sim: Simulator, session: Path) -> None:
    """Leave a paired session behind, with no connection to it."""
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)


def dials(sim: Simulator) -> int:
    return len(sim.record.connections)


@pytest.mark.parametrize(
    ("code", "attrs", "exit_code", "terminal"),
    [
        ("401", {}, ExitCode.LOGGED_OUT_UNCONFIRMED, False),
        ("403", {}, ExitCode.LOGGED_OUT, True),
        ("406", {}, ExitCode.LOGGED_OUT, True),
        ("402", {"code": "101", "expire": "3600"}, ExitCode.TEMP_BANNED, False),
        ("405", {}, ExitCode.CLIENT_OUTDATED, False),
        ("400", {}, ExitCode.REFUSED, False),
        ("409", {}, ExitCode.REFUSED, False),
        ("411", {}, ExitCode.REFUSED, False),
    ],
)
async def test_a_refused_login_ends_with_the_code_that_says_why(
    sim: Simulator,
    session: Path,
    code: str,
    attrs: dict[str, str],
    exit_code: ExitCode,
    terminal: bool,
) -> None:
    await paired(sim, session)
    before = dials(sim)
    sim.faults.plan(FaultKind.LOGIN_FAILURE, code, attrs=attrs)
    async with rig(sim, session) as ours:
        over = await asyncio.wait_for(ours.task, 10)
        assert (over.exit_code, over.code, over.terminal) == (exit_code, int(code), terminal)
        last = ours.listener.states[-1]
        assert (last.state, last.code, last.terminal) == (link_pb2.STOPPED, int(code), terminal)
        assert last.reason
        assert dials(sim) == before + 1, "no second try by itself"
        with ours.file.unit() as unit:
            assert unit.credentials.get().paired, "the session is kept, whatever the code"


async def test_a_temporary_ban_tells_how_long_and_why(sim: Simulator, session: Path) -> None:
    await paired(sim, session)
    sim.faults.plan(FaultKind.LOGIN_FAILURE, "402", attrs={"code": "104", "expire": "86400"})
    async with rig(sim, session) as ours:
        over = await asyncio.wait_for(ours.task, 10)
    assert over.wait_s == 86400
    assert "same message to too many people" in over.reason
    assert ours.listener.states[-1].retry_in_ms == 86_400_000


async def test_a_ban_beyond_what_the_link_can_say_is_told_as_the_longest(
    sim: Simulator, session: Path
) -> None:
    await paired(sim, session)
    sim.faults.plan(FaultKind.LOGIN_FAILURE, "402", attrs={"expire": "9999999999"})
    async with rig(sim, session) as ours:
        over = await asyncio.wait_for(ours.task, 10)
    assert over.exit_code is ExitCode.TEMP_BANNED
    assert ours.listener.states[-1].retry_in_ms == 2**32 - 1


async def test_an_outdated_client_is_told_which_setting_to_change(
    sim: Simulator, session: Path
) -> None:
    await paired(sim, session)
    sim.hub.options.minimum_revision = 2**30
    async with rig(sim, session) as ours:
        over = await asyncio.wait_for(ours.task, 10)
    assert over.exit_code is ExitCode.CLIENT_OUTDATED
    assert "WHATSAPP_VERSION" in over.reason
    assert "WHATSAPP_VERSION" in ours.listener.states[-1].reason


async def test_an_outdated_client_that_pairs_is_told_so_too(sim: Simulator, session: Path) -> None:
    sim.hub.options.minimum_revision = 2**30
    async with rig(sim, session) as ours:
        over = await asyncio.wait_for(ours.task, 10)
    assert over.exit_code is ExitCode.CLIENT_OUTDATED
    assert ours.listener.codes == []


@pytest.mark.parametrize("code", ["500", "503", "499", "777"])
async def test_a_passing_failure_is_followed_by_another_try(
    sim: Simulator, session: Path, code: str
) -> None:
    await paired(sim, session)
    sim.faults.plan(FaultKind.LOGIN_FAILURE, code)
    async with rig(sim, session) as ours:
        await ours.listener.wait_state(link_pb2.CONNECTED)
        paused = [s for s in ours.listener.states if s.state == link_pb2.RECONNECTING]
        assert [(s.code, s.retry_in_ms > 0) for s in paused] == [(int(code), True)]


@pytest.mark.parametrize("close_code", [1000, 1006, 1011, 4000])
async def test_a_socket_closed_instead_of_an_answer_is_tried_again(
    sim: Simulator, session: Path, close_code: int
) -> None:
    await paired(sim, session)
    sim.faults.plan(FaultKind.LOGIN_CLOSE, str(close_code if close_code != 1006 else 1011))
    async with rig(sim, session) as ours:
        await ours.listener.wait_state(link_pb2.CONNECTED)


async def test_a_removed_device_is_logged_out_for_good(sim: Simulator, session: Path) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        before = dials(sim)
        ann.unlink()
        over = await asyncio.wait_for(ours.task, 10)
        assert (over.exit_code, over.terminal) == (ExitCode.LOGGED_OUT, True)
        assert ours.listener.states[-1].terminal
        assert dials(sim) == before


async def test_after_being_replaced_it_stays_away(sim: Simulator, session: Path) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        before = dials(sim)
        sim.disconnect(ann.companions[0], "", "replaced")
        over = await asyncio.wait_for(ours.task, 10)
        assert (over.exit_code, over.terminal) == (ExitCode.REPLACED, False)
        assert dials(sim) == before
    assert sim.record.broken() == []


async def test_two_copies_of_a_session_do_not_fight(
    sim: Simulator, session: Path, tmp_path: Path
) -> None:
    await paired(sim, session)
    copy = tmp_path / "copy" / "session.db"
    with SessionFile.open(session, StillClock()) as file:
        file.snapshot(copy)
    async with rig(sim, session) as first:
        await first.listener.wait_state(link_pb2.CONNECTED)
        async with rig(sim, copy) as second:
            await second.listener.wait_state(link_pb2.CONNECTED)
            over = await asyncio.wait_for(first.task, 10)
            assert over.exit_code is ExitCode.REPLACED
            assert second.listener.states[-1].state == link_pb2.CONNECTED


@pytest.mark.parametrize("code", ["515", "500", "503"])
async def test_a_stream_error_on_an_open_connection_leads_back(
    sim: Simulator, session: Path, code: str
) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        count = len(ours.listener.states)
        sim.disconnect(ann.companions[0], code)
        await ours.listener.wait_for(lambda: len(ours.listener.states) > count)
        await ours.listener.wait_state(link_pb2.CONNECTED)


async def test_a_restart_is_asked_for_before_the_login_is_through(
    sim: Simulator, session: Path
) -> None:
    await paired(sim, session)
    sim.faults.plan(FaultKind.LOGIN_STREAM_ERROR, "515")
    async with rig(sim, session) as ours:
        await ours.listener.wait_state(link_pb2.CONNECTED)


async def test_a_service_that_only_ever_asks_to_restart_is_not_dialled_in_a_loop(
    sim: Simulator, session: Path
) -> None:
    await paired(sim, session)
    before = dials(sim)
    sim.faults.plan(FaultKind.LOGIN_STREAM_ERROR, "515", times=1000)
    async with rig(sim, session, backoff=Backoff(floor_s=60.0)) as ours:
        paused = await ours.listener.wait_state(link_pb2.RECONNECTING)
        assert paused.retry_in_ms >= 60_000
        assert dials(sim) - before <= 2


async def test_pauses_grow_while_it_fails_and_shrink_only_after_a_stable_time(
    sim: Simulator, session: Path
) -> None:
    """The fullest jitter there is, so that pauses show the ceiling they are drawn under."""
    await paired(sim, session)
    clock = MovedClock()
    backoff = Backoff(floor_s=0.0, base_s=0.004, cap_s=10.0, stable_after_s=120.0)
    sim.faults.plan(FaultKind.LOGIN_FAILURE, "503", times=4)
    async with rig(sim, session, clock=clock, backoff=backoff, rng=highest) as ours:
        await ours.listener.wait_state(link_pb2.CONNECTED)
        growing = pauses(ours)
        assert growing == sorted(growing)
        assert growing[3] > 4 * growing[0] > 0

        clock.advance(119)
        await lose(sim, ours)
        assert pauses(ours)[-1] > growing[-1], "a brief connection does not count"

        clock.advance(121)
        await lose(sim, ours)
        assert pauses(ours)[-1] == growing[0], "a stable one does"


class MovedClock(SystemClock):
    """The machine's clock, until its boot clock is moved forward."""

    moved_s = 0

    def advance(self, seconds: int) -> None:
        self.moved_s += seconds

    def boot_ns(self) -> int:
        return super().boot_ns() + self.moved_s * 1_000_000_000


def highest(count: int) -> bytes:
    """Return the highest draw for a pause, and good randomness for everything else."""
    return b"\xff" * count if count == 6 else os.urandom(count)


def pauses(ours: Rig) -> list[int]:
    return [s.retry_in_ms for s in ours.listener.states if s.state == link_pb2.RECONNECTING]


async def lose(sim: Simulator, ours: Rig) -> None:
    """Cut the connection without a word, and wait until it stands again."""
    device = (await sim.phone("15550000001")).companions[0]
    count = len(pauses(ours))
    sim.disconnect(device)
    await ours.listener.wait_for(lambda: len(pauses(ours)) > count)
    await ours.listener.wait_state(link_pb2.CONNECTED)


async def test_a_service_that_says_nothing_is_left_after_the_connect_timeout(
    sim: Simulator, session: Path
) -> None:
    await paired(sim, session)
    sim.faults.plan(FaultKind.NO_SUCCESS)
    async with rig(sim, session, connect_timeout_s=0.3) as ours:
        lost = await ours.listener.wait_state(link_pb2.RECONNECTING)
        assert "said nothing" in lost.reason
        await ours.listener.wait_state(link_pb2.CONNECTED)


async def test_nobody_there_is_tried_again_with_the_address_in_the_reason(
    sim: Simulator, session: Path
) -> None:
    async with rig(sim, session, whatsapp_ws_url="ws://127.0.0.1:9/ws/chat") as ours:
        lost = await ours.listener.wait_state(link_pb2.RECONNECTING)
        assert "127.0.0.1:9" in lost.reason
        assert lost.code == 0


async def test_a_garbage_frame_spoils_the_connection_and_nothing_else(
    sim: Simulator, session: Path, log_lines: list[str]
) -> None:
    ann, bob = await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        sim.faults.plan(FaultKind.GARBAGE, "00ff01")
        bob.send(ann, "behind the garbage")
        await ours.listener.wait_for(lambda: "behind the garbage" in ours.listener.texts)
        assert ours.listener.texts == ["behind the garbage"]
        ended = [line for line in log_lines if "connection_ended" in line]
        assert len(ended) == 2, "one for the restart after pairing, one for the garbage"
    assert sim.record.retry_receipts() == []


async def test_a_server_that_wants_to_pair_a_paired_account_changes_nothing(
    sim: Simulator, tmp_path: Path
) -> None:
    """Nothing that a server says may cost a session, or show a code for a paired account."""
    session = tmp_path / "session.db"
    await paired(sim, session)
    async with rig(sim, session) as ours:
        await ours.listener.wait_state(link_pb2.CONNECTED)
        with ours.file.unit() as unit:
            before = unit.credentials.get()
        offer = Node("pair-device", {}, [Node("ref", {}, b"2@abc")])
        query = Node("iq", {"from": "@s.whatsapp.net", "id": "1", "type": "set", "xmlns": "md"})
        query.content = [offer]
        dials_before = dials(sim)
        phone = await sim.phone("15550000001")
        sim.hub.lines[phone.companions[-1]].push(query)
        await sim.wait_for(lambda: dials(sim) > dials_before)
        await ours.listener.wait_state(link_pb2.CONNECTED)
        with ours.file.unit() as unit:
            assert unit.credentials.get() == before
        assert ours.listener.codes == []


async def test_a_phone_too_old_to_link_devices_ends_the_waiting_with_its_reason(
    sim: Simulator, tmp_path: Path
) -> None:
    async with rig(sim, tmp_path / "session.db") as ours:
        await ours.listener.wait_for(lambda: ours.listener.codes)
        stream = ours.account.stream
        assert stream is not None
        with pytest.raises(ConnectionEnded) as ended:
            stream._informed(Node("ib", {}, [Node("downgrade_webclient")]))

    assert ended.value.disconnect.code == 411


async def test_a_server_that_never_asks_for_the_new_connection_is_left(
    sim: Simulator, tmp_path: Path
) -> None:
    """After a scan the server must end the stream; if it does not, we come back logged in."""
    ann = await sim.phone("15550000001", "Ann")
    session = tmp_path / "session.db"
    async with rig(sim, session, rotation=Rotation(restart_s=0.05)) as ours:
        await ours.pair(ann)

        assert [state.state for state in ours.listener.states][-1] == link_pb2.CONNECTED


async def test_an_error_nobody_thought_of_costs_one_message_and_not_the_account(
    sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")
    async with rig(sim, tmp_path / "session.db") as ours:
        await ours.pair(ann)
        with monkeypatch.context() as planted:
            planted.setattr(outgoing, "participant_hash", lambda _: 1 / 0)
            result = await ours.send(str(bob.jid), "poison")
            assert result.outcome == link_pb2.SendResult.REFUSED
        result = await ours.send(str(bob.jid), "fine")
        assert result.outcome == link_pb2.SendResult.SENT
        await bob.wait_received("fine")
