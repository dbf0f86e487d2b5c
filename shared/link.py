"""The Unix-socket link between a worker and its supervisor: frames, limits, one connection.

A frame is a 4-byte big-endian length and a protobuf envelope (`link.proto`): `ToSupervisor` in
one direction, `ToWorker` in the other. Both ends refuse a frame over `MAX_FRAME_BYTES`, the
sender before it writes anything. What a peer has not read yet is bounded: `send` waits for room,
and a frame that could not be handed over in time was not sent at all.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from google.protobuf.message import DecodeError, EncodeError, Message

from shared import link_pb2 as pb
from shared.errors import LinkError

VERSION: Final = 1  # raised with every change that an older end would misread
MAX_FRAME_BYTES: Final = 4 * 1024 * 1024  # an inbound batch is far smaller
MAX_QUEUED_BYTES: Final = 1024 * 1024  # written, not yet read by the peer, before send waits
MAX_SOCKET_PATH_BYTES: Final = 107  # sun_path of unix(7), less its final zero
CLOSE_TIMEOUT_S: Final = 1.0

_LENGTH: Final = struct.Struct(">I")
_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid

ToSupervisorBody = (
    pb.Hello | pb.State | pb.Qr | pb.Inbound | pb.SendResult | pb.Heartbeat | pb.Paired
)
ToWorkerBody = pb.Welcome | pb.BatchAck | pb.Send | pb.Stop | pb.Deadline | pb.MarkRead

Sends = TypeVar("Sends", bound=Message)
Receives = TypeVar("Receives", bound=Message)


class LinkClosed(LinkError):
    """The peer is gone, or this end has been closed."""


class LinkStalled(LinkError):
    """The peer does not read: nothing was sent."""


class FrameTooLarge(LinkError):
    """A frame over the limit: nothing was written, or the stream can't be read any further."""


class MalformedFrame(LinkError):
    """Not an envelope of this direction with a body that this version knows."""


class VersionMismatch(LinkError):
    """The two ends are of different releases."""


