"""Requests about people: which devices they have, their hidden identity, whether they exist."""

from tests.simulator import devices
from tests.simulator.directory import Account
from tests.simulator.errors import NotFoundError, RefusedError
from tests.simulator.hub import Hub, Line
from worker.wire.jid import LID, PN, Jid
from worker.wire.node import Node


def answer(hub: Hub, line: Line, node: Node) -> list[Node]:
    """Answer all protocols that the query names, for all its users."""
    asked = node.child("usync")
    query = asked.child("query") if asked else None
    listed = asked.child("list") if asked else None
    if asked is None or query is None or listed is None:
        raise RefusedError(400, "bad-request")
    users = [_user(hub, line, query, user) for user in listed.children("user")]
    results = [Node(protocol.tag) for protocol in query.children()]
    attrs = {k: v for k, v in asked.attrs.items() if k in ("context", "mode", "sid")}
    content = [Node("result", {}, results), Node("list", {}, users)]
    return [Node("usync", {**attrs, "last": "true", "index": "0"}, content)]


def _user(hub: Hub, line: Line, query: Node, user: Node) -> Node:
    jid, contact = _asked(user)
    try:
        account = hub.directory.account(jid)
    except NotFoundError:
        return Node("user", {"jid": str(jid)}, _nobody(query, contact))
    if line.device is not None:
        hub.interested.setdefault(account, {})[line.device.account] = None
    attrs = {"jid": str(jid)}
    by_contact = query.child("contact")
    if by_contact is not None and by_contact.attrs.get("addressing_mode") == "lid":
        attrs = {"jid": str(account.jid(LID)), "pn_jid": str(account.jid(PN))}
    content = [_protocol(account, protocol.tag, contact) for protocol in query.children()]
    return Node("user", attrs, content)


def _asked(user: Node) -> tuple[Jid, bytes]:
    """Return who is meant: by address, or by the phone number in <contact>."""
    if "jid" in user.attrs:
        return user.jid("jid").bare, b""
    contact = user.child("contact")
    if contact is None:
        raise RefusedError(400, "bad-request")
    digits = contact.bytes().decode().removeprefix("+").partition("@")[0]
    return Jid(digits, PN), contact.bytes()


def _protocol(account: Account, name: str, contact: bytes) -> Node:
    if name == "devices":
        return Node("devices", {}, devices.list_nodes(account))
    if name == "lid":
        return Node("lid", {"val": str(account.jid(LID))})
    if name == "contact":
        return Node("contact", {"type": "in"}, contact or None)
    if name == "status":
        return Node("status", {"t": str(account.list_s)}, b"")
    return Node(name)


def _nobody(query: Node, contact: bytes) -> list[Node]:
    error = Node("error", {"code": "404", "text": "item-not-found"})
    return [
        Node("contact", {"type": "out"}, contact or None)
        if protocol.tag == "contact"
        else Node(protocol.tag, {}, [error])
        for protocol in query.children()
    ]
