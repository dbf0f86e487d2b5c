"""Nodes to bytes, exactly the bytes Baileys would send (WABinary/encode.ts).

Strings are the interesting part. The same text always takes the same form: a token of the
dictionaries, else packed digits or upper-case hex (4 bits a character), else a JID, else
UTF-8. Texts repeat (tags, attribute names, users), so short ones are remembered.

Where Baileys' bytes would name something other than the text that went in (the agent or
device of an address that is no user's, such as `john_doe@example.com`), the text is sent
as it is. Interop and Messenger addresses take their own forms (whatsmeow binary/encoder.go).
"""

import re
from binascii import unhexlify
from collections.abc import Callable
from typing import Final

from worker.wire import tokens
from worker.wire.jid import DOMAIN_BY_SERVER, INTEROP, MAX_DEVICE, MESSENGER
from worker.wire.node import (
    MAX_DEPTH,
    MAX_JID_NESTING,
    MAX_LIST_ITEMS,
    Node,
    NodeError,
    OversizedNode,
)

PLAIN: Final = b"\x00"
"""The flag byte before a node that is not compressed; we never compress."""

_CACHED_TEXTS: Final = 4096
_CACHED_TEXT_CHARACTERS: Final = 64
_ONE_BYTE: Final = 1 << 8
_TWENTY_BITS: Final = 1 << 20
_THIRTY_TWO_BITS: Final = 1 << 32

_NIBBLES: Final = re.compile(r"[0-9.-]{1,127}")
_HEX: Final = re.compile(r"[0-9A-F]{1,127}")
_NIBBLE_DIGITS: Final = bytes.maketrans(b"-.", b"ab")  # 10 and 11 as hex digits
_PADDING: Final = b"f"  # fills the last half byte of an odd number of characters

_DEVICE_ADDRESS: Final = re.compile(r"([^:_]*)(?:_([0-9]{1,3}))?(?::([0-9]{1,3}))?")
_INTEROP_ADDRESS: Final = re.compile(r"([0-9]{1,5})-([^:]*):([0-9]{1,5})")
_MESSENGER_ADDRESS: Final = re.compile(r"([^:]*):([0-9]{1,5})")


def encode(node: Node) -> bytes:
    """Return the bytes of `node`, flag byte included: the plaintext of one transport frame.

    Raises:
        NodeError: an empty tag.
        OversizedNode: deeper or wider than the format or `MAX_DEPTH` allows.
    """
    out = bytearray(PLAIN)
    _write_node(out, node, 1)
    return bytes(out)


