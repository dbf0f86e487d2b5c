"""Bundles: what somebody needs to write to a device for the first time."""

from dataclasses import replace

from tests.simulator.directory import PHONE, Device
from tests.simulator.errors import NotFoundError
from tests.simulator.faults import FaultKind
from tests.simulator.hub import SERVER, Hub
from tests.simulator.prekeys import PublicPreKey
from worker.wire.node import Node


def bundle(hub: Hub, asked: Node, *, planned: bool = True) -> Node:
    """Return the <user> for a <user jid=...>: its keys, or an error inside.

    Args:
        hub: the service.
        asked: who is meant.
        planned: whether faults that were planned for the device's bundle apply.
    """
    jid = asked.jid("jid")
    attrs = {"jid": str(jid), "t": str(hub.now_s())}
    try:
        device = hub.directory.device(jid)
    except NotFoundError as error:
        return Node("user", attrs, [Node("error", {"code": str(error.code), "text": error.text})])
    content = _keys(device, *(_planned(hub, device) if planned else _sound(device)))
    _ask_for_more(hub, device)
    return Node("user", attrs, content)


def _keys(device: Device, signed: PublicPreKey, one_time: PublicPreKey | None) -> list[Node]:
    content = [
        Node("registration", {}, device.registration_id.to_bytes(4, "big")),
        Node("type", {}, b"\x05"),
        Node("identity", {}, device.identity),
        signed.node("skey"),
    ]
    if one_time is not None:
        content.append(one_time.node("key"))
    if device.number != PHONE:
        content.append(Node("device-identity", {}, device.signed_identity))
    return content


def _sound(device: Device) -> tuple[PublicPreKey, PublicPreKey | None]:
    return device.keys.signed, device.keys.take()


def _planned(hub: Hub, device: Device) -> tuple[PublicPreKey, PublicPreKey | None]:
    """Return the keys with the faults that were ordered."""
    phone, number, signed = device.account.phone, device.number, device.keys.signed
    if hub.faults.take(FaultKind.BUNDLE_SIGNATURE, phone, number):
        byte = bytes([signed.signature[10] ^ 1])
        signed = replace(signed, signature=signed.signature[:10] + byte + signed.signature[11:])
    if hub.faults.take(FaultKind.NO_ONE_TIME_KEY, phone, number):
        return signed, None
    return signed, device.keys.take()


def _ask_for_more(hub: Hub, device: Device) -> None:
    if not device.keys.low():
        return
    attrs = {"from": SERVER, "type": "encrypt", "id": hub.next_id(), "t": str(hub.now_s())}
    count = Node("count", {"value": str(len(device.keys.one_time))})
    device.mailbox.post(Node("notification", attrs, [count]))
