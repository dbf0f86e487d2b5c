"""The codec by itself; `tests/interop/test_codec.py` compares it with Baileys at large."""

import time
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.wire.strategies import jids, nodes, texts
from worker.wire import Node, NodeError, decode, decoder, encode
from worker.wire.encoder import _CACHED_TEXTS, _CODES
from worker.wire.node import (
    MAX_DEPTH,
    MAX_INFLATED_BYTES,
    CorruptCompression,
    OversizedNode,
    TrailingBytes,
    TruncatedNode,
    UnknownTag,
)
from worker.wire.tokens import DOUBLE_TOKENS, SINGLE_TOKENS, TOKEN_CODES

# Made by Baileys 7.0.0-rc14, encodeBinaryNode.
VECTORS = [
    (
        Node(
            "message",
            {
                "id": "3EB0AABBCCDDEEFF0011",
                "to": "15551234567@s.whatsapp.net",
                "type": "text",
                "phash": "2:Lz4jCu",
            },
            [
                Node(
                    "participants",
                    {},
                    [
                        Node(
                            "to",
                            {"jid": "15551234567:3@s.whatsapp.net"},
                            [Node("enc", {"v": "2", "type": "msg"}, b"\x01\x02\x03")],
                        )
                    ],
                )
            ],
        ),
        (
            "00f80a1308fb0a3eb0aabbccddeeff001111faff8615551234567f030438ec5ffc08323a4c7a346a4375f801"
            "f8026bf801f804110cf70003ff8615551234567ff801f8061d5145044dfc03010203"
        ),
    ),
    (
        Node("iq", {"to": "@s.whatsapp.net", "xmlns": "w:p", "type": "get"}, [Node("ping")]),
        "00f8081911fa000316570429f801f80156",
    ),
    (
        Node("x", {"a": "", "b": "12-34.5", "c": "ABC", "d": "abc", "e": "Zoë ☎"}),
        "00f80bfc0178fc0161fc00fc0162ff8412a34b5fee25fb82abcffc0164fc03616263edebfc085a6fc3ab20e2988e",
    ),
    (
        Node(
            "receipt",
            {
                "from": "200000000000002:7@lid",
                "participant": "15551234567:9@hosted",
                "recipient": "200000000000002:255@hosted.lid",
            },
        ),
        "00f8070706f70107ff88200000000000002f05f78009ff8615551234567f94f781ffff88200000000000002f",
    ),
    (
        Node(
            "message",
            {
                "from": "120363000000000001@g.us",
                "to": "status@broadcast",
                "id": "120363000000000002@newsletter",
                "participant": "867051314767696@bot",
            },
        ),
        (
            "00f8091306faff091203630000000000011c11fa0b0d08faff09120363000000000002fc0a6e6577736c65747465"
            "7205faff88867051314767696ffc03626f74"
        ),
    ),
    (Node("ack", {}, []), "00f8021b00"),
    (Node("ack", {}, b""), "00f8021bfc00"),
    (Node("ack", {}, "receipt"), "00f8021b07"),
    (Node("reject", {"count": "0"}, "3EB0A"), "00f804ed00412dfb833eb0af"),
]


@pytest.mark.parametrize(("node", "data"), VECTORS)
def test_nodes_are_written_and_read_as_baileys_does(node: Node, data: str) -> None:
    assert encode(node).hex() == data
    assert decode(bytes.fromhex(data)) == node


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("3-123:4@interop", "f5 ff82123f 0004 0003 fc07 696e7465726f70"),
        ("3-123:0@interop", "f5 ff82123f 0000 0003 fc07 696e7465726f70"),
        ("123:70@msgr", "f6 ff82123f 0046 cc"),
        ("123_2:5@s.whatsapp.net", "f7 02 05 ff82123f"),
        ("123:0@lid", "f7 01 00 ff82123f"),
        ("a@b@c", "fa fc0161 fa fc0162 ee25"),
        ("@g.us", "fa 00 1c"),
        (":5@lid", "f7 01 05 fc00"),
    ],
)
def test_addresses_take_their_own_forms(text: str, data: str) -> None:
    assert encode(Node("ack", {"to": text})) == bytes.fromhex("00f8031b11" + data)


@pytest.mark.parametrize(
    "text",
    [
        "john_doe@example.com",
        "a:b@example.com",
        "123:2@g.us",
        "a:b:c@lid",
        "123:x@lid",
        "123:256@lid",
        "123_256:1@s.whatsapp.net",
        "1-2:65536@interop",
        "1-2@x:3@interop",
        "1:65536@msgr",
        "user@",
        "@",
        "a@b@c@d@e@f@g@h@i@j@k",
        "toString",
        "__proto__",
    ],
)
def test_a_text_that_only_looks_like_an_address_arrives_as_it_was_sent(text: str) -> None:
    assert decode(encode(Node("ack", {"to": text}))).attrs["to"] == text


