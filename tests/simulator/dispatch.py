"""Where a client's stanza goes, by its tag."""

from tests.simulator import iq, pairing, receipts, routing
from tests.simulator.directory import Device
from tests.simulator.errors import RefusedError
from tests.simulator.faults import FaultKind
from tests.simulator.hub import SERVER, Hub, Line
from tests.simulator.mailbox import StanzaKey
from tests.simulator.record import Rule
from worker.wire.node import Node, NodeError

BAD_REQUEST = 479
"""How the service nacks a message that isn't formed as it must be (Baileys: SmaxInvalid)."""

SILENT_TAGS = frozenset({"presence", "chatstate", "xmlstreamend"})


def handle(hub: Hub, line: Line, node: Node) -> None:
    """Act on one stanza of a client."""
    if node.tag == "iq":
        _request(hub, line, node)
    elif line.device is None:
        if node.tag not in ("ib", *SILENT_TAGS):
            hub.record.violation(Rule.MALFORMED, "", f"<{node.tag}> before login")
    else:
        _from_device(hub, line, line.device, node)


def _request(hub: Hub, line: Line, node: Node) -> None:
    if node.attrs.get("type") in ("result", "error"):
        pairing.answered(hub, line, node)
        return
    reply = iq.answer(hub, line, node)
    if reply is not None:
        line.push(reply)


def _from_device(hub: Hub, line: Line, device: Device, node: Node) -> None:
    if node.tag == "message":
        _message(hub, line, device, node)
    elif node.tag == "receipt":
        receipts.receipt(hub, device, node)
        if not _dropped(hub, device, node.tag):
            line.push(_ack(hub, node))
    elif node.tag == "ack":
        _confirmed(hub, device, node)
    elif node.tag == "ib":
        _offline_batch(device, node)
    elif node.tag == "call":
        line.push(_ack(hub, node))
    elif node.tag not in SILENT_TAGS:
        hub.record.violation(Rule.MALFORMED, device.name, f"unexpected <{node.tag}>")


def _message(hub: Hub, line: Line, device: Device, node: Node) -> None:
    planned = hub.faults.take(FaultKind.NACK, device.account.phone, device.number)
    if planned is not None:
        line.push(_ack(hub, node, error=planned.value))
        return
    try:
        phash = routing.message(hub, device, node)
    except RefusedError as error:
        line.push(_ack(hub, node, error=str(error.code)))
    except NodeError as error:
        hub.record.violation(Rule.MALFORMED, device.name, str(error))
        line.push(_ack(hub, node, error=str(BAD_REQUEST)))
    else:
        if not _dropped(hub, device, node.tag):
            line.push(_ack(hub, node, phash=phash))


def _dropped(hub: Hub, device: Device, tag: str) -> bool:
    phone, number = device.account.phone, device.number
    return hub.faults.take(FaultKind.DROP_ACK, phone, number, value=tag) is not None


def _ack(hub: Hub, node: Node, **extra: str) -> Node:
    attrs = {"class": node.tag, "id": node.attrs.get("id", ""), "t": str(hub.now_s())}
    attrs["from"] = node.attrs.get("to", SERVER)
    for name in ("participant", "recipient"):
        if name in node.attrs:
            attrs[name] = node.attrs[name]
    if node.tag != "message" and "type" in node.attrs:
        attrs["type"] = node.attrs["type"]
    return Node("ack", {**attrs, **{name: value for name, value in extra.items() if value}})


def _confirmed(hub: Hub, device: Device, node: Node) -> None:
    """Take an <ack>: the stanza it names needs no second delivery."""
    attrs = node.attrs
    key = StanzaKey(
        attrs.get("class", ""),
        attrs.get("id", ""),
        attrs.get("to", ""),
        attrs.get("participant", ""),
        attrs.get("type", "") if attrs.get("class") == "receipt" else "",
    )
    known = device.mailbox.was_settled(key)
    if not device.mailbox.settle(key):
        rule = Rule.ACKED_TWICE if known else Rule.ACKED_UNKNOWN
        hub.record.violation(rule, device.name, f"{key.tag} {key.stanza_id}")


def _offline_batch(device: Device, node: Node) -> None:
    batch = node.child("offline_batch")
    if batch is not None:
        device.mailbox.release(batch.int("count"))
