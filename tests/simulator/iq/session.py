"""Requests about the connection itself: pings, being active, and logging out."""

import asyncio

from tests.simulator import devices
from tests.simulator.errors import RefusedError
from tests.simulator.hub import Hub, Line
from worker.wire.node import Node


def ping(_hub: Hub, _line: Line, _node: Node) -> list[Node]:
    """Answer a keepalive."""
    return []


def passive(_hub: Hub, line: Line, node: Node) -> list[Node]:
    """From `active` on the device gets what waits for it, and everything new."""
    device = line.device
    if device is not None and node.child("active") is not None:
        # Once the answer to this request is on its way.
        asyncio.get_running_loop().call_soon(device.mailbox.open, line)
    return []


def log_out(hub: Hub, line: Line, node: Node) -> list[Node]:
    """Unlink the device that asks for it."""
    removal, device = node.child("remove-companion-device"), line.device
    if removal is None or device is None:
        raise RefusedError(501, "feature-not-implemented")
    if removal.jid("jid") not in (device.jid(), device.jid("lid")):
        raise RefusedError(403, "forbidden")
    asyncio.get_running_loop().call_soon(devices.remove, hub, device)
    return []
