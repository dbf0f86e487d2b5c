"""The link over real Unix sockets: order, limits, and every way it can end."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from shared import link_pb2 as pb
from shared.errors import LinkError
from shared.link import (
    MAX_FRAME_BYTES,
    VERSION,
    FrameTooLarge,
    Link,
    LinkClosed,
    LinkStalled,
    MalformedFrame,
    SupervisorLink,
    VersionMismatch,
    WorkerLink,
    check_version,
    dial,
    peer,
    peer_uid,
    supervisor_end,
    worker_end,
)

TIMEOUT_S = 10.0
BIG = "x" * 500_000


async def _send_until_stalled(link: Link[Any, Any], body: Message) -> int:
    """Send as often as it goes; return how often that was."""
    for sent in range(100):
        try:
            await link.send(body, timeout_s=0.05)
        except LinkStalled:
            return sent
    raise AssertionError("a peer that does not read never stalled the sender")


async def _receive_until_the_end(link: Link[Any, Any]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            await link.receive()


async def _send_until_the_end(link: Link[Any, Any]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            await link.send(pb.Stop(reason=BIG), timeout_s=TIMEOUT_S)


@asynccontextmanager
async def _both_ends() -> AsyncIterator[tuple[WorkerLink, SupervisorLink]]:
    ours, theirs = socket.socketpair()
    worker = worker_end(*await asyncio.open_connection(sock=ours))
    supervisor = supervisor_end(*await asyncio.open_connection(sock=theirs))
    try:
        yield worker, supervisor
    finally:
        await worker.close()
        await supervisor.close()


@asynccontextmanager
async def _raw_peer() -> AsyncIterator[tuple[SupervisorLink, socket.socket]]:
    """Give a supervisor's end, and bare bytes at the other."""
    ours, theirs = socket.socketpair()
    supervisor = supervisor_end(*await asyncio.open_connection(sock=ours))
    try:
        yield supervisor, theirs
    finally:
        theirs.close()
        await supervisor.close()


async def test_messages_arrive_as_they_were_sent_in_both_directions() -> None:
    hello = pb.Hello(version=VERSION, account_id="account_prod_x", token=b"\x00\xff", pid=7)
    async with _both_ends() as (worker, supervisor):
        await worker.send(hello, timeout_s=TIMEOUT_S)
        await supervisor.send(pb.Welcome(version=VERSION), timeout_s=TIMEOUT_S)

        assert await supervisor.receive() == hello
        assert await worker.receive() == pb.Welcome(version=VERSION)


async def test_an_empty_message_is_a_message() -> None:
    async with _both_ends() as (worker, supervisor):
        await worker.send(pb.Qr(), timeout_s=TIMEOUT_S)

        assert await supervisor.receive() == pb.Qr()


async def test_many_senders_do_not_mix_their_frames_and_keep_their_order() -> None:
    async with _both_ends() as (worker, supervisor):

        async def chat(name: int) -> None:
            for count in range(50):
                result = pb.SendResult(request_id=f"{name}", code=count, reason="x" * 30_000)
                await worker.send(result, timeout_s=TIMEOUT_S)

        async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
            for name in range(5):
                group.create_task(chat(name))
            seen: dict[str, list[int]] = {}
            for _ in range(250):
                result = await supervisor.receive()
                assert isinstance(result, pb.SendResult)
                seen.setdefault(result.request_id, []).append(result.code)

    assert seen == {str(name): list(range(50)) for name in range(5)}


async def test_a_frame_at_the_limit_passes_and_one_over_it_is_refused_before_writing() -> None:
    overhead = pb.ToSupervisor(qr=pb.Qr(payload="x" * MAX_FRAME_BYTES)).ByteSize() - MAX_FRAME_BYTES
    largest = pb.Qr(payload="x" * (MAX_FRAME_BYTES - overhead))
    async with _both_ends() as (worker, supervisor), asyncio.timeout(TIMEOUT_S):
        with pytest.raises(FrameTooLarge, match=r"send Qr: 4194305 bytes, 4194304"):
            await worker.send(pb.Qr(payload=largest.payload + "x"), timeout_s=TIMEOUT_S)
        sending = asyncio.create_task(worker.send(largest, timeout_s=TIMEOUT_S))

        assert await supervisor.receive() == largest
        await sending


async def test_a_peer_that_does_not_read_stalls_the_sender_and_loses_nothing() -> None:
    body = pb.SendResult(reason=BIG)
    async with _both_ends() as (worker, supervisor):
        sent = await _send_until_stalled(worker, body)

        with pytest.raises(LinkStalled, match=r"send SendResult: .* not read for 0\.01 s"):
            await worker.send(body, timeout_s=0.01)
        assert 2 <= sent <= 5
        assert worker.queued_bytes < 2_000_000
        for _ in range(sent):
            assert await supervisor.receive() == body
        await worker.send(pb.Qr(payload="after"), timeout_s=TIMEOUT_S)
        assert await supervisor.receive() == pb.Qr(payload="after")


