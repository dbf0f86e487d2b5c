"""Receipts: what became of messages, told by other devices and told to them."""

from dataclasses import dataclass

from shared import link_pb2
from worker.wire import Jid, Node, NodeError

# More ids than any client puts into one receipt; more is an attack on our memory.
MAX_IDS = 4096

# The receipt's `type` and what it means; an absent type is a delivery (protocol.md of WhatsApp
# Web; whatsmeow types/presence.go). "inactive" is a delivery to a device without its user.
KINDS: dict[str, link_pb2.Receipt.Kind] = {
    "": link_pb2.Receipt.DELIVERED,
    "delivery": link_pb2.Receipt.DELIVERED,
    "inactive": link_pb2.Receipt.DELIVERED,
    "sender": link_pb2.Receipt.SENDER,
    "read": link_pb2.Receipt.READ,
    "read-self": link_pb2.Receipt.READ_SELF,
    "played": link_pb2.Receipt.PLAYED,
    "played-self": link_pb2.Receipt.READ_SELF,
    "server-error": link_pb2.Receipt.SERVER_ERROR,
}


@dataclass(frozen=True, slots=True)
class Report:
    """Messages of one chat that reached the same fate with the same person."""

    kind: link_pb2.Receipt.Kind
    ids: tuple[str, ...]
    participant: Jid | None
    timestamp_s: int


def reports_of(stanza: Node) -> list[Report]:
    """Return what a `<receipt>` says; nothing for types that say nothing about messages.

    Raises:
        NodeError: ids, times or addresses are missing, malformed, or too many.
    """
    kind = KINDS.get(stanza.attrs.get("type", ""))
    if kind is None:
        return []
    grouped = stanza.children("participants")
    if grouped and "participant" not in stanza.attrs:
        return [report for entry in grouped for report in _grouped(entry, kind)]
    participant = stanza.jid("participant").bare if "participant" in stanza.attrs else None
    return [Report(kind, ids_of(stanza), participant, _time(stanza))]


def ids_of(stanza: Node) -> tuple[str, ...]:
    """Return the message ids of a receipt: its own id, and those of its list.

    Raises:
        NodeError: more than `MAX_IDS`, or an item without id.
    """
    listed = stanza.child("list")
    items = listed.children("item") if listed is not None else []
    if len(items) >= MAX_IDS:
        raise NodeError(f"read a receipt: {len(items)} message ids, more than {MAX_IDS}")
    return (stanza.required("id"), *(item.required("id") for item in items))


def _grouped(entry: Node, kind: link_pb2.Receipt.Kind) -> list[Report]:
    ids = (entry.required("key"),)
    return [Report(kind, ids, user.jid("jid").bare, _time(user)) for user in entry.children("user")]


def _time(node: Node) -> int:
    return node.int("t") if "t" in node.attrs else 0


def received(stanza: Node, *, from_me: bool) -> Node:
    """Return the receipt for a message that was decrypted: it also settles the stanza.

    Ours from another device are answered with `sender`, those of our phone's own housekeeping
    with `peer_msg`, everybody else's with a plain delivery (whatsmeow receipt.go).
    """
    attrs = addressed_back(stanza)
    if stanza.attrs.get("category") == "peer":
        attrs["type"] = "peer_msg"
    elif from_me:
        attrs["type"] = "sender"
    return Node("receipt", attrs)


def history_sync(stanza: Node) -> Node:
    """Return the receipt for a history notification of our phone."""
    return Node("receipt", {**addressed_back(stanza), "type": "hist_sync"})


def read(ids: list[str], chat: Jid, participant: Jid | None, now_s: float) -> Node:
    """Return the receipt that tells a sender we have read these messages of theirs.

    Args:
        ids: at least one id, all of the same sender.
        chat: the chat they stand in.
        participant: the sender, in a group.
        now_s: the time of reading.
    """
    attrs = {"id": ids[0], "type": "read", "to": str(chat), "t": str(int(now_s))}
    if participant is not None and chat.is_group:
        attrs["participant"] = str(participant.bare)
    items = [Node("item", {"id": each}) for each in ids[1:]]
    return Node("receipt", attrs, [Node("list", {}, items)] if items else None)


def addressed_back(stanza: Node) -> dict[str, str]:
    """Return the attributes that bring a receipt back to where a stanza came from."""
    attrs = {"id": stanza.required("id"), "to": stanza.required("from")}
    for name in ("recipient", "participant"):
        if name in stanza.attrs:
            attrs[name] = stanza.attrs[name]
    return attrs
