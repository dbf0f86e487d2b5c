"""Groups: who is in them, and by which kind of address they are spoken to.

Sources: whatsmeow group.go, Baileys groups.ts.
"""

from worker.session.peers import Group, Participant
from worker.wire import Jid, Node, NodeError


def query(group: Jid) -> Node:
    """Return the query for a group's metadata."""
    asked = [Node("query", {"request": "interactive"})]
    return Node("iq", {"xmlns": "w:g2", "type": "get", "to": str(group)}, asked)


def answer(node: Node) -> Group:
    """Return the group that the answer describes.

    Raises:
        NodeError: it describes none.
    """
    group = node.child("group")
    if group is None:
        raise NodeError("read a group's metadata: the server's answer has none")
    return described(group)


def described(group: Node) -> Group:
    """Return the group that a `<group>` node describes.

    Raises:
        NodeError: its id or a participant's address is missing or malformed.
    """
    name = group.required("id")
    return Group(
        jid=name if "@" in name else f"{name}@g.us",
        subject=group.attrs.get("subject", ""),
        addressing_mode="lid" if group.attrs.get("addressing_mode") == "lid" else "pn",
        participants=tuple(_participant(each) for each in group.children("participant")),
    )


def _participant(node: Node) -> Participant:
    jid = node.jid("jid").bare
    return Participant(
        jid=str(jid),
        pn=str(jid) if jid.is_pn else node.attrs.get("phone_number", ""),
        lid=str(jid) if jid.is_lid else node.attrs.get("lid", ""),
        role=node.attrs.get("type", ""),
    )


def pairs(group: Group) -> list[tuple[Jid, Jid]]:
    """Return the (LID, phone number) pairs that a group's metadata teaches."""
    return [
        (Jid.parse(each.lid).bare, Jid.parse(each.pn).bare)
        for each in group.participants
        if each.lid and each.pn
    ]


# Notifications by which somebody leaves a group (whatsmeow group.go, parseGroupChange).
LEAVING = frozenset({"remove", "leave"})


def left(change: Node) -> tuple[Jid, ...]:
    """Return who left by this child of a `w:gp2` notification; nobody for other changes."""
    if change.tag not in LEAVING:
        return ()
    return tuple(each.jid("jid").bare for each in change.children("participant"))
