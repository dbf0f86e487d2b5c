import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.wire.frames import INTRO, MAX_FRAME_BYTES, FrameError, FrameReader, frame, intro


@given(st.lists(st.binary(max_size=70), max_size=8), st.data())
def test_frames_come_out_whatever_pieces_they_arrive_in(
    payloads: list[bytes], draw: st.DataObject
) -> None:
    stream = b"".join(map(frame, payloads))
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    reader = FrameReader()
    received = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received += reader.feed(stream[begin:end])

    assert received == payloads
    assert reader.buffered_bytes == 0


def test_a_stream_of_single_bytes_is_read() -> None:
    stream = frame(b"abc") + frame(b"") + frame(bytes(300))
    reader = FrameReader()
    assert [p for byte in stream for p in reader.feed(bytes([byte]))] == [b"abc", b"", bytes(300)]


def test_the_length_is_big_endian_in_three_bytes() -> None:
    assert frame(b"ab") == b"\x00\x00\x02ab"
    assert frame(bytes(0x010203))[:3] == b"\x01\x02\x03"


def test_the_longest_frame_passes_and_a_longer_one_does_not() -> None:
    longest = bytes(MAX_FRAME_BYTES)
    assert FrameReader().feed(frame(longest)) == [longest]
    with pytest.raises(FrameError):
        frame(longest + b"x")


def test_a_frame_over_the_limit_is_refused_when_announced() -> None:
    reader = FrameReader(max_bytes=10)
    assert reader.feed(frame(bytes(10))) == [bytes(10)]
    with pytest.raises(FrameError):
        reader.feed(b"\x00\x00\x0b")


def test_an_unfinished_frame_is_counted() -> None:
    reader = FrameReader()
    assert reader.feed(b"\x00\x00\x05ab") == []
    assert reader.buffered_bytes == 5


def test_the_intro_carries_routing_info_only_if_there_is_any() -> None:
    assert intro() == INTRO == b"WA\x06\x03"
    assert intro(b"") == INTRO
    routing = bytes.fromhex("080d0805")
    assert intro(routing) == bytes.fromhex("45440001 000004 080d0805 57410603")
    with pytest.raises(FrameError):
        intro(bytes(MAX_FRAME_BYTES + 1))
