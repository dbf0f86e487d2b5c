"""The keys that devices leave at the server, so that others can write to them first."""

from dataclasses import dataclass, field

from tests.simulator.errors import RefusedError
from worker.wire import curve
from worker.wire.node import Node

LOW_COUNT = 5
"""Below this many one-time keys the server asks for more (whatsmeow prekeys.go)."""


@dataclass(frozen=True, slots=True)
class PublicPreKey:
    """A pre-key as it is handed out: 24-bit id, 32 bytes, and 64 bytes if it is the signed one."""

    key_id: int
    public: bytes
    signature: bytes = b""

    @classmethod
    def read(cls, node: Node) -> "PublicPreKey":
        """Read a <key> or <skey>.

        Raises:
            RefusedError: a part is missing or has a wrong length.
        """
        key_id, public = _part(node, "id", 3), _part(node, "value", 32)
        signature = _part(node, "signature", 64) if node.tag == "skey" else b""
        return cls(int.from_bytes(key_id, "big"), public, signature)

    def node(self, tag: str) -> Node:
        """Return it as <key> or <skey>."""
        parts = [Node("id", {}, self.key_id.to_bytes(3, "big")), Node("value", {}, self.public)]
        if self.signature:
            parts.append(Node("signature", {}, self.signature))
        return Node(tag, {}, parts)


def _part(node: Node, tag: str, length: int) -> bytes:
    child = node.child(tag)
    content = child.content if child is not None else None
    if not isinstance(content, bytes) or len(content) != length:
        raise RefusedError(406, "not-acceptable")
    return content


def signed_by(identity: bytes, key: PublicPreKey) -> bool:
    """Tell whether `identity` signed the pre-key: over 0x05 and its 32 bytes."""
    return curve.verify(identity, curve.typed(key.public), key.signature)


@dataclass(slots=True)
class PreKeyStock:
    """One device's keys at the server.

    Attributes:
        signed: the current signed pre-key.
        one_time: keys not handed out yet, by id, oldest first.
        handed_out: ids given to somebody; each is given once.
        base_keys: the first session made with a one-time key, by the key's id: a second session
            on the same key means that somebody used it twice.
    """

    signed: PublicPreKey
    one_time: dict[int, PublicPreKey] = field(default_factory=dict)
    handed_out: set[int] = field(default_factory=set)
    base_keys: dict[int, bytes] = field(default_factory=dict)
    low_announced: bool = False

    def add(self, keys: list[PublicPreKey]) -> None:
        """Take an upload; a key that was handed out already doesn't come back."""
        self.one_time.update({key.key_id: key for key in keys if key.key_id not in self.handed_out})
        self.low_announced = False

    def take(self) -> PublicPreKey | None:
        """Hand out the oldest one-time key, for good; None when there is none left."""
        if not self.one_time:
            return None
        key = self.one_time.pop(next(iter(self.one_time)))
        self.handed_out.add(key.key_id)
        return key

    def low(self) -> bool:
        """Tell, once per shortage, that the owner has to upload more."""
        if self.low_announced or len(self.one_time) >= LOW_COUNT:
            return False
        self.low_announced = True
        return True

    def use(self, key_id: int, base_key: bytes) -> bool:
        """Note the first message of a session; False if the one-time key served another one."""
        return self.base_keys.setdefault(key_id, base_key) == base_key
