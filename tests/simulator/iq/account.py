"""Requests about the account: properties, privacy, blocked contacts, pictures."""

from tests.simulator.errors import RefusedError
from tests.simulator.hub import Hub, Line
from worker.wire.node import Node

PRIVACY = {
    "readreceipts": "all",
    "last": "all",
    "online": "all",
    "profile": "all",
    "status": "all",
    "groupadd": "all",
    "calladd": "all",
    "messages": "all",
    "defense": "off",
    "stickers": "all",
}


def nothing(_hub: Hub, _line: Line, _node: Node) -> list[Node]:
    """Agree, and do nothing."""
    return []


def properties(_hub: Hub, _line: Line, node: Node) -> list[Node]:
    """Return the experiments' switches: none is on."""
    asked = node.child("props")
    protocol = asked.attrs.get("protocol", "1") if asked else "1"
    attrs = {"protocol": protocol, "hash": "simulated", "refresh": "86400", "refresh_id": "1"}
    return [Node("props", {**attrs, "delta_update": "false"}, [])]


def blocklist(_hub: Hub, _line: Line, _node: Node) -> list[Node]:
    """Return an empty list."""
    return [Node("list", {"dhash": "1", "addressing_mode": "lid"}, [])]


def privacy(_hub: Hub, _line: Line, node: Node) -> list[Node]:
    """Return the privacy settings, or take privacy tokens."""
    if node.child("tokens") is not None:
        return []
    categories = [Node("category", {"name": k, "value": v}) for k, v in PRIVACY.items()]
    return [Node("privacy", {}, categories)]


def no_media(_hub: Hub, _line: Line, _node: Node) -> list[Node]:
    """Give no place to upload to: media are not simulated."""
    raise RefusedError(503, "service-unavailable")


def no_picture(_hub: Hub, _line: Line, _node: Node) -> list[Node]:
    """Nobody has a picture."""
    raise RefusedError(404, "item-not-found")
