"""Bytes to nodes: total on whatever arrives, with bounded time and memory.

The texts are those Baileys gives (WABinary/decode.ts). Where it is lax, whatsmeow
(binary/decoder.go) decides: bytes left over behind the node are an error, and so is the
server part of an interop address that can't be read.

`BytesIO` keeps the position in C and returns one-byte strings that CPython shares, so the
tables below are keyed by bytes: the fastest readable way to do this in Python.
"""

import zlib
from binascii import hexlify
from collections.abc import Callable
from io import BytesIO
from typing import Final, NoReturn

from worker.wire import tokens
from worker.wire.jid import INTEROP, PN, SERVER_BY_DOMAIN
from worker.wire.node import (
    MAX_DEPTH,
    MAX_INFLATED_BYTES,
    MAX_ITEMS,
    MAX_JID_NESTING,
    CorruptCompression,
    Node,
    NodeError,
    OversizedNode,
    TrailingBytes,
    TruncatedNode,
    UnknownTag,
)

_COMPRESSED: Final = 0x02

_LIST_EMPTY: Final = bytes((tokens.LIST_EMPTY,))
_LIST_8: Final = bytes((tokens.LIST_8,))
_LIST_16: Final = bytes((tokens.LIST_16,))
_LISTS: Final = frozenset((_LIST_EMPTY, _LIST_8, _LIST_16))
_BINARY_8: Final = bytes((tokens.BINARY_8,))
_BINARY_20: Final = bytes((tokens.BINARY_20,))
_BINARY_32: Final = bytes((tokens.BINARY_32,))
_BINARIES: Final = frozenset((_BINARY_8, _BINARY_20, _BINARY_32))


def decode(data: bytes) -> Node:
    """Read the one node in `data`: flag byte, then the node, deflated if the flag says so.

    Raises:
        NodeError: a leaf of it, by cause; nothing else, whatever the bytes are.
    """
    if not data:
        raise TruncatedNode("decoding a node: not even a flag byte")
    if data[0] & _COMPRESSED:
        source = BytesIO(_inflate(data))
    else:
        source = BytesIO(data)
        source.read(1)
    node = _Reader(source).node(1)
    if source.read(1):
        raise TrailingBytes(f"decoding a node: bytes are left behind <{node.tag[:32]}>")
    return node


