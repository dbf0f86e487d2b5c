"""A real worker process: what it does with signals, orders, damage and a supervisor that dies."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from shared import link_pb2 as pb
from shared.clock import SystemClock
from shared.exit_codes import ExitCode
from shared.spawn import SpawnOrder
from tests.simulator import Phone, Simulator
from worker.session import AccountLock

from .supervisor_end import SupervisorEnd, supervisor
from .whatsapp.rig import new_session, settings_for

BOB = "15550000002@s.whatsapp.net"
CONNECTED = pb.CONNECTED
SOON_S = 20.0


@dataclass
class Process:
    """A worker process, and what it wrote to its standard error."""

    child: asyncio.subprocess.Process
    stderr: bytes = field(default=b"")

    async def ended(self) -> int:
        """Wait for its end, and return how it ended."""
        _, self.stderr = await asyncio.wait_for(self.child.communicate(), SOON_S)
        assert self.child.returncode is not None
        return self.child.returncode


@dataclass
class House:
    """Everything around worker processes of one account."""

    sim: Simulator
    end: SupervisorEnd
    directory: Path

    @asynccontextmanager
    async def worker(self, **changes: object) -> AsyncIterator[Process]:
        """Start a worker as the supervisor does; one that still runs at the end is killed."""
        process = Process(await self._start(**changes))
        try:
            yield process
        finally:
            if process.child.returncode is None:
                process.child.kill()
                await process.ended()

    async def _start(self, **changes: object) -> asyncio.subprocess.Process:
        settings = settings_for(self.sim, self.directory.parent, link_path=self.end.path, **changes)
        order = SpawnOrder(
            account_id="account_test_1",
            directory=str(self.directory),
            link_path=str(self.end.path),
            token="ab" * 32,
            supervisor_pid=os.getpid(),
            settings=replace(settings, heartbeat_interval_s=0.2),
        )
        reader, writer = os.pipe()
        try:
            os.write(writer, order.encode())
            os.close(writer)
            return await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", "worker.process", "test", str(reader)),
                pass_fds=(reader,),
                stderr=asyncio.subprocess.PIPE,
            )
        finally:
            os.close(reader)

    async def paired(self) -> Phone:
        """Pair the account with Ann's phone in a first life of the worker."""
        ann = await self.sim.phone("15550000001", "Ann")
        async with self.worker() as process:
            await ann.scan(await self.end.wait_for(lambda: self.end.code))
            await self.end.wait_for(lambda: self.end.in_state(CONNECTED))
            await self.sim.wait_settled()
            await self.end.say(pb.Stop(reason="paired"))
            assert await process.ended() == ExitCode.STOPPED
        self.end.heard.clear()
        return ann

    def database(self) -> sqlite3.Connection:
        return sqlite3.connect(self.directory / "session.db")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with Simulator() as sim, supervisor() as end:
        yield House(sim, end, tmp_path / "account_test_1")


async def test_a_whole_life_from_the_code_to_the_stop(house: House) -> None:
    ann, bob = await house.sim.phone("15550000001", "Ann"), await house.sim.phone("15550000002")
    async with house.worker() as process:
        await ann.scan(await house.end.wait_for(lambda: house.end.code))
        await house.end.wait_for(lambda: house.end.in_state(CONNECTED))
        bob.send(ann, "a body like no other")
        await house.end.wait_for(lambda: house.end.messages)
        await house.end.say(pb.Send(request_id="r1", message_id="3EB0AA", to=BOB, text="an answer"))
        (result,) = await house.end.wait_for(lambda: house.end.results)
        assert (result.request_id, result.outcome) == ("r1", pb.SendResult.SENT)
        assert (await bob.wait_received("an answer")).message_id == "3EB0AA"
        await house.end.wait_for(
            lambda: [b for b in house.end.heard if isinstance(b, pb.Heartbeat)]
        )
        await house.end.say(pb.Stop(reason="enough"))
        assert await process.ended() == ExitCode.STOPPED
    lines = process.stderr.decode()
    assert '"event":"worker_stopped"' in lines
    for secret in ("a body like no other", "an answer", "15550000001", "15550000002", "ab" * 32):
        assert secret not in lines
    assert house.sim.record.broken() == []


async def test_the_wrong_phone_is_refused_by_the_number_in_the_welcome(house: House) -> None:
    house.end.phone = "15550000001"
    eve = await house.sim.phone("15550000066", "Eve")
    async with house.worker():
        code = await house.end.wait_for(lambda: house.end.code)
        with pytest.raises(Exception, match="refused"):
            await eve.scan(code)
        await house.end.wait_for(lambda: house.end.code not in ("", code))
        assert "…66" in house.end.states[-1].reason
    assert eve.companions == []


async def test_a_kill_between_commit_and_answer_loses_and_doubles_nothing(house: House) -> None:
    ann = await house.paired()
    bob = await house.sim.phone("15550000002", "Bob")
    house.end.acking = False
    async with house.worker(store_ack_wait_s=60.0) as process:
        await house.end.wait_for(lambda: house.end.in_state(CONNECTED))
        bob.send(ann, "durable")
        await house.end.wait_for(lambda: house.end.messages)
        process.child.kill()
        assert await process.ended() == -9
    (first,) = house.end.messages

    house.end.heard.clear()
    house.end.acking = True
    async with house.worker() as process:
        await house.end.wait_for(lambda: house.end.messages)
        await house.end.wait_for(lambda: house.end.in_state(CONNECTED))
        await house.sim.wait_settled()
        bob.send(ann, "and on")
        await house.end.wait_for(lambda: [m for m in house.end.messages if m.text == "and on"])
        await house.sim.wait_settled()
        await house.end.say(pb.Stop())
        assert await process.ended() == ExitCode.STOPPED
    assert [message.text for message in house.end.messages] == ["durable", "and on"]
    assert house.end.messages[0].id == first.id
    assert house.sim.record.retry_receipts() == []

    house.end.heard.clear()
    async with house.worker():
        await house.end.wait_for(lambda: house.end.in_state(CONNECTED))
        await house.sim.wait_settled()
    assert house.end.messages == []
    assert house.sim.record.broken() == []