@given(nodes())
def test_what_was_encoded_is_decoded(node: Node) -> None:
    assert decode(encode(node)) == node


@given(texts)
def test_every_text_survives_as_an_attribute(text: str) -> None:
    assert decode(encode(Node("ack", {"id": text}))).attrs["id"] == text


@given(jids)
def test_a_jid_as_content_stays_a_text(text: str) -> None:
    assert decode(encode(Node("ack", {}, text))).content == text


def test_a_plain_text_as_content_comes_back_as_bytes() -> None:
    assert decode(encode(Node("ack", {}, "héllo"))).content == "héllo".encode()
    assert decode(encode(Node("ack", {}, "héllo"))).bytes() == "héllo".encode()


def test_lone_surrogates_are_replaced_as_in_javascript() -> None:
    sent = Node("ack", {"id": "a\ud800b\U0001f600"})
    assert decode(encode(sent)).attrs["id"] == "a\ufffdb\U0001f600"


def test_broken_utf8_is_replaced() -> None:
    assert decode(bytes.fromhex("00f8031b08fc03") + b"a\xff\xc3").attrs["id"] == "a\ufffd\ufffd"


def test_the_dictionaries_are_complete() -> None:
    assert len(SINGLE_TOKENS) == 235
    assert len(DOUBLE_TOKENS) == 4 * 256
    assert len(TOKEN_CODES) == 235 + 4 * 256
    assert SINGLE_TOKENS[b"\x03"] == "s.whatsapp.net"
    assert DOUBLE_TOKENS[b"\xec\x00"] == "read-self"
    assert DOUBLE_TOKENS[b"\xef\xff"] == "1961"


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65_535, (1 << 20) - 1, 1 << 20])
def test_contents_of_boundary_lengths_survive(size: int) -> None:
    node = Node("enc", {"v": "2"}, b"\x07" * size)
    assert decode(encode(node)) == node


@pytest.mark.parametrize("size", [0, 1, 254, 255, 256, 65_535])
def test_lists_of_boundary_lengths_survive(size: int) -> None:
    node = Node("list", {}, [Node("item")] * size)
    assert decode(encode(node)) == node


def test_a_list_too_long_for_its_field_is_refused() -> None:
    with pytest.raises(OversizedNode):
        encode(Node("list", {}, [Node("item")] * 65_536))
    with pytest.raises(OversizedNode):
        encode(Node("list", {f"n{i}": "" for i in range(32_768)}))


def test_a_node_without_a_tag_is_refused() -> None:
    with pytest.raises(NodeError):
        encode(Node(""))


def test_depth_is_limited_in_both_directions() -> None:
    deep = Node("leaf")
    for _ in range(MAX_DEPTH - 1):
        deep = Node("branch", {}, [deep])
    assert decode(encode(deep)) == deep

    with pytest.raises(OversizedNode):
        encode(Node("branch", {}, [deep]))
    with pytest.raises(OversizedNode):
        decode(b"\x00" + b"\xf8\x02\x13\xf8\x01" * 1_000_000)


def test_a_node_that_contains_itself_is_refused() -> None:
    node = Node("loop")
    node.content = [node]
    with pytest.raises(OversizedNode):
        encode(node)


