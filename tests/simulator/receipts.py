"""Receipts: to those whose message was received, read, played or not understood.

A receipt for a message also confirms its delivery: Baileys and whatsmeow send no <ack> then.
"""

from tests.simulator.directory import Device
from tests.simulator.errors import NotFoundError
from tests.simulator.hub import Hub
from tests.simulator.mailbox import StanzaKey
from tests.simulator.record import Rule
from worker.wire.jid import Jid
from worker.wire.node import Node

RETRY = "retry"
SELF_ONLY = frozenset({"sender", "peer_msg", "hist_sync", "read-self"})
"""Kinds that stay between the devices of one account."""


def receipt(hub: Hub, device: Device, node: Node) -> None:
    """Confirm the message to its own mailbox, and tell the sender."""
    kind = node.attrs.get("type", "")
    if kind != RETRY:
        _settle(device, node)
    try:
        _tell(hub, device, node, kind)
    except NotFoundError as error:
        if not hub.directory.existed(Jid.parse(error.what)):
            hub.record.violation(Rule.UNKNOWN_DEVICE, device.name, f"receipt for {error.what}")


def _settle(device: Device, node: Node) -> None:
    sender, participant = node.attrs.get("to", ""), node.attrs.get("participant", "")
    for stanza_id in message_ids(node):
        device.mailbox.settle(StanzaKey("message", stanza_id, sender, participant))


def message_ids(node: Node) -> list[str]:
    """Return the ids of all messages that a receipt is about."""
    ids = [node.attrs.get("id", "")]
    items = node.child("list")
    if items is not None:
        ids += [item.attrs.get("id", "") for item in items.children("item")]
    return ids


def _tell(hub: Hub, device: Device, node: Node, kind: str) -> None:
    to = node.jid("to")
    if to.is_group:
        _tell_in_group(hub, device, node, kind)
        return
    target = hub.directory.account(to)
    if kind == RETRY:
        _post(hub, hub.directory.device(to), device, to.server, node)
    elif kind in SELF_ONLY or target is device.account:
        _tell_own(hub, device, node, to)
    else:
        for peer in list(target.devices.values()):
            _post(hub, peer, device, to.server, node)


def _tell_own(hub: Hub, device: Device, node: Node, to: Jid) -> None:
    if node.attrs.get("type") == "read-self":
        others = [other for other in device.account.devices.values() if other is not device]
        forwarded = Node(node.tag, {**node.attrs, "recipient": str(to)}, node.content)
    else:
        named = hub.directory.device(to)
        others, forwarded = [named] if named is not device else [], node
    for other in others:
        _post(hub, other, device, to.server, forwarded)


def _tell_in_group(hub: Hub, device: Device, node: Node, kind: str) -> None:
    author = node.jid("participant")
    sender = str(device.jid(author.server))
    attrs = {"from": node.attrs["to"], "participant": sender, **_carried(hub, node)}
    account = hub.directory.account(author)
    targets = [hub.directory.device(author)] if kind == RETRY else list(account.devices.values())
    for target in targets:
        if target is not device:
            target.mailbox.post(Node("receipt", attrs, node.content))


def _post(hub: Hub, target: Device, device: Device, server: str, node: Node) -> None:
    attrs = {"from": str(device.jid(server)), **_carried(hub, node)}
    if "recipient" in node.attrs:
        attrs["recipient"] = node.attrs["recipient"]
    target.mailbox.post(Node("receipt", attrs, node.content))


def _carried(hub: Hub, node: Node) -> dict[str, str]:
    attrs = {"id": node.attrs.get("id", ""), "t": node.attrs.get("t", str(hub.now_s()))}
    if "type" in node.attrs:
        attrs["type"] = node.attrs["type"]
    return attrs
