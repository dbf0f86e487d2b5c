"""Addresses, padding and skipped keys."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.signal import Address, padding
from worker.signal.errors import MalformedMessage, MalformedRecord
from worker.signal.skipped import MAX_SKIPPED_KEYS, SkippedKeys


@pytest.mark.parametrize(
    ("user", "server", "device", "text"),
    [
        ("15550000001", "s.whatsapp.net", 0, "15550000001.0"),
        ("15550000001", "s.whatsapp.net", 7, "15550000001.7"),
        ("100000000000001", "lid", 3, "100000000000001_1.3"),
        ("15550000001", "hosted", 99, "15550000001_128.99"),
        ("100000000000001", "hosted.lid", 99, "100000000000001_129.99"),
    ],
)
def test_address_of_each_domain(user: str, server: str, device: int, text: str) -> None:
    address = Address.of(user, server, device)
    assert str(address) == text
    assert Address.parse(text) == address


@pytest.mark.parametrize("text", ["", "15550000001", "a.b", "a.", "a.²", "a.-1"])
def test_text_that_is_no_address_is_named_so(text: str) -> None:
    with pytest.raises(MalformedRecord):
        Address.parse(text)


@given(text=st.binary(max_size=300))
def test_padding_is_undone(text: bytes) -> None:
    padded = padding.pad(text, os.urandom)
    assert 1 <= len(padded) - len(text) <= 15
    assert padding.unpad(padded) == text


@pytest.mark.parametrize("count", range(256))
def test_every_random_byte_gives_a_length_that_receivers_accept(count: int) -> None:
    padded = padding.pad(b"text", lambda _: bytes([count]))
    assert padded[-1] == (count & 15 or 15)
    assert padding.unpad(padded) == b"text"


@pytest.mark.parametrize("padded", [b"", b"\x00", b"\x05\x05", b"ab\x03\x02\x03", b"a\xff"])
def test_broken_padding_is_malformed(padded: bytes) -> None:
    with pytest.raises(MalformedMessage):
        padding.unpad(padded)


def test_whole_plaintext_may_be_padding() -> None:
    assert padding.unpad(bytes([200]) * 200) == b""


@given(counters=st.lists(st.integers(0, 2**32 - 1), unique=True, max_size=50))
def test_each_skipped_key_is_found_once(counters: list[int]) -> None:
    seeds = {counter: counter.to_bytes(4) * 8 for counter in counters}
    skipped = SkippedKeys().adding(list(seeds.items()))
    for left, counter in enumerate(reversed(counters), start=1):
        found = skipped.taking(counter)
        assert found is not None
        seed, skipped = found
        assert seed == seeds[counter]
        assert len(skipped) == len(counters) - left
        assert skipped.taking(counter) is None


def test_seed_that_looks_like_a_counter_is_not_taken_for_one() -> None:
    skipped = SkippedKeys().adding([(1, b"\x00\x00\x00\x02" * 8), (2, b"s" * 32)])
    found = skipped.taking(2)
    assert found is not None
    assert found[0] == b"s" * 32


def test_no_more_than_the_limit_is_kept() -> None:
    seeds = [(counter, b"s" * 32) for counter in range(MAX_SKIPPED_KEYS + 3)]
    skipped = SkippedKeys().adding(seeds)
    assert len(skipped) == MAX_SKIPPED_KEYS
    assert skipped.taking(2) is None
    assert skipped.taking(3) is not None


def test_cut_skipped_keys_are_named_so() -> None:
    with pytest.raises(MalformedRecord):
        SkippedKeys.load(bytes(35))
