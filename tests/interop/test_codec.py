"""Our codec against Baileys' JavaScript and its Rust bridge, node by node.

Bytes have to be Baileys' in every case, and both have to read the same tree out of them.
The Rust bridge is a second witness: where it differs from Baileys, the differences are
counted by class and shown with `-s`.
"""

import base64
import contextlib
import json
import random
import threading
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import IO, Any

import pytest

from tests.interop import codec_corpus
from tests.interop.node_oracle import running_node
from worker.wire import Node, NodeError, decode, encode

pytestmark = pytest.mark.interop

MUTATIONS = 6_000


def test_bytes_and_trees_equal_baileys_for_the_whole_corpus() -> None:
    corpus = list(codec_corpus.nodes())
    witnesses: Counter[str] = Counter()
    requests = ({"encode": _to_wire(node)} for node in corpus)
    for node, reply in zip(corpus, _ask(requests), strict=True):
        assert "error" not in reply, (node, reply)
        theirs = base64.b64decode(reply["baileys"])
        assert encode(node) == theirs, node
        assert decode(theirs) == _from_wire(reply["tree"])
        witnesses[_rust_class(node, theirs, reply["rust"])] += 1
    print(f"{len(corpus)} nodes; the Rust encoder: {dict(witnesses)}")

    assert len(corpus) >= 5_000
    assert witnesses["same bytes"] > len(corpus) * 0.9


def test_altered_bytes_are_read_as_baileys_reads_them_or_refused() -> None:
    rng = random.Random(codec_corpus.SEED)
    seeds = [data for data in map(encode, codec_corpus.nodes()) if len(data) < 2_000]
    altered = [_alter(rng, rng.choice(seeds)) for _ in range(MUTATIONS)]
    outcomes: Counter[str] = Counter()
    requests = ({"decode": base64.b64encode(data).decode()} for data in altered)
    for data, reply in zip(altered, _ask(requests), strict=True):
        outcomes[_decoding_class(data, reply)] += 1
    print(f"{MUTATIONS} altered nodes: {dict(outcomes)}")

    assert outcomes["same tree"] > MUTATIONS // 4
    assert outcomes["both refuse"] > MUTATIONS // 4
    assert set(outcomes) == {"same tree", "both refuse", "TrailingBytes"}


def test_compressed_nodes_are_read_by_both() -> None:
    nodes = [node for node in codec_corpus.nodes() if node.tag in ("list", "enc", "iq")][:300]
    frames = [b"\x02" + zlib.compress(encode(node)[1:]) for node in nodes]
    requests = ({"decode": base64.b64encode(data).decode()} for data in frames)
    for data, reply in zip(frames, _ask(requests), strict=True):
        assert decode(data) == _from_wire(reply["tree"])


def _rust_class(node: Node, theirs: bytes, rust: str | None) -> str:
    if rust is None:
        return "refused"
    data = base64.b64decode(rust)
    if data == theirs:
        return "same bytes"
    if data == encode(_without_blanks(node)):
        return "drops attributes with a blank value"
    return "other bytes"


def _without_blanks(node: Node) -> Node:
    content = node.content
    if isinstance(content, list):
        content = [_without_blanks(child) for child in content]
    return Node(node.tag, {k: v for k, v in node.attrs.items() if v.strip()}, content)


def _alter(rng: random.Random, data: bytes) -> bytes:
    """Change a few bytes behind the flag; now and then drop or insert some, too."""
    altered = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        position = rng.randrange(1, len(altered))
        altered[position] = rng.randrange(256)
    if not rng.randrange(4):
        position = rng.randrange(1, len(altered))
        altered[position : position + rng.randrange(2)] = rng.randbytes(rng.randrange(3))
    return bytes(altered)


def _decoding_class(data: bytes, reply: dict[str, Any]) -> str:
    try:
        ours = decode(data)
    except NodeError as error:
        return "both refuse" if "error" in reply else f"{type(error).__name__}"
    assert "error" not in reply, (data, reply)
    assert ours == _from_wire(reply["tree"]), data
    return "same tree"


def _ask(requests: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Send all requests to one Node process while reading its replies."""
    with running_node("codec.mjs") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = (json.dumps(request).encode() + b"\n" for request in requests)
        writer = threading.Thread(target=_write, args=(process.stdin, lines), daemon=True)
        writer.start()
        for line in process.stdout:
            yield json.loads(line)
        writer.join()


def _write(stdin: IO[bytes], lines: Iterable[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError), stdin:  # the reader gave up: its failure counts
        stdin.writelines(lines)


def _to_wire(node: Node) -> list[Any]:
    content: Any = node.content
    if isinstance(content, list):
        content = [_to_wire(child) for child in content]
    elif isinstance(content, str):
        content = {"text": content}
    elif content is not None:
        content = {"base64": base64.b64encode(content).decode()}
    return [node.tag, list(node.attrs.items()), content]


def _from_wire(tree: list[Any]) -> Node:
    tag, attrs, content = tree
    if isinstance(content, list):
        content = [_from_wire(child) for child in content]
    elif content is not None:
        content = content["text"] if "text" in content else base64.b64decode(content["base64"])
    return Node(tag, dict(attrs), content)
