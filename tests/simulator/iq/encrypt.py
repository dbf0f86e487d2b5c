"""Requests about pre-keys: how many are left, uploading them, and fetching others' bundles."""

import hashlib

from tests.simulator import bundles
from tests.simulator.directory import Device
from tests.simulator.errors import RefusedError
from tests.simulator.hub import Hub, Line
from tests.simulator.prekeys import PublicPreKey, signed_by
from tests.simulator.record import Rule
from worker.wire.node import Node

NOT_ACCEPTABLE = 406


def answer(hub: Hub, line: Line, node: Node) -> list[Node]:
    """Answer by what is asked for."""
    device = line.device
    if device is None:
        raise RefusedError(401, "not-authorized")
    if node.child("count") is not None:
        return [Node("count", {"value": str(len(device.keys.one_time))})]
    if node.child("digest") is not None:
        return [_digest(device)]
    if node.child("rotate") is not None:
        return _rotate(hub, device, node)
    if node.attrs.get("type") == "set":
        return _upload(hub, device, node)
    wanted = node.child("key")
    if wanted is None:
        raise RefusedError(501, "feature-not-implemented")
    return [Node("list", {}, [bundles.bundle(hub, user) for user in wanted.children("user")])]


def _upload(hub: Hub, device: Device, node: Node) -> list[Node]:
    identity, listed = node.child("identity"), node.child("list")
    if identity is None or identity.content != device.identity or listed is None:
        hub.record.violation(Rule.MALFORMED, device.name, "pre-keys under another identity")
        raise RefusedError(NOT_ACCEPTABLE, "not-acceptable")
    keys = [PublicPreKey.read(child) for child in listed.children("key")]
    _sign_in(hub, device, node)
    device.keys.add(keys)
    return []


def _rotate(hub: Hub, device: Device, node: Node) -> list[Node]:
    rotate = node.child("rotate")
    if rotate is not None:
        _sign_in(hub, device, rotate)
    return []


def _sign_in(hub: Hub, device: Device, parent: Node) -> None:
    """Take a new signed pre-key, if its signature is the device's."""
    node = parent.child("skey")
    if node is None:
        raise RefusedError(NOT_ACCEPTABLE, "not-acceptable")
    signed = PublicPreKey.read(node)
    if not signed_by(device.identity, signed):
        hub.record.violation(Rule.BAD_SIGNATURE, device.name, "uploaded signed pre-key")
        raise RefusedError(NOT_ACCEPTABLE, "not-acceptable")
    device.keys.signed = signed


def _digest(device: Device) -> Node:
    """Return what the service holds, so that the device can compare."""
    keys = device.keys
    ids = [Node("id", {}, key_id.to_bytes(3, "big")) for key_id in keys.one_time]
    digest = hashlib.sha1(device.identity + keys.signed.public, usedforsecurity=False).digest()
    content = [
        Node("registration", {}, device.registration_id.to_bytes(4, "big")),
        Node("type", {}, b"\x05"),
        Node("identity", {}, device.identity),
        keys.signed.node("skey"),
        Node("list", {}, ids),
        Node("hash", {}, digest),
    ]
    return Node("digest", {}, content)
