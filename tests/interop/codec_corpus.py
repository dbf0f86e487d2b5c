"""A seeded corpus of nodes: every token, every kind of address, every length's boundary.

Attribute names that are all digits are left out: JavaScript objects reorder them.
"""

import random
from collections.abc import Iterator

from worker.wire import Node
from worker.wire.tokens import TOKEN_CODES

SEED = 20_260_821
RANDOM_NODES = 4_000
BOUNDARY_SIZES = (0, 1, 2, 126, 127, 128, 129, 254, 255, 256, 257, 65_535, 65_536)
LARGE_SIZES = ((1 << 20) - 1, 1 << 20, (1 << 20) + 1)
SERVERS = (
    *("s.whatsapp.net", "lid", "hosted", "hosted.lid", "c.us", "g.us", "broadcast"),
    *("newsletter", "bot", "msgr", "interop", "call", "example.com"),
)
DEVICE_SERVERS = SERVERS[:5]
USERS = ("15551234567", "1", "200000000000002", "A1B2", "status", "server", "0", "type", "é", "")
TEXTS = (
    *("", "0", "-", ".", "..--", "+15551234567", "1.5", "00000", "ABCDEF", "abcdef", "ABCDEFG"),
    *("3EB0AABBCCDDEEFF0011", "2:Lz4jCu", "Zoë ☎ \U0001f600", "\x00", "a\x00b", "line\nline"),
    *("no@where", "@", "a@b@c", "@s.whatsapp.net", "two words @ once", "\uff11\uff12", "\ufeffbom"),
    *("s.whatsapp.net", "admin_revoke", "x" * 300, "true", "\u2028", "-A", "9F.", "12\n", "\n12"),
)


def nodes() -> Iterator[Node]:
    """Yield the whole corpus, the same in every run."""
    yield from _tokens()
    yield from _texts()
    yield from _addresses()
    yield from _packed()
    yield from _lengths()
    yield from _shapes()
    rng = random.Random(SEED)
    for _ in range(RANDOM_NODES):
        yield _random_node(rng, 4)


def _in_all_places(text: str) -> Iterator[Node]:
    """As a value, as a content, and (where it may be) as a tag and an attribute's name."""
    yield Node("iq", {"id": text}, text)
    if text and not text.isdecimal():
        yield Node(text, {text: text}, [Node(text)])


def _tokens() -> Iterator[Node]:
    for token in TOKEN_CODES:
        yield from _in_all_places(token)


def _texts() -> Iterator[Node]:
    for text in TEXTS:
        if not text.endswith("@"):  # Baileys can't read back what it makes of those
            yield from _in_all_places(text)


def _addresses() -> Iterator[Node]:
    for user in USERS:
        for server in SERVERS:
            yield from _in_all_places(f"{user}@{server}")
        for server in DEVICE_SERVERS:
            for device in (0, 1, 9, 99, 127, 128, 255):
                yield from _in_all_places(f"{user}:{device}@{server}")
            for agent in (0, 1, 2, 128, 129, 255):
                yield from _in_all_places(f"{user}_{agent}@{server}")
                yield from _in_all_places(f"{user}_{agent}:7@{server}")


def _packed() -> Iterator[Node]:
    for length in (*range(1, 20), 126, 127, 128, 129):
        for alphabet in ("0123456789", "0123456789-.", "0123456789ABCDEF", "-.", "F", "0aB"):
            text = (alphabet * length)[:length]
            yield Node("message", {"id": text}, text)


def _lengths() -> Iterator[Node]:
    rng = random.Random(SEED)
    for size in (*BOUNDARY_SIZES, *LARGE_SIZES):
        yield Node("enc", {}, rng.randbytes(size))
        yield Node("enc", {"v": "y" * size} if size else {}, "z" * size)
    for size in (128, 255, 256):
        yield Node("enc", {"text": "é" * (size // 2)}, "é" * size)


def _shapes() -> Iterator[Node]:
    yield Node("ping")
    yield Node("list", {}, [])
    yield Node("list", {}, "")
    yield Node("list", {}, b"")
    for size in (1, 2, 127, 128, 254, 255, 256, 257, 1000):
        yield Node("list", {}, [Node("item", {"index": f"i{i}"}) for i in range(size)])
        yield Node("list", {f"name-{i}": str(i) for i in range(size)}, b"x")
        yield Node("list", {f"name-{i}": str(i) for i in range(size)})
    yield Node("list", {}, [Node("item")] * 65_535)
    deep = Node("leaf")
    for _ in range(60):
        deep = Node("branch", {}, [deep])
    yield deep


def _random_node(rng: random.Random, depth: int) -> Node:
    names = [name for name in (_random_text(rng) for _ in range(rng.randrange(5))) if name]
    attrs = {name: _random_text(rng) for name in names if not name.isdecimal()}
    return Node(_random_text(rng) or "iq", attrs, _random_content(rng, depth))


def _random_content(rng: random.Random, depth: int) -> bytes | str | list[Node] | None:
    kind = rng.randrange(6 if depth else 3)
    if kind == 0:
        return None
    if kind == 1:
        return _random_text(rng)
    if kind == 2:
        return rng.randbytes(rng.choice((0, 1, 32, 160, 300)))
    return [_random_node(rng, depth - 1) for _ in range(rng.randrange(4))]


def _random_text(rng: random.Random) -> str:
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(_TOKENS)
    if kind == 1:
        return (
            f"{rng.randrange(10**12)}{rng.choice(('', ':3', ':200'))}@{rng.choice(DEVICE_SERVERS)}"
        )
    if kind == 2:
        return f"{rng.randrange(10**12)}@{rng.choice(SERVERS)}"
    if kind == 3:
        return "".join(rng.choices("0123456789-.", k=rng.randrange(20)))
    if kind == 4:
        return "".join(rng.choices("0123456789ABCDEF", k=rng.randrange(40)))
    return "".join(rng.choices("abcdé☎\U0001f600 -_.,/", k=rng.randrange(200)))


_TOKENS = tuple(TOKEN_CODES)