async def test_a_stop_lets_a_message_that_is_on_its_way_arrive(house: House) -> None:
    ann = await house.paired()
    bob = await house.sim.phone("15550000002", "Bob")
    async with house.worker() as process:
        await house.end.wait_for(lambda: house.end.in_state(CONNECTED))
        await house.sim.wait_online(ann.companions[0])
        house.sim.faults.hold(ann.number)
        await house.end.say(pb.Send(request_id="r1", message_id="3EB0AA", to=BOB, text="last"))
        await house.end.say(pb.Stop(reason="redeploy"))
        await house.sim.wait_for(
            lambda: [n for n in house.sim.record.nodes("iq") if n.attrs.get("xmlns") == "usync"]
        )
        house.sim.faults.release(ann.number)
        assert await process.ended() == ExitCode.STOPPED
    assert (await bob.wait_received("last")).text
    assert [result.outcome for result in house.end.results] == [pb.SendResult.SENT]


async def test_a_stop_with_unlink_leaves_nothing_on_the_phone(house: House) -> None:
    ann = await house.paired()
    async with house.worker() as process:
        await house.end.wait_for(lambda: house.end.in_state(CONNECTED))
        await house.end.say(pb.Stop(reason="deleted", unlink=True))
        assert await process.ended() == ExitCode.STOPPED
    assert ann.companions == []


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
async def test_a_signal_to_stop_ends_it_in_good_order(house: House, number: str) -> None:
    import signal  # the parameter names it

    async with house.worker() as process:
        await house.end.wait_for(lambda: house.end.code)
        process.child.send_signal(getattr(signal, number))
        assert await process.ended() == ExitCode.STOPPED


async def test_a_supervisor_that_goes_takes_its_worker_with_it(house: House) -> None:
    await house.paired()
    async with house.worker() as process:
        await house.end.wait_for(lambda: house.end.in_state(CONNECTED))
        await house.end.hang_up()
        await process.ended()
        assert '"event":"supervisor_gone"' in process.stderr.decode()
    await house.sim.wait_for(lambda: not house.sim.hub.lines)


async def test_an_account_that_another_process_holds_is_left_alone(house: House) -> None:
    with AccountLock(house.directory):
        async with house.worker() as process:
            assert await process.ended() == ExitCode.LOCKED
    assert house.end.in_state(pb.STOPPED)
    assert house.end.states[-1].reason
    assert not (house.directory / "session.db").exists()
    assert house.sim.record.connections == []


async def test_a_damaged_session_is_reported_and_not_touched(house: House) -> None:
    house.directory.mkdir()
    path = house.directory / "session.db"
    new_session(path, SystemClock()).close()
    damaged = bytearray(path.read_bytes())
    damaged[4096 : 4096 + 2048] = os.urandom(2048)
    path.write_bytes(damaged)
    async with house.worker() as process:
        assert await process.ended() == ExitCode.CREDS_CORRUPT
    assert path.read_bytes() == damaged
    assert house.end.in_state(pb.STOPPED)
    assert "session file" in house.end.states[-1].reason
    assert house.sim.record.connections == [], "no QR for an account that may have been paired"


async def test_an_empty_session_file_is_damage_and_not_absence(house: House) -> None:
    house.directory.mkdir()
    (house.directory / "session.db").write_bytes(b"")
    async with house.worker() as process:
        assert await process.ended() == ExitCode.CREDS_CORRUPT
    assert (house.directory / "session.db").read_bytes() == b""
    assert house.sim.record.connections == []


async def test_a_session_file_that_fails_in_use_ends_it_with_a_word(house: House) -> None:
    """The spool can't be emptied: what was delivered would be delivered for ever."""
    ann = await house.paired()
    bob = await house.sim.phone("15550000002", "Bob")
    async with house.worker() as process:
        await house.end.wait_for(lambda: house.end.in_state(CONNECTED))
        with house.database() as database:
            database.execute(
                "CREATE TRIGGER no BEFORE DELETE ON spool "
                "BEGIN SELECT RAISE(ABORT, 'a test wants it'); END"
            )
        database.close()
        bob.send(ann, "kept")
        assert await process.ended() == 1
        assert '"event":"session_failed"' in process.stderr.decode()
        assert "Traceback" not in process.stderr.decode()
    assert "a test wants it" in house.end.states[-1].reason


async def test_an_order_that_can_not_be_read_is_a_failed_start(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"{}")
    os.close(writer)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "worker.process", "test", str(reader)),
        pass_fds=(reader,),
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(reader)
    assert await Process(child).ended() == ExitCode.BOOT_ERROR


async def test_nobody_at_the_link_is_a_failed_start(house: House) -> None:
    house.end.path.unlink()
    async with house.worker() as process:
        assert await process.ended() == ExitCode.BOOT_ERROR
    assert '"event":"worker_not_begun"' in process.stderr.decode()
    assert not house.directory.exists()


async def test_an_account_that_was_logged_out_says_so_with_its_code(house: House) -> None:
    ann = await house.paired()
    async with house.worker() as process:
        await house.end.wait_for(lambda: house.end.in_state(CONNECTED))
        ann.unlink()
        assert await process.ended() == ExitCode.LOGGED_OUT
    assert house.end.in_state(pb.STOPPED)
    assert house.end.states[-1].terminal
