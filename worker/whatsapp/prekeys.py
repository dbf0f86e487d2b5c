"""Pre-keys on the wire: our stock on the server, and the bundles of others.

Sources: whatsmeow prekeys.go, Baileys signal.ts.
"""

from dataclasses import dataclass
from typing import Final

from worker.session import Credentials
from worker.signal import PreKeyBundle
from worker.wire import Jid, Node, NodeError
from worker.wire.curve import KEY_BYTES, SIGNATURE_BYTES

SERVER: Final = "@s.whatsapp.net"
KEY_TYPE: Final = b"\x05"
ID_BYTES: Final = 3

# The server is refilled when it has fewer than this left.
LOW_STOCK: Final = 5
FIRST_UPLOAD: Final = 812
REFILL: Final = 50


@dataclass(frozen=True, slots=True)
class PublicPreKey:
    """A one-time key as others see it."""

    key_id: int
    public: bytes


def count_query() -> Node:
    """Return the query for how many of our one-time keys the server still has."""
    return Node("iq", {"xmlns": "encrypt", "type": "get", "to": SERVER}, [Node("count")])


def count_in(answer: Node) -> int:
    """Return the number in the answer to `count_query`."""
    count = answer.child("count")
    if count is None:
        raise NodeError("read the pre-key count: the server's answer has none")
    return count.int("value")


def upload(credentials: Credentials, keys: list[PublicPreKey]) -> Node:
    """Return the query that hands our identity and these one-time keys to the server."""
    return Node(
        "iq",
        {"xmlns": "encrypt", "type": "set", "to": SERVER},
        [
            Node("registration", {}, credentials.registration_id.to_bytes(4, "big")),
            Node("type", {}, KEY_TYPE),
            Node("identity", {}, credentials.identity_key.public),
            Node("list", {}, [pre_key_node(key) for key in keys]),
            signed_pre_key_node(credentials),
        ],
    )


def pre_key_node(key: PublicPreKey) -> Node:
    """Return a one-time key as a node."""
    return Node("key", {}, _id_and_value(key.key_id, key.public))


def signed_pre_key_node(credentials: Credentials) -> Node:
    """Return our signed pre-key as a node."""
    signed = credentials.signed_pre_key
    parts = _id_and_value(signed.key_id, signed.pair.public)
    return Node("skey", {}, [*parts, Node("signature", {}, signed.signature)])


def _id_and_value(key_id: int, public: bytes) -> list[Node]:
    return [Node("id", {}, key_id.to_bytes(ID_BYTES, "big")), Node("value", {}, public)]


def bundles_query(devices: list[Jid]) -> Node:
    """Return the query for the bundles of these devices."""
    users = [Node("user", {"jid": str(jid), "reason": "identity"}) for jid in devices]
    return Node("iq", {"xmlns": "encrypt", "type": "get", "to": SERVER}, [Node("key", {}, users)])


def bundles_in(answer: Node) -> dict[Jid, PreKeyBundle | NodeError]:
    """Return the bundle of each device in the answer, or why it has none."""
    found: dict[Jid, PreKeyBundle | NodeError] = {}
    listed = answer.child("list")
    for user in listed.children("user") if listed is not None else []:
        jid = user.jid("jid")
        try:
            found[jid] = bundle_of(user)
        except NodeError as error:
            found[jid] = error
    return found


def bundle_of(node: Node) -> PreKeyBundle:
    """Return the bundle that a `<user>` or a retry receipt carries.

    Raises:
        NodeError: the server says why there is none, or parts are missing or of a wrong length.
    """
    refused = node.child("error")
    if refused is not None:
        raise NodeError(f"read a pre-key bundle: the server answered {dict(refused.attrs)}")
    keys = node.child("keys") or node
    one_time = keys.child("key")
    signed = _part(keys, "skey")
    return PreKeyBundle(
        registration_id=int.from_bytes(_sized(node, "registration", 4), "big"),
        identity_key=_sized(keys, "identity", KEY_BYTES),
        signed_pre_key_id=_key_id(signed),
        signed_pre_key=_sized(signed, "value", KEY_BYTES),
        signature=_sized(signed, "signature", SIGNATURE_BYTES),
        pre_key_id=_key_id(one_time) if one_time is not None else None,
        pre_key=_sized(one_time, "value", KEY_BYTES) if one_time is not None else None,
    )


def _key_id(node: Node) -> int:
    return int.from_bytes(_sized(node, "id", ID_BYTES), "big")


def _sized(node: Node, name: str, size: int) -> bytes:
    value = _part(node, name).bytes()
    if len(value) != size:
        raise NodeError(f"read a pre-key bundle: <{name}> has {len(value)} bytes, not {size}")
    return value


def _part(node: Node, name: str) -> Node:
    part = node.child(name)
    if part is None:
        raise NodeError(f"read a pre-key bundle: <{name}> is missing")
    return part
