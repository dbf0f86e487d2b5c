"""The worker's end of the link: the spool is delivered in order, once, and not forgotten early."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared import link_pb2 as pb
from shared import logs
from shared.clock import SystemClock
from shared.errors import LinkError
from shared.link import VERSION, VersionMismatch, dial
from worker.reporter import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_NEWS, Reporter, SupervisorStalled
from worker.session import Credentials, SessionFile
from worker.session.spool import Key

from .supervisor_end import SupervisorEnd, supervisor

CLOCK = SystemClock()
TOKEN = b"t" * 32


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SessionFile]:
    credentials = Credentials.generate(CLOCK, os.urandom)
    with SessionFile.create(
        tmp_path / "session.db", CLOCK, lambda unit: unit.credentials.put(credentials)
    ) as opened:
        yield opened


def fill(file: SessionFile, texts: list[str]) -> list[int]:
    """Put messages into the spool, and return their rows."""
    rows = []
    with file.unit() as unit:
        for text in texts:
            event = pb.Event(message=pb.Message(id=text[:40], text=text))
            key = Key("message", "c", text[:40], "s")
            row = unit.spool.add(key, event.SerializeToString()).id
            assert row is not None
            rows.append(row)
    return rows


def waiting(file: SessionFile) -> int:
    with file.unit() as unit:
        return unit.spool.count()


async def connected(end: SupervisorEnd) -> Reporter:
    reporter, _ = await Reporter.connect(end.path, account_id="a", token=TOKEN, clock=CLOCK)
    return reporter


class Delivering:
    """A reporter that delivers a file's spool."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self.done: list[int] = []
        self.told = asyncio.Event()

    def delivered(self, rows: list[int]) -> None:
        self.done += rows
        self.told.set()

    async def wait_done(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.done) < count:
                self.told.clear()
                await self.told.wait()


@asynccontextmanager
async def delivering(reporter: Reporter, file: SessionFile) -> AsyncIterator[Delivering]:
    state = Delivering(reporter)
    duties = [
        asyncio.create_task(reporter.send_news()),
        asyncio.create_task(reporter.deliver(file, state.delivered)),
        asyncio.create_task(reporter.obey(_no_orders)),
    ]
    reporter.spooled()
    try:
        yield state
    finally:
        for duty in duties:
            duty.cancel()
        await asyncio.gather(*duties, return_exceptions=True)
        await reporter.close()


async def _no_orders(_: object) -> None:
    raise AssertionError("no order was given")


async def test_it_says_who_it_is_and_returns_the_welcome() -> None:
    async with supervisor(phone="15550000001") as end:
        reporter, welcome = await Reporter.connect(
            end.path, account_id="account_1", token=TOKEN, clock=CLOCK
        )
        assert welcome.phone == "15550000001"
        (hello,) = end.heard
        assert isinstance(hello, pb.Hello)
        assert (hello.version, hello.account_id, hello.token) == (VERSION, "account_1", TOKEN)
        assert hello.pid == os.getpid()
        await reporter.close()


async def test_a_supervisor_of_another_release_is_left() -> None:
    async with supervisor(version=VERSION + 1) as end:
        with pytest.raises(VersionMismatch):
            await connected(end)


async def test_nobody_there_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="connect to the supervisor"):
        await Reporter.connect(tmp_path / "no.sock", account_id="a", token=TOKEN, clock=CLOCK)


async def test_news_goes_out_in_order(file: SessionFile) -> None:
    async with supervisor() as end, delivering(await connected(end), file) as ours:
        for code in range(20):
            ours.reporter.state(pb.State(state=pb.CONNECTING, code=code))
        await end.wait_for(lambda: len(end.states) == 20)
        assert [state.code for state in end.states] == list(range(20))


async def test_a_supervisor_that_never_reads_is_noticed() -> None:
    async with supervisor() as end:
        reporter = await connected(end)
        for _ in range(MAX_NEWS):
            reporter.tell(pb.State())
        with pytest.raises(SupervisorStalled):
            reporter.tell(pb.State())
        await reporter.close()


async def test_the_spool_is_delivered_in_order_and_becomes_a_memory(file: SessionFile) -> None:
    texts = [f"{i}" for i in range(MAX_BATCH_EVENTS * 2 + 50)]
    rows = fill(file, texts)
    async with supervisor() as end, delivering(await connected(end), file) as ours:
        await ours.wait_done(len(rows))
        assert ours.done == rows
    assert [message.text for message in end.messages] == texts
    assert [event.spool_id for event in end.events] == rows
    assert [len(batch.events) for batch in end.batches] == [100, 100, 50]
    assert [batch.batch_id for batch in end.batches] == [1, 2, 3]
    assert waiting(file) == 0
    with file.unit() as unit:
        assert unit.handled.has(Key("message", "c", "7", "s"))


async def test_the_next_batch_waits_for_the_answer_to_the_last(file: SessionFile) -> None:
    fill(file, [f"{i}" for i in range(150)])
    async with supervisor(acking=False) as end, delivering(await connected(end), file) as ours:
        await end.wait_for(lambda: end.batches)
        assert (len(end.batches), ours.done, waiting(file)) == (1, [], 150)
        await end.say(pb.BatchAck(batch_id=1))
        await end.wait_for(lambda: len(end.batches) == 2)
        assert (len(ours.done), waiting(file)) == (100, 50)


