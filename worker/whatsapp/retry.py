"""Messages that could not be read: asked for again, and sent again, within bounds.

Sources: whatsmeow retry.go, Baileys messages-recv.ts. The bounds are what keeps two broken
clients from asking each other for ever (Baileys#2234: 168,000 failures in two hours).
"""

from dataclasses import dataclass
from typing import Final

from worker.session import Credentials, UnitOfWork
from worker.wire import Node, NodeError
from worker.wire.curve import Rng

from .prekeys import KEY_TYPE, PublicPreKey, pre_key_node, signed_pre_key_node
from .receipts import addressed_back

MAX_ASKED: Final = 4
"""How often we ask for one message."""

KEYS_FROM: Final = 2
"""From this attempt on we send keys, so that the other side can begin a new session."""

MAX_ANSWERED: Final = 9
"""How often we send one message again to one device."""

RECREATE_AFTER_S: Final = 3600.0
"""A session is not begun anew on somebody's request more often than this."""


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody's wish to get a message of ours again."""

    message_id: str
    count: int
    timestamp: str
    has_keys: bool


def ask_again(
    unit: UnitOfWork, stanza: Node, credentials: Credentials, rng: Rng, *, with_keys: bool = False
) -> Node | None:
    """Return the receipt that asks for a message again, None when that was done often enough.

    Args:
        unit: holds the count, and gets the one-time key that is handed out.
        stanza: the message that could not be read.
        credentials: ours, for the keys.
        rng: for the one-time key.
        with_keys: send keys at once: no session of ours can ever read this sender.
    """
    message_id = stanza.required("id")
    sender = stanza.attrs.get("participant") or stanza.required("from")
    count = max(unit.retries.count(message_id, sender).count, _count_in(stanza) + 1)
    if count > MAX_ASKED:
        return None
    attrs = {**addressed_back(stanza), "type": "retry"}
    if stanza.attrs.get("category") == "peer":
        attrs["category"] = "peer"
    retry = Node(
        "retry",
        {"count": str(count), "id": message_id, "t": stanza.attrs.get("t", "0"), "v": "1"},
    )
    registration = Node("registration", {}, credentials.registration_id.to_bytes(4, "big"))
    content = [retry, registration]
    if count >= KEYS_FROM or with_keys:
        content.append(_keys(unit, credentials, rng))
    return Node("receipt", attrs, content)


def request_of(receipt: Node) -> Request:
    """Return what a retry receipt wants.

    Raises:
        NodeError: it does not say.
    """
    retry = receipt.child("retry")
    if retry is None:
        raise NodeError("read a retry receipt: it has no <retry>")
    return Request(
        message_id=retry.required("id"),
        count=retry.int("count"),
        timestamp=retry.attrs.get("t", "0"),
        has_keys=receipt.child("keys") is not None,
    )


def _count_in(stanza: Node) -> int:
    """Return how often the sender has sent this again already, as its `<enc>` tells."""
    encrypted = stanza.child("enc")
    if encrypted is None or "count" not in encrypted.attrs:
        return 0
    return encrypted.int("count")


def _keys(unit: UnitOfWork, credentials: Credentials, rng: Rng) -> Node:
    (key,) = unit.pre_keys.generate(1, rng)
    unit.pre_keys.mark_uploaded([key.key_id])
    return Node(
        "keys",
        {},
        [
            Node("type", {}, KEY_TYPE),
            Node("identity", {}, credentials.identity_key.public),
            pre_key_node(PublicPreKey(key.key_id, key.pair.public)),
            signed_pre_key_node(credentials),
            Node("device-identity", {}, credentials.signed_device_identity or b""),
        ],
    )
