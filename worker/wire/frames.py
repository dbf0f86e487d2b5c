"""Frames: how messages lie in the byte stream, whatever pieces it arrives in.

A frame is a 3-byte big-endian length and as many bytes. The client's stream begins with an
intro instead: `WA`, protocol 6, dictionary 3, before it the routing info of the last
connection if the server gave one (whatsmeow socket/framesocket.go; Baileys noise-handler.ts).
"""

from typing import Final

from shared.errors import WireError

MAX_FRAME_BYTES: Final = (1 << 24) - 1
"""The longest payload three bytes can announce."""

INTRO: Final = b"WA\x06\x03"
"""First bytes of a connection; also the prologue of the Noise handshake."""

_LENGTH_BYTES: Final = 3
_ROUTING_HEAD: Final = b"ED\x00\x01"


class FrameError(WireError):
    """A frame that is longer than allowed."""


def frame(payload: bytes) -> bytes:
    """Return `payload` with its length before it.

    Raises:
        FrameError: it is longer than `MAX_FRAME_BYTES`.
    """
    if len(payload) > MAX_FRAME_BYTES:
        raise FrameError(f"framing {len(payload)} bytes: more than {MAX_FRAME_BYTES}")
    return len(payload).to_bytes(_LENGTH_BYTES, "big") + payload


def intro(routing_info: bytes | None = None) -> bytes:
    """Return the first bytes of a connection.

    Args:
        routing_info: what the server sent last in `ib/edge_routing`, if anything.

    Raises:
        FrameError: the routing info is longer than its length field can say.
    """
    return _ROUTING_HEAD + frame(routing_info) + INTRO if routing_info else INTRO


class FrameReader:
    """Cuts a byte stream into frames; feed it whatever arrives.

    Args:
        max_bytes: longest payload to accept; a longer one is refused when announced, before
            any of it is kept.
    """

    def __init__(self, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self._buffer = bytearray()
        self._max_bytes = max_bytes

    @property
    def buffered_bytes(self) -> int:
        """How many bytes of an unfinished frame (with its length field) are kept."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next piece of the stream; return the payloads it completes, in order.

        Raises:
            FrameError: a frame over the limit was announced. The stream is lost.
        """
        buffer = self._buffer
        buffer += data
        payloads = []
        start = 0
        while len(buffer) - start >= _LENGTH_BYTES:
            begin = start + _LENGTH_BYTES
            end = begin + self._checked(int.from_bytes(buffer[start:begin], "big"))
            if end > len(buffer):
                break
            payloads.append(bytes(buffer[begin:end]))
            start = end
        del buffer[:start]
        return payloads

    def _checked(self, size: int) -> int:
        if size > self._max_bytes:
            raise FrameError(f"reading a frame of {size} bytes: more than {self._max_bytes}")
        return size