async def test_an_answer_to_something_else_does_not_count(file: SessionFile) -> None:
    fill(file, ["only"])
    async with supervisor(acking=False) as end, delivering(await connected(end), file) as ours:
        await end.wait_for(lambda: end.batches)
        for batch_id in (0, 7, 2):
            await end.say(pb.BatchAck(batch_id=batch_id))
        ours.reporter.state(pb.State(code=1))
        await end.wait_for(lambda: end.states)
        assert (ours.done, waiting(file)) == ([], 1)
        await end.say(pb.BatchAck(batch_id=1))
        await ours.wait_done(1)


async def test_an_unanswered_batch_goes_again_under_its_number(file: SessionFile) -> None:
    rows = fill(file, ["again"])
    async with supervisor(acking=False) as end:
        link = await dial(end.path, timeout_s=5)
        reporter = Reporter(link, CLOCK, ack_timeout_s=0.05)
        async with delivering(reporter, file) as ours:
            await end.wait_for(lambda: len(end.batches) >= 3)
            assert {batch.batch_id for batch in end.batches} == {1}
            assert len({batch.SerializeToString() for batch in end.batches}) == 1
            await end.say(pb.BatchAck(batch_id=1))
            await ours.wait_done(1)
            fill(file, ["next"])
            ours.reporter.spooled()
            await end.wait_for(lambda: end.batches[-1].batch_id == 2)
            await end.say(pb.BatchAck(batch_id=1))  # late, to an earlier try
            await end.say(pb.BatchAck(batch_id=2))
            await ours.wait_done(2)
    assert ours.done[0] == rows[0]


async def test_a_batch_stays_below_its_size_unless_one_event_is_over_it(file: SessionFile) -> None:
    big = "x" * (MAX_BATCH_BYTES * 2 // 3)
    fill(file, ["1" + big, "2" + big, "3" + big * 2, "4"])
    async with supervisor() as end, delivering(await connected(end), file) as ours:
        await ours.wait_done(4)
    assert [[m.message.text[0] for m in batch.events] for batch in end.batches] == [
        ["1"],
        ["2"],
        ["3"],
        ["4"],
    ]


async def test_what_comes_while_a_batch_is_out_follows_by_itself(file: SessionFile) -> None:
    fill(file, ["first"])
    async with supervisor(acking=False) as end, delivering(await connected(end), file) as ours:
        await end.wait_for(lambda: end.batches)
        fill(file, ["second"])
        ours.reporter.spooled()
        end.acking = True
        await end.say(pb.BatchAck(batch_id=1))
        await ours.wait_done(2)
    assert [message.text for message in end.messages] == ["first", "second"]


async def test_a_supervisor_that_hangs_up_ends_every_duty(file: SessionFile) -> None:
    async with supervisor() as end:
        reporter = await connected(end)
        obeying = asyncio.create_task(reporter.obey(_no_orders))
        await end.hang_up()
        with pytest.raises(LinkError):
            await asyncio.wait_for(obeying, 5)
        await reporter.close()
    fill(file, ["kept"])
    assert waiting(file) == 1


async def test_orders_are_handed_over_and_answers_are_not() -> None:
    taken: list[object] = []
    got = asyncio.Event()

    async def take(order: object) -> None:
        taken.append(order)
        got.set()

    async with supervisor() as end:
        reporter = await connected(end)
        obeying = asyncio.create_task(reporter.obey(take))
        await end.say(pb.BatchAck(batch_id=9))
        await end.say(pb.Send(request_id="r", message_id="m", to="t", text="x"))
        await asyncio.wait_for(got.wait(), 5)
        obeying.cancel()
        await asyncio.gather(obeying, return_exceptions=True)
        await reporter.close()
    (order,) = taken
    assert isinstance(order, pb.Send)


async def test_last_words_are_sent_when_nobody_sends_news_any_more() -> None:
    async with supervisor() as end:
        reporter = await connected(end)
        reporter.tell(pb.State(code=1))
        reporter.tell(pb.State(code=2))
        await reporter.flush(5)
        await end.wait_for(lambda: len(end.states) == 2)
        await reporter.close()


async def test_a_disk_that_takes_nothing_repeats_a_batch_and_forgets_nothing(
    file: SessionFile, log_lines: list[str]
) -> None:
    rows = fill(file, ["repeated"])
    async with supervisor(acking=False) as end:
        link = await dial(end.path, timeout_s=5)
        reporter = Reporter(link, CLOCK, disk_pause_s=0.01)
        async with delivering(reporter, file) as ours:
            await end.wait_for(lambda: end.batches)
            file._connection.execute("PRAGMA query_only = ON")
            end.acking = True
            await end.say(pb.BatchAck(batch_id=1))
            await until_logged(log_lines, "delivery_not_noted", 3)
            assert ours.done == []
            file._connection.execute("PRAGMA query_only = OFF")
            await ours.wait_done(1)
    assert ours.done == rows
    assert [event.spool_id for event in end.events] == rows * 2


async def until_logged(log_lines: list[str], event: str, times: int) -> None:
    """Wait until an event has been logged so often."""
    changed = asyncio.Event()
    take_off = logs.tap(lambda _: changed.set())
    try:
        async with asyncio.timeout(10):
            while sum(f'"event":"{event}"' in line for line in log_lines) < times:
                changed.clear()
                await changed.wait()
    finally:
        take_off()