class Link(Generic[Sends, Receives]):
    """One end of one connection; use it once, and `close` it whatever happened.

    Make it with `worker_end` or `supervisor_end`. `send` may be called from many tasks;
    `receive` from one.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        sends: type[Message],
        receives: type[Message],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._sends = sends
        self._receives = receives
        self._fields = _fields_by_type(sends)
        self._expected_bytes: int | None = None  # of a frame whose length has been read
        self._turn = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None
        writer.transport.set_write_buffer_limits(high=MAX_QUEUED_BYTES)

    @property
    def closed(self) -> bool:
        """Whether this end has been closed; the peer's end shows in `receive`."""
        return self._writer.is_closing()

    @property
    def queued_bytes(self) -> int:
        """How much has been sent and not yet been taken by the kernel."""
        return self._writer.transport.get_write_buffer_size()

    def fileno(self) -> int:
        """Return the socket's descriptor, for one who watches whether it stands."""
        return int(self._writer.get_extra_info("socket").fileno())

    async def send(self, body: Sends, *, timeout_s: float) -> None:
        """Hand one message over, in the order of the calls.

        Raises:
            FrameTooLarge: it is over the limit; nothing was written, the link lives on.
            LinkStalled: no room within the time; nothing was written, the link lives on.
            LinkClosed: the connection is gone.
        """
        frame = self._frame(body)
        try:
            async with asyncio.timeout(timeout_s), self._turn:
                await self._room()
                self._writer.write(frame)
        except TimeoutError:
            raise LinkStalled(
                f"send {type(body).__name__}: the peer has not read for {timeout_s:g} s"
            ) from None

    async def receive(self) -> Receives:
        """Return the next message's body; cancelling it, or a timeout around it, loses nothing.

        Raises:
            LinkClosed: the peer closed the connection, or died.
            FrameTooLarge: the peer announces more than the limit; close the link.
            MalformedFrame: the frame is not what this direction carries; close the link.
        """
        if self._expected_bytes is None:
            (length,) = _LENGTH.unpack(await self._read(_LENGTH.size))
            self._expected_bytes = _checked_size(length, "receive a frame")
        payload = await self._read(self._expected_bytes)
        self._expected_bytes = None
        return cast("Receives", self._body(payload))

    async def close(self, *, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Close this end, as often as you like; it never raises.

        Args:
            timeout_s: how long the peer may still read what has been sent.
        """
        if self._closing is None:
            self._writer.close()
            self._closing = asyncio.create_task(self._wait_closed())
        await asyncio.wait({self._closing}, timeout=timeout_s)
        self._writer.transport.abort()  # a peer that does not read keeps nothing alive
        await asyncio.wait({self._closing}, timeout=timeout_s)

    async def _wait_closed(self) -> None:
        with contextlib.suppress(OSError):  # the peer was faster
            await self._writer.wait_closed()

    def _frame(self, body: Sends) -> bytes:
        envelope = self._envelope(body)
        size = _checked_size(envelope.ByteSize(), f"send {type(body).__name__}")
        try:
            return _LENGTH.pack(size) + envelope.SerializeToString()
        except EncodeError as error:
            raise MalformedFrame(f"send {type(body).__name__}: {error}") from error

    def _envelope(self, body: Message) -> Message:
        name = self._fields.get(body.DESCRIPTOR.name)
        if name is None:
            raise MalformedFrame(f"{type(body).__name__} does not travel in this direction")
        envelope = self._sends()
        getattr(envelope, name).CopyFrom(body)
        getattr(envelope, name).SetInParent()  # an empty body is a message too
        return envelope

    async def _room(self) -> None:
        if self._writer.is_closing():
            raise LinkClosed("send on the link: it is closed")
        try:
            await self._writer.drain()
        except OSError as error:
            raise LinkClosed(f"send on the link: {error or 'the peer is gone'}") from error

    async def _read(self, count: int) -> bytes:
        try:
            return await self._reader.readexactly(count)
        except asyncio.IncompleteReadError as error:
            cut = "inside a frame" if error.partial or self._expected_bytes else "between frames"
            raise LinkClosed(f"receive on the link: it ended {cut}") from None
        except OSError as error:
            raise LinkClosed(f"receive on the link: {error}") from error

    def _body(self, payload: bytes) -> Message:
        envelope = self._receives()
        try:
            envelope.ParseFromString(payload)
        except DecodeError as error:
            raise MalformedFrame(f"a frame of {len(payload)} bytes is no {_name(envelope)}") from (
                error
            )
        kind = envelope.WhichOneof("body")
        if kind is None:
            raise MalformedFrame(
                f"a {_name(envelope)} without a body that this version knows",
                hint="restart the daemon, so that both ends are of one release",
            )
        return cast("Message", getattr(envelope, kind))


WorkerLink = Link[ToSupervisorBody, ToWorkerBody]
SupervisorLink = Link[ToWorkerBody, ToSupervisorBody]


def worker_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> WorkerLink:
    """Return the worker's end of a connection."""
    return WorkerLink(reader, writer, sends=pb.ToSupervisor, receives=pb.ToWorker)


def supervisor_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> SupervisorLink:
    """Return the supervisor's end of a connection."""
    return SupervisorLink(reader, writer, sends=pb.ToWorker, receives=pb.ToSupervisor)


async def dial(path: Path, *, timeout_s: float) -> WorkerLink:
    """Connect a worker to its supervisor.

    Raises:
        LinkClosed: nobody listens there, or not within the time.
    """
    check_socket_path(path)
    try:
        async with asyncio.timeout(timeout_s):
            return worker_end(*await asyncio.open_unix_connection(path))
    except (OSError, TimeoutError) as error:
        raise LinkClosed(
            f"connect to the supervisor at {path}: {error or 'no answer'}",
            hint="the supervisor is gone or still starting",
        ) from error


def check_version(peer: int) -> None:
    """Refuse a peer of another release.

    Raises:
        VersionMismatch: its version is not ours.
    """
    if peer != VERSION:
        raise VersionMismatch(
            f"the other end of the link speaks version {peer}, this end {VERSION}",
            hint="restart the daemon, so that both ends are of one release",
        )


def check_socket_path(path: Path) -> None:
    """Refuse a path that the kernel would cut off.

    Raises:
        LinkError: it is too long for a Unix socket.
    """
    size = len(str(path).encode())
    if size > MAX_SOCKET_PATH_BYTES:
        raise LinkError(
            f"the link's socket path has {size} bytes, {MAX_SOCKET_PATH_BYTES} are the most",
            hint="set RUN_PATH to a shorter directory",
        )


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a Unix socket, as the kernel saw it when they connected."""

    pid: int
    uid: int
    gid: int


class HasSocketOptions(Protocol):
    """A socket, or asyncio's stand-in for one (`writer.get_extra_info("socket")`)."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        """Return a socket option as bytes."""
        ...


def peer(sock: HasSocketOptions) -> Peer:
    """Return the peer's credentials (SO_PEERCRED of unix(7)).

    Raises:
        LinkError: this is no connected Unix socket.
    """
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError as error:
        raise LinkError(f"ask who is at the other end of the link: {error}") from error
    return Peer(*_CREDENTIALS.unpack(raw))


def peer_uid(sock: HasSocketOptions) -> int:
    """Return the user id at the other end; compare it with `os.geteuid()`."""
    return peer(sock).uid


def _fields_by_type(envelope: type[Message]) -> dict[str, str]:
    """Return which field of an envelope carries which type of message."""
    types = ((field.message_type, field.name) for field in envelope.DESCRIPTOR.fields)
    return {kind.name: name for kind, name in types if kind is not None}


def _checked_size(size: int, act: str) -> int:
    if size > MAX_FRAME_BYTES:
        raise FrameTooLarge(f"{act}: {size} bytes, {MAX_FRAME_BYTES} are the most")
    return size


def _name(message: Any) -> str:
    return str(message.DESCRIPTOR.name)
