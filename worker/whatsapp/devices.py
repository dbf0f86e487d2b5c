"""Which devices a person has: asked by usync, and kept for a while.

Sources: whatsmeow user.go (usync, parseDeviceList), Baileys messages-send.ts.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from worker.session.peers import Device
from worker.wire import Jid, Node, NodeError
from worker.wire.jid import HOSTED, HOSTED_LID

# A list older than this is asked for again. Notifications keep it true in between; the age bounds
# what a lost notification can do.
MAX_AGE_S: Final = 600.0

# WhatsApp runs this device itself for a business; it has servers of its own (Baileys jid-utils.ts).
HOSTED_DEVICE: Final = 99
_HOSTED_SERVERS = {"s.whatsapp.net": HOSTED, "lid": HOSTED_LID}


@dataclass(frozen=True, slots=True)
class UserDevices:
    """What usync tells of one person.

    Attributes:
        user: the address that was asked for, without device.
        devices: every device, the phone (0) included; empty when nobody lives there.
        lid: the person's LID, where the server told it.
    """

    user: Jid
    devices: tuple[Device, ...]
    lid: Jid | None


def query(users: list[Jid], sid: str) -> Node:
    """Return the usync query for the devices and LIDs of these people."""
    protocols = [Node("devices", {"version": "2"}), Node("lid")]
    listed = [Node("user", {"jid": str(user.bare)}) for user in users]
    usync = Node(
        "usync",
        {"sid": sid, "mode": "query", "last": "true", "index": "0", "context": "message"},
        [Node("query", {}, protocols), Node("list", {}, listed)],
    )
    return Node("iq", {"xmlns": "usync", "type": "get", "to": "@s.whatsapp.net"}, [usync])


def answer(node: Node) -> list[UserDevices]:
    """Return what the answer tells.

    Raises:
        NodeError: it is malformed.
    """
    usync = node.child("usync")
    listed = usync.child("list") if usync is not None else None
    if listed is None:
        raise NodeError("read a device list: the server's answer has none")
    return [_user_devices(user) for user in listed.children("user")]


def _user_devices(user: Node) -> UserDevices:
    told = user.child("lid")
    lid = told.jid("val").bare if told is not None and told.attrs.get("val") else None
    return UserDevices(user.jid("jid").bare, _devices(user), lid)


def _devices(user: Node) -> tuple[Device, ...]:
    devices = user.child("devices")
    listed = devices.child("device-list") if devices is not None else None
    entries = listed.children("device") if listed is not None else []
    return tuple(
        Device(each.int("id"), each.int("key-index") if "key-index" in each.attrs else 0)
        for each in entries
    )


def addresses(user: Jid, devices: Iterable[Device]) -> list[Jid]:
    """Return the address of each device of a person."""
    return [_address(user, each.device) for each in devices]


def _address(user: Jid, device: int) -> Jid:
    server = _HOSTED_SERVERS.get(user.server) if device == HOSTED_DEVICE else None
    return Jid(user.user, server or user.server, device)


def participant_hash(devices: Iterable[Jid]) -> str:
    """Return the hash by which client and server compare whom a message goes to.

    `2:` and six bytes of SHA-256 over the sorted device addresses, each with agent and device
    spelled out (whatsmeow send.go, participantListHashV2).
    """
    texts = sorted(f"{jid.user}.{jid.agent}:{jid.device}@{jid.server}" for jid in devices)
    digest = hashlib.sha256("".join(texts).encode()).digest()[:6]
    return "2:" + base64.b64encode(digest).decode().rstrip("=")
