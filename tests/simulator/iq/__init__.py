"""Requests: each namespace has a room; what none of them knows is recorded and refused."""

from collections.abc import Callable

from tests.simulator.errors import RefusedError
from tests.simulator.faults import FaultKind
from tests.simulator.hub import SERVER, Hub, Line
from tests.simulator.iq import account, encrypt, group, session, usync
from tests.simulator.record import Rule
from worker.wire.node import Node, NodeError

Handler = Callable[[Hub, Line, Node], list[Node]]

BEFORE_LOGIN = frozenset({"w:p", "md"})

HANDLERS: dict[str, Handler] = {
    "abt": account.properties,
    "blocklist": account.blocklist,
    "disappearing_mode": account.nothing,
    "encrypt": encrypt.answer,
    "md": session.log_out,
    "passive": session.passive,
    "privacy": account.privacy,
    "status": account.nothing,
    "urn:xmpp:ping": session.ping,
    "urn:xmpp:whatsapp:dirty": account.nothing,
    "urn:xmpp:whatsapp:push": account.nothing,
    "usync": usync.answer,
    "w:g2": group.answer,
    "w:m": account.no_media,
    "w:p": session.ping,
    "w:profile:picture": account.no_picture,
    "w:stats": account.nothing,
    "w": account.nothing,
}


def answer(hub: Hub, line: Line, node: Node) -> Node | None:
    """Return the answer to a request; None if a fault keeps it back."""
    namespace = node.attrs.get("xmlns", "")
    if _planned(hub, line, FaultKind.MUTE_IQ, namespace):
        return None
    try:
        if _planned(hub, line, FaultKind.FAIL_IQ, namespace):
            raise RefusedError(500, "internal-server-error")
        return _reply(node, "result", _handler(hub, line, node)(hub, line, node))
    except RefusedError as error:
        return _refusal(node, error)
    except NodeError:
        hub.record.violation(Rule.MALFORMED, line.log.device, f"request {namespace}")
        return _refusal(node, RefusedError(400, "bad-request"))


def _handler(hub: Hub, line: Line, node: Node) -> Handler:
    namespace = node.attrs.get("xmlns", "")
    handler = HANDLERS.get(namespace)
    if handler is None:
        names = ",".join(child.tag for child in node.children())
        hub.record.violation(Rule.UNKNOWN_IQ, line.log.device, f"{namespace} {names}")
        raise RefusedError(501, "feature-not-implemented")
    if line.device is None and namespace not in BEFORE_LOGIN:
        raise RefusedError(401, "not-authorized")
    return handler


def _planned(hub: Hub, line: Line, kind: FaultKind, namespace: str) -> bool:
    phone, number = ("", None)
    if line.device is not None:
        phone, number = line.device.account.phone, line.device.number
    return hub.faults.take(kind, phone, number, value=namespace) is not None


def _reply(node: Node, kind: str, content: list[Node]) -> Node:
    sender = node.attrs.get("to", SERVER)
    attrs = {"from": sender, "type": kind, "id": node.attrs.get("id", "")}
    return Node("iq", attrs, content or None)


def _refusal(node: Node, error: RefusedError) -> Node:
    return _reply(node, "error", [Node("error", {"code": str(error.code), "text": error.text})])
