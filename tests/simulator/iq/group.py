"""Requests about groups."""

from collections.abc import Callable

from tests.simulator import groups
from tests.simulator.directory import Account
from tests.simulator.errors import NotFoundError, RefusedError
from tests.simulator.groups import Group
from tests.simulator.hub import Hub, Line
from worker.wire.jid import LID
from worker.wire.node import Node

FORBIDDEN = 403


def answer(hub: Hub, line: Line, node: Node) -> list[Node]:
    """Answer by what is asked for."""
    if line.device is None:
        raise RefusedError(401, "not-authorized")
    me = line.device.account
    if not node.jid("to").user:
        return _about_all(hub, me, node)
    group = groups.group_of(hub, node.jid("to"))
    if me not in group.members:
        raise RefusedError(FORBIDDEN, "forbidden")
    if node.child("query") is not None:
        return [group.node()]
    return _change(hub, me, group, node)


def _about_all(hub: Hub, me: Account, node: Node) -> list[Node]:
    created, left = node.child("create"), node.child("leave")
    if created is not None:
        others = _accounts(hub, created)
        subject = created.attrs.get("subject", "")
        return [groups.create(hub, me, subject, others, LID).node()]
    if left is not None:
        return [_leave(hub, me, left)]
    if node.child("participating") is None:
        raise RefusedError(501, "feature-not-implemented")
    mine = [group.node() for group in hub.groups.values() if me in group.members]
    return [Node("groups", {}, mine)]


def _leave(hub: Hub, me: Account, left: Node) -> Node:
    for asked in left.children("group"):
        group = groups.group_of(hub, asked.jid("id"))
        groups.remove(hub, group, me, [me])
    return Node("leave", {}, left.children("group"))


def _change(hub: Hub, me: Account, group: Group, node: Node) -> list[Node]:
    (asked,) = node.children()[:1] or [Node("nothing")]
    if asked.tag == "subject":
        groups.rename(hub, group, me, asked.bytes().decode())
        return []
    change = _CHANGES.get(asked.tag)
    if change is None:
        raise RefusedError(501, "feature-not-implemented")
    if not group.members[me]:
        raise RefusedError(FORBIDDEN, "forbidden")
    others = _accounts(hub, asked)
    change(hub, group, me, others)
    return [Node(asked.tag, {}, [group.participant(account) for account in others])]


def _accounts(hub: Hub, parent: Node) -> list[Account]:
    try:
        return [hub.directory.account(child.jid("jid")) for child in parent.children("participant")]
    except NotFoundError as error:
        raise RefusedError(400, "bad-request") from error


_CHANGES: dict[str, Callable[[Hub, Group, Account, list[Account]], None]] = {
    "add": groups.add,
    "remove": groups.remove,
}