def _inflate(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        inflated = stream.decompress(memoryview(data)[1:], MAX_INFLATED_BYTES)
    except zlib.error as error:
        raise CorruptCompression("inflating a node: it is not a zlib stream") from error
    if stream.eof:
        return inflated
    if len(inflated) >= MAX_INFLATED_BYTES:
        raise OversizedNode(f"inflating a node: more than {MAX_INFLATED_BYTES} bytes")
    raise CorruptCompression("inflating a node: the stream ends too early")


class _Reader:
    """One decoding: the source and what is left of the item budget."""

    __slots__ = ("items_left", "source")

    def __init__(self, source: BytesIO) -> None:
        self.source = source
        self.items_left = MAX_ITEMS

    def node(self, depth: int) -> Node:
        source = self.source
        read = source.read
        size = self.list_size(read(1))
        code = read(1)
        tag = _token(code) or _text_of(source, code, 0)
        if not size or not tag:
            raise NodeError("decoding a node: it is empty or has no tag")
        attrs = {}
        for _ in range((size - 1) >> 1):
            code = read(1)
            name = _token(code) or _text_of(source, code, 0)
            code = read(1)
            attrs[name] = _token(code) or _text_of(source, code, 0)
        return Node(tag, attrs, None if size & 1 else self.content(depth))

    def content(self, depth: int) -> bytes | str | list[Node]:
        code = self.source.read(1)
        if code in _BINARIES:
            return _binary(self.source, code)
        if code in _LISTS:
            return self.children(code, depth + 1)
        return _token(code) or _text_of(self.source, code, 0)

    def children(self, tag: bytes, depth: int) -> list[Node]:
        if depth > MAX_DEPTH:
            raise OversizedNode(f"decoding a node: nested deeper than {MAX_DEPTH} levels")
        return [self.node(depth) for _ in range(self.list_size(tag))]

    def list_size(self, tag: bytes) -> int:
        if tag == _LIST_8:
            size = _byte(self.source)
        elif tag == _LIST_16:
            size = _number(self.source, 2)
        elif tag == _LIST_EMPTY:
            size = 0
        else:
            _refuse(tag, "a list")
        self.items_left -= size
        if self.items_left < 0:
            raise OversizedNode(f"decoding a node: more than {MAX_ITEMS} items")
        return size


_token: Final = tokens.SINGLE_TOKENS.get  # None for any other byte; no token is empty


def _text_of(source: BytesIO, tag: bytes, nesting: int) -> str:
    read = _TEXT_READERS.get(tag)
    if read is None:
        _refuse(tag, "a text")
    return read(source, tag, nesting)


def _refuse(tag: bytes, wanted: str) -> NoReturn:
    if not tag:
        raise TruncatedNode(f"decoding a node: the bytes end before {wanted}")
    raise UnknownTag(f"decoding a node: byte {tag[0]} can't begin {wanted}")


def _take(source: BytesIO, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise TruncatedNode(f"decoding a node: {size} bytes announced, {len(data)} there")
    return data


def _byte(source: BytesIO) -> int:
    data = source.read(1)
    if data:
        return data[0]
    raise TruncatedNode("decoding a node: the bytes end before a size")


def _number(source: BytesIO, size: int) -> int:
    return int.from_bytes(_take(source, size), "big")


def _binary(source: BytesIO, tag: bytes) -> bytes:
    """Return the bytes of a BINARY tag, which says how its length is written."""
    if tag == _BINARY_8:
        return _take(source, _byte(source))
    if tag == _BINARY_20:
        return _take(source, _number(source, 3) & 0xFFFFF)  # twenty bits in three bytes
    return _take(source, _number(source, 4))


def _empty(_source: BytesIO, _tag: bytes, _nesting: int) -> str:
    return ""


def _utf8(source: BytesIO, tag: bytes, _nesting: int) -> str:
    return _binary(source, tag).decode("utf-8", "replace")


def _double_token(source: BytesIO, tag: bytes, _nesting: int) -> str:
    return tokens.DOUBLE_TOKENS[tag + _take(source, 1)]  # all four times 256 exist


def _packed(source: BytesIO) -> tuple[bytes, int]:
    """Return hex digits, and how many of them count: the last may be padding."""
    head = _byte(source)
    digits = hexlify(_take(source, head & 0x7F))
    return digits, len(digits) - (head >> 7)


def _hex(source: BytesIO, _tag: bytes, _nesting: int) -> str:
    digits, size = _packed(source)
    return digits[:size].upper().decode()


_NIBBLES: Final = bytes.maketrans(b"abf", b"-.\0")


def _nibbles(source: BytesIO, _tag: bytes, _nesting: int) -> str:
    digits, size = _packed(source)
    text = digits.translate(_NIBBLES, b"cde")
    if len(text) != len(digits):
        raise UnknownTag("decoding a node: a half byte of packed digits is none of 0-9 - .")
    return text[:size].decode()


def _nested(source: BytesIO, nesting: int) -> str:
    if nesting >= MAX_JID_NESTING:
        raise OversizedNode(f"decoding a node: JIDs nested deeper than {MAX_JID_NESTING} levels")
    code = source.read(1)
    return _token(code) or _text_of(source, code, nesting + 1)


def _jid_pair(source: BytesIO, _tag: bytes, nesting: int) -> str:
    user = _nested(source, nesting)
    server = _nested(source, nesting)
    if not server:
        raise NodeError("decoding a node: a JID without a server")
    return f"{user}@{server}"


def _device_jid(source: BytesIO, _tag: bytes, nesting: int) -> str:
    domain, device = _take(source, 2)
    user = _nested(source, nesting)
    server = SERVER_BY_DOMAIN.get(domain, PN)
    return f"{user}:{device}@{server}" if device else f"{user}@{server}"


def _messenger_jid(source: BytesIO, _tag: bytes, nesting: int) -> str:
    user = _nested(source, nesting)
    device = _number(source, 2)
    return f"{user}:{device}@{_nested(source, nesting)}"


def _interop_jid(source: BytesIO, _tag: bytes, nesting: int) -> str:
    user = _nested(source, nesting)
    device = _number(source, 2)
    integrator = _number(source, 2)
    return f"{integrator}-{user}:{device}@{_interop_server(source, nesting)}"


def _interop_server(source: BytesIO, nesting: int) -> str:
    """Read the server; senders may leave it out, then something follows that is no text."""
    position = source.tell()
    tag = source.read(1)
    source.seek(position)
    if tag in tokens.SINGLE_TOKENS or tag in _TEXT_READERS:
        return _nested(source, nesting)
    return INTEROP


_TEXT_READERS: Final[dict[bytes, Callable[[BytesIO, bytes, int], str]]] = {
    _LIST_EMPTY: _empty,
    **{bytes((tokens.DICTIONARY_0 + index,)): _double_token for index in range(4)},
    **dict.fromkeys(_BINARIES, _utf8),
    bytes((tokens.HEX_8,)): _hex,
    bytes((tokens.NIBBLE_8,)): _nibbles,
    bytes((tokens.JID_PAIR,)): _jid_pair,
    bytes((tokens.AD_JID,)): _device_jid,
    bytes((tokens.FB_JID,)): _messenger_jid,
    bytes((tokens.INTEROP_JID,)): _interop_jid,
}
