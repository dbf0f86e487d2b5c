"""One encrypted WebSocket to WhatsApp: nodes in, nodes out. One instance is one connection."""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from shared.clock import Clock
from shared.errors import WhatsAppError
from shared.logs import get_logger
from worker.wire import Node, decode, encode
from worker.wire.curve import KeyPair, Rng
from worker.wire.frames import MAX_FRAME_BYTES, FrameReader, frame, intro
from worker.wire.handshake import ClientHandshake, Transport

log = get_logger(__name__)

HANDSHAKE_TIMEOUT_S = 20.0
SEND_TIMEOUT_S = 20.0
CLOSE_TIMEOUT_S = 2.0

# Bytes that the kernel holds leave even a process that is stopped: few may be there when a lease
# ends. The kernel doubles it (socket(7)).
SEND_BUFFER_BYTES = 32 * 1024

# What the web client sends as its origin; servers in between look at it.
ORIGIN = "https://web.whatsapp.com"


class ConnectionLost(WhatsAppError):
    """The connection could not be made, or it is gone; trying again later is right."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where WhatsApp is, and whose certificates are believed there."""

    url: str
    root: bytes
    """Public key (32 bytes) that signs the server's certificate chain."""


MayAct = Callable[[str], None]
"""Refuses what may not be done any more, by raising; asked as the last thing before bytes go."""


def unbounded(act: str) -> None:
    """Refuse nothing."""


class NoiseSocket:
    """An open connection after its handshake."""

    def __init__(
        self,
        ws: aiohttp.ClientWebSocketResponse,
        reader: FrameReader,
        transport: Transport,
        may_act: MayAct = unbounded,
    ) -> None:
        self._ws = ws
        self._may_act = may_act
        self._reader = reader
        self._transport = transport
        self._frames: deque[bytes] = deque()

    @classmethod
    async def open(
        cls,
        http: aiohttp.ClientSession,
        endpoint: Endpoint,
        *,
        static: KeyPair,
        payload: bytes,
        routing_info: bytes | None,
        clock: Clock,
        rng: Rng,
        may_act: MayAct = unbounded,
    ) -> "NoiseSocket":
        """Dial, prove the server's identity, and hand over the client payload.

        Raises:
            LeaseExpired: `may_act` says so.
            ConnectionLost: the server can't be reached, or went away, or is too slow.
            WireError: the handshake is wrong, or the server's certificate is not to be trusted.
        """
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                ws = await http.ws_connect(
                    endpoint.url, max_msg_size=MAX_FRAME_BYTES + 3, headers={"Origin": ORIGIN}
                )
                try:
                    _keep_little_unsent(ws)
                    handshake = ClientHandshake(
                        static, now_s=clock.wall_s(), root=endpoint.root, rng=rng
                    )
                    return await cls._shake_hands(ws, handshake, payload, routing_info, may_act)
                except BaseException:
                    await ws.close()
                    raise
        except TimeoutError as error:
            raise ConnectionLost(
                f"connect to {endpoint.url}: no handshake within {HANDSHAKE_TIMEOUT_S:.0f} s",
                hint="check the network and WHATSAPP_WS_URL",
            ) from error
        except aiohttp.ClientError as error:
            raise ConnectionLost(
                f"connect to {endpoint.url}: {error}",
                hint="check the network and WHATSAPP_WS_URL",
            ) from error

    @classmethod
    async def _shake_hands(
        cls,
        ws: aiohttp.ClientWebSocketResponse,
        handshake: ClientHandshake,
        payload: bytes,
        routing_info: bytes | None,
        may_act: MayAct,
    ) -> "NoiseSocket":
        may_act("connect")
        await ws.send_bytes(intro(routing_info) + frame(handshake.hello()))
        reader, frames = FrameReader(), deque[bytes]()
        while not frames:
            frames.extend(reader.feed(await _receive(ws)))
        finish, transport = handshake.finish(frames.popleft(), payload)
        may_act("log in")
        await ws.send_bytes(frame(finish))
        made = cls(ws, reader, transport, may_act)
        made._frames = frames
        return made

    async def send(self, node: Node) -> None:
        """Write one node.

        Raises:
            LeaseExpired: `may_act` says so; nothing was written.
            ConnectionLost: the socket is closed, or takes nothing for `SEND_TIMEOUT_S`.
        """
        sealed = frame(self._transport.send.encrypt(encode(node)))
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                self._may_act(f"send <{node.tag}>")
                await self._ws.send_bytes(sealed)
        except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
            raise ConnectionLost(f"send <{node.tag}>: the connection is gone") from error

    async def receive(self) -> Node:
        """Return the next node; waits for as long as the connection stands.

        Raises:
            ConnectionLost: the other side closed.
            WireError: a frame that can't be decrypted or decoded: the connection is spoilt.
        """
        while not self._frames:
            self._frames.extend(self._reader.feed(await _receive(self._ws)))
        return decode(self._transport.receive.decrypt(self._frames.popleft()))

    async def close(self) -> None:
        """Close; never raises, never waits long."""
        with contextlib.suppress(TimeoutError, aiohttp.ClientError, ConnectionError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._ws.close()


def _keep_little_unsent(ws: aiohttp.ClientWebSocketResponse) -> None:
    if (sock := ws.get_extra_info("socket")) is not None:  # else it is closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)


async def _receive(ws: aiohttp.ClientWebSocketResponse) -> bytes:
    message = await ws.receive()
    if message.type is aiohttp.WSMsgType.BINARY:
        return bytes(message.data)
    if message.type is aiohttp.WSMsgType.TEXT:
        raise ConnectionLost("read from WhatsApp: the server sent text, it speaks another protocol")
    raise ConnectionLost(f"read from WhatsApp: the connection was closed ({message.type.name})")