def test_endless_jids_within_jids_are_refused() -> None:
    for head in (b"\xfa", b"\xf7\x00\x01", b"\xf6", b"\xf5"):
        with pytest.raises(OversizedNode):
            decode(b"\x00\xf8\x01" + head * 1_000_000)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param("", TruncatedNode, id="nothing"),
        pytest.param("00", TruncatedNode, id="flag only"),
        pytest.param("00f8", TruncatedNode, id="no list size"),
        pytest.param("00f900", TruncatedNode, id="half a list size"),
        pytest.param("00f801", TruncatedNode, id="no tag"),
        pytest.param("00f80313", TruncatedNode, id="attributes missing"),
        pytest.param("00f80213", TruncatedNode, id="content missing"),
        pytest.param("00f80213fc05aabb", TruncatedNode, id="content cut"),
        pytest.param("00f80213fdffffffaabb", TruncatedNode, id="1 MiB announced, 2 bytes there"),
        pytest.param("00f80213feffffffffaa", TruncatedNode, id="4 GiB announced, 1 byte there"),
        pytest.param("00f801ec", TruncatedNode, id="half a double token"),
        pytest.param("00f801f7", TruncatedNode, id="half a device JID"),
        pytest.param("00f801ff", TruncatedNode, id="packed digits without length"),
        pytest.param("00f801ff83aa", TruncatedNode, id="packed digits cut"),
        pytest.param("0013", UnknownTag, id="a text where a list must be"),
        pytest.param("00f801f801", UnknownTag, id="a list where a text must be"),
        pytest.param("00f801f0", UnknownTag, id="unassigned tag"),
        pytest.param("00f801ff01c0", UnknownTag, id="half byte 12 in digits"),
        pytest.param("00f801ff811d", UnknownTag, id="half byte 13 as padding"),
        pytest.param("0000", NodeError, id="empty list and no tag"),
        pytest.param("000013", NodeError, id="empty list"),
        pytest.param("00f80100", NodeError, id="empty tag"),
        pytest.param("00f801fc00", NodeError, id="empty text as tag"),
        pytest.param("00f801fa1300", NodeError, id="JID without server"),
        pytest.param("00f8011300", TrailingBytes, id="a byte too many"),
        pytest.param("02", CorruptCompression, id="nothing to inflate"),
        pytest.param("02789c", CorruptCompression, id="zlib header only"),
        pytest.param("02ffff", CorruptCompression, id="no zlib stream"),
    ],
)
def test_bytes_that_are_no_node_are_refused_by_name(data: str, error: type[NodeError]) -> None:
    with pytest.raises(NodeError) as caught:
        decode(bytes.fromhex(data))
    assert caught.type in (error, TruncatedNode) if error is NodeError else caught.type is error


def test_an_interop_jid_may_leave_its_server_out() -> None:
    data = bytes.fromhex("00f8041b08f513ffff0002f80113")
    with pytest.raises(NodeError):
        decode(data)
    node = decode(bytes.fromhex("00f8041b08f51300040003f801f80113"))
    assert node == Node("ack", {"id": "3-message:4@interop"}, [Node("message")])


def test_compressed_nodes_are_inflated() -> None:
    node = Node("message", {"id": "1"}, b"x" * 10_000)
    assert decode(b"\x02" + zlib.compress(encode(node)[1:])) == node
    assert decode(b"\x03" + zlib.compress(encode(node)[1:])) == node


def test_a_deflate_bomb_is_refused_without_inflating_it() -> None:
    bomb = b"\x02" + zlib.compress(bytes(MAX_INFLATED_BYTES * 8), 9)
    tracemalloc.start()
    try:
        with pytest.raises(OversizedNode):
            decode(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * MAX_INFLATED_BYTES


def test_an_announced_list_costs_nothing_until_its_items_are_there() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TruncatedNode):
            decode(b"\x00\xf8\x02\x13\xf9\xff\xff")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


def test_the_number_of_items_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(Node("list", {}, [Node("item", {"type": "x"})] * 100))
    monkeypatch.setattr(decoder, "MAX_ITEMS", 2 + 100 + 100 * 3)
    decode(data)
    monkeypatch.setattr(decoder, "MAX_ITEMS", 2 + 100 + 100 * 3 - 1)
    with pytest.raises(OversizedNode):
        decode(data)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_a_node_or_an_error(data: bytes) -> None:
    _decode_or_refuse(data)
    _decode_or_refuse(b"\x00\xf8" + data)


@given(nodes(), st.data())
def test_altered_nodes_are_a_node_or_an_error(node: Node, draw: st.DataObject) -> None:
    data = bytearray(encode(node))
    position = draw.draw(st.integers(0, len(data)))
    data[position : position + draw.draw(st.integers(0, 4))] = draw.draw(st.binary(max_size=4))
    _decode_or_refuse(bytes(data))


@given(nodes().filter(lambda node: "@interop" not in repr(node)))  # may end without a server
def test_no_prefix_of_a_node_is_a_node(node: Node) -> None:
    data = encode(node)
    for size in range(0, len(data), max(1, len(data) // 16)):
        with pytest.raises(NodeError):
            decode(data[:size])


def _decode_or_refuse(data: bytes) -> None:
    try:
        node = decode(data)
    except NodeError:
        return
    assert node.tag


def test_the_text_cache_stays_bounded_and_keeps_the_tokens() -> None:
    for number in range(3 * _CACHED_TEXTS):
        encode(Node("ack", {"id": f"3EB0{number:016X}"}))
    assert len(_CODES) <= _CACHED_TEXTS
    assert _CODES.items() >= TOKEN_CODES.items()


def test_a_long_text_is_not_kept() -> None:
    text = "long " * 1000
    encode(Node("ack", {"id": text}))
    assert text not in _CODES


def test_a_message_is_coded_within_a_millisecond() -> None:
    node, _ = VECTORS[0]
    begin = time.perf_counter()
    for _ in range(100):
        decode(encode(node))
    assert time.perf_counter() - begin < 0.1