def _write_node(out: bytearray, node: Node, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise OversizedNode(f"encoding a node: nested deeper than {MAX_DEPTH} levels")
    if not node.tag:
        raise NodeError("encoding a node: its tag is empty")
    attrs, content = node.attrs, node.content
    out += _list_start(2 * len(attrs) + (1 if content is None else 2))
    out += _CODES[node.tag]
    for name, value in attrs.items():
        out += _CODES[name]
        out += _CODES[value]
    if isinstance(content, list):
        out += _list_start(len(content))
        for child in content:
            _write_node(out, child, depth + 1)
    elif isinstance(content, str):
        out += _CODES[content]
    elif content is not None:
        out += _length(len(content))
        out += content


def _list_start(size: int) -> bytes:
    if size < _ONE_BYTE:
        return _SHORT_LIST_STARTS[size]
    if size > MAX_LIST_ITEMS:
        raise OversizedNode(f"encoding a node: a list of {size} items, more than {MAX_LIST_ITEMS}")
    return bytes((tokens.LIST_16, size >> 8, size & 0xFF))


_SHORT_LIST_STARTS: Final = (
    bytes((tokens.LIST_EMPTY,)),
    *(bytes((tokens.LIST_8, size)) for size in range(1, _ONE_BYTE)),
)


def _length(size: int) -> bytes:
    if size < _ONE_BYTE:
        return bytes((tokens.BINARY_8, size))
    if size < _TWENTY_BITS:
        return bytes((tokens.BINARY_20,)) + size.to_bytes(3, "big")
    if size < _THIRTY_TWO_BITS:
        return bytes((tokens.BINARY_32,)) + size.to_bytes(4, "big")
    raise OversizedNode(f"encoding a node: a content of {size} bytes")


class _Codes(dict[str, bytes]):
    """Text -> its bytes: all tokens, and the short texts met lately (bounded)."""

    def __init__(self) -> None:
        super().__init__(tokens.TOKEN_CODES)

    def __missing__(self, text: str) -> bytes:
        code = _encode_text(text)
        if len(text) <= _CACHED_TEXT_CHARACTERS:
            if len(self) >= _CACHED_TEXTS:
                self.clear()
                self.update(tokens.TOKEN_CODES)
            self[text] = code
        return code


_CODES: Final = _Codes()


def _encode_text(text: str) -> bytes:
    if _NIBBLES.fullmatch(text):
        return _packed(tokens.NIBBLE_8, text.encode().translate(_NIBBLE_DIGITS))
    if _HEX.fullmatch(text):
        return _packed(tokens.HEX_8, text.encode())
    return _address(text) or _raw(text)


def _packed(tag: int, digits: bytes) -> bytes:
    half, odd = divmod(len(digits), 2)
    if odd:
        return bytes((tag, 0x80 | half + 1)) + unhexlify(digits + _PADDING)
    return bytes((tag, half)) + unhexlify(digits)


def _raw(text: str) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError:  # a lone surrogate: U+FFFD in its place, as JavaScript has it
        data = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    return _length(len(data)) + data


def _address(text: str) -> bytes | None:
    """Return `text` as a JID, or None where that form would not read back as the same one."""
    user, _, server = text.partition("@")
    if not server or server.count("@") >= MAX_JID_NESTING:
        return None
    if ":" not in user and "_" not in user:
        return _pair(user, server)
    form = _SPECIAL_FORMS.get(server)
    return form(user, server) if form else None


def _pair(user: str, server: str) -> bytes:
    head = bytes((tokens.JID_PAIR,))
    return head + (_CODES[user] if user else bytes((tokens.LIST_EMPTY,))) + _CODES[server]


def _device_form(user: str, server: str) -> bytes | None:
    match = _DEVICE_ADDRESS.fullmatch(user)
    if match is None:
        return None
    name, agent, device = match.groups()
    if device is None:  # Baileys drops the agent here; nobody uses agents any more
        return _pair(name, server)
    domain = DOMAIN_BY_SERVER[server] or int(agent or 0)
    if domain >= _ONE_BYTE or int(device) >= _ONE_BYTE:
        return None
    return bytes((tokens.AD_JID, domain, int(device))) + _CODES[name]


def _interop_form(user: str, server: str) -> bytes | None:
    match = _INTEROP_ADDRESS.fullmatch(user)
    if match is None:
        return None
    integrator, name, device = match.groups()
    numbers = _sixteen_bits(int(device), int(integrator))
    return numbers and bytes((tokens.INTEROP_JID,)) + _CODES[name] + numbers + _CODES[server]


def _messenger_form(user: str, server: str) -> bytes | None:
    match = _MESSENGER_ADDRESS.fullmatch(user)
    if match is None:
        return None
    name, device = match.groups()
    numbers = _sixteen_bits(int(device))
    return numbers and bytes((tokens.FB_JID,)) + _CODES[name] + numbers + _CODES[server]


def _sixteen_bits(*numbers: int) -> bytes | None:
    if max(numbers) > MAX_DEVICE:
        return None
    return b"".join(number.to_bytes(2, "big") for number in numbers)


_SPECIAL_FORMS: Final[dict[str, Callable[[str, str], bytes | None]]] = {
    **dict.fromkeys(DOMAIN_BY_SERVER, _device_form),
    INTEROP: _interop_form,
    MESSENGER: _messenger_form,
}