async def test_a_receive_that_was_cancelled_inside_a_frame_loses_nothing() -> None:
    frame = pb.ToSupervisor(qr=pb.Qr(payload="whole")).SerializeToString()
    async with _raw_peer() as (supervisor, raw):
        for part in (b"\x00\x00", b"\x00" + bytes([len(frame)]), frame[:3]):
            raw.sendall(part)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await supervisor.receive()
        raw.sendall(frame[3:])

        async with asyncio.timeout(TIMEOUT_S):
            assert await supervisor.receive() == pb.Qr(payload="whole")


@pytest.mark.parametrize(
    ("sent", "where"),
    [(b"", "between frames"), (b"\x00\x00", "inside a frame"), (b"\x00\x00\x00\x05", "inside"),
     (b"\x00\x00\x00\x05abc", "inside a frame")],
)  # fmt: skip
async def test_a_peer_that_goes_away_closes_the_link(sent: bytes, where: str) -> None:
    async with _raw_peer() as (supervisor, raw):
        raw.sendall(sent)
        raw.close()

        with pytest.raises(LinkClosed, match=where):
            async with asyncio.timeout(TIMEOUT_S):
                await supervisor.receive()


async def test_an_announced_giant_is_refused_before_it_is_read() -> None:
    async with _raw_peer() as (supervisor, raw):
        raw.sendall(struct.pack(">I", MAX_FRAME_BYTES + 1))

        with pytest.raises(FrameTooLarge, match="receive a frame"):
            async with asyncio.timeout(TIMEOUT_S):
                await supervisor.receive()


@pytest.mark.parametrize(
    "payload",
    [
        b"",  # no body
        b"\xff\xff\xff",  # no protobuf
        pb.ToWorker(send=pb.Send(to="x")).SerializeToString()[:-1],  # cut
        b"\xf2\x3f\x00",  # field 1022, which no version knows
    ],
)
async def test_what_is_no_message_is_refused(payload: bytes) -> None:
    async with _raw_peer() as (supervisor, raw):
        raw.sendall(struct.pack(">I", len(payload)) + payload)

        with pytest.raises(MalformedFrame):
            async with asyncio.timeout(TIMEOUT_S):
                await supervisor.receive()


async def test_a_message_of_the_other_direction_is_not_sent() -> None:
    async with _both_ends() as (worker, _):
        with pytest.raises(MalformedFrame, match="Stop does not travel in this direction"):
            await worker.send(pb.Stop(), timeout_s=TIMEOUT_S)  # type: ignore[arg-type]


async def test_a_closed_link_says_so_and_closes_again() -> None:
    async with _both_ends() as (worker, supervisor):
        await worker.close()
        await worker.close()

        assert worker.closed
        with pytest.raises(LinkClosed):
            await worker.send(pb.Qr(), timeout_s=TIMEOUT_S)
        with pytest.raises(LinkClosed):
            await supervisor.receive()


async def test_sending_to_a_dead_peer_ends_in_a_closed_link() -> None:
    async with _raw_peer() as (supervisor, raw):
        raw.close()

        with pytest.raises(LinkClosed):
            await _send_until_the_end(supervisor)


async def test_closing_does_not_wait_for_a_peer_that_never_reads() -> None:
    async with _raw_peer() as (supervisor, _):
        await _send_until_stalled(supervisor, pb.Stop(reason=BIG))

        async with asyncio.timeout(TIMEOUT_S):
            await supervisor.close(timeout_s=0.05)


async def test_a_worker_dials_and_the_kernel_says_who_it_is(tmp_path: Path) -> None:
    path = tmp_path / "link.sock"
    met: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = supervisor_end(reader, writer)
        sock = writer.get_extra_info("socket")
        met.set_result((peer(sock).pid, peer_uid(sock)))
        await link.send(pb.Welcome(version=VERSION), timeout_s=TIMEOUT_S)
        await link.close()

    async with await asyncio.start_unix_server(meet, path):
        worker = await dial(path, timeout_s=TIMEOUT_S)
        assert await worker.receive() == pb.Welcome(version=VERSION)
        await worker.close()

    assert await met == (os.getpid(), os.geteuid())


async def test_dialling_nobody_says_where(tmp_path: Path) -> None:
    with pytest.raises(LinkClosed, match=f"{tmp_path}.*gone or still starting"):
        await dial(tmp_path / "link.sock", timeout_s=TIMEOUT_S)


async def test_a_path_too_long_for_a_socket_is_refused_with_the_way_out() -> None:
    with pytest.raises(LinkError, match="RUN_PATH"):
        await dial(Path("/" + "x" * 120), timeout_s=TIMEOUT_S)


def test_a_socket_that_is_closed_has_no_peer() -> None:
    closed = socket.socket(socket.AF_UNIX)
    closed.close()

    with pytest.raises(LinkError, match="who is at the other end"):
        peer_uid(closed)


def test_another_version_is_refused() -> None:
    check_version(VERSION)

    with pytest.raises(VersionMismatch, match=f"version 99, this end {VERSION}"):
        check_version(99)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_end_in_a_message_or_an_error_of_ours(data: bytes) -> None:
    async def read_all() -> None:
        async with _raw_peer() as (supervisor, raw):
            raw.sendall(data)
            raw.close()
            with pytest.raises(LinkError):
                await _receive_until_the_end(supervisor)

    asyncio.run(read_all())
