"""Groups: who is in them, what clients are told about them, and what changes them.

Sources: whatsmeow group.go (parseGroupNode, parseGroupChange); Baileys groups.ts.
"""

from dataclasses import dataclass, field

from tests.simulator.directory import Account, Device
from tests.simulator.errors import NotFoundError, RefusedError
from tests.simulator.hub import Hub
from tests.simulator.record import Rule
from worker.wire.jid import GROUP, LID, PN, Jid
from worker.wire.node import Node

FIRST_GROUP = 120363000000000001
FORBIDDEN = 403


@dataclass(slots=True, eq=False)
class Group:
    """One group.

    Attributes:
        group_id: the digits before @g.us.
        members: each with its role: "superadmin", "admin" or "".
        server: LID or PN: how members are addressed in it.
        version: grows with every change of the members.
    """

    group_id: str
    subject: str
    creator: Account
    created_s: int
    server: str = LID
    members: dict[Account, str] = field(default_factory=dict)
    version: int = 1

    @property
    def jid(self) -> Jid:
        """Its address."""
        return Jid(self.group_id, GROUP)

    @property
    def mode(self) -> str:
        """`lid` or `pn`, as stanzas say it."""
        return "lid" if self.server == LID else "pn"

    @property
    def _other(self) -> str:
        return PN if self.server == LID else LID

    def message_attrs(self, sender: Device) -> dict[str, str]:
        """Return the address lines of a message in this group."""
        alternative = "participant_pn" if self.server == LID else "participant_lid"
        return {
            "from": str(self.jid),
            "participant": str(sender.jid(self.server)),
            alternative: str(sender.account.jid(self._other)),
            "addressing_mode": self.mode,
        }

    def actor(self, account: Account) -> dict[str, str]:
        """Return the address lines of a change that `account` made."""
        alternative = "participant_pn" if self.server == LID else "participant_lid"
        return {
            "participant": str(account.jid(self.server)),
            alternative: str(account.jid(self._other)),
            "addressing_mode": self.mode,
        }

    def participant(self, account: Account) -> Node:
        """Return a member as clients are told of it."""
        attrs = {"jid": str(account.jid(self.server))}
        attrs["phone_number" if self.server == LID else "lid"] = str(account.jid(self._other))
        if self.members.get(account):
            attrs["type"] = self.members[account]
        return Node("participant", attrs)

    def node(self) -> Node:
        """Return <group> with everything in it."""
        creator = str(self.creator.jid(self.server))
        attrs = {
            "id": self.group_id,
            "subject": self.subject,
            "s_o": creator,
            "s_t": str(self.created_s),
            "creation": str(self.created_s),
            "creator": creator,
            "creator_pn" if self.server == LID else "creator_lid": str(
                self.creator.jid(self._other)
            ),
            "addressing_mode": self.mode,
            "size": str(len(self.members)),
            "p_v_id": str(self.version),
        }
        return Node("group", attrs, [self.participant(account) for account in self.members])


def group_of(hub: Hub, jid: Jid) -> Group:
    """Return a group.

    Raises:
        NotFoundError: there is none with this address.
    """
    found = hub.groups.get(jid.user)
    if found is None:
        raise NotFoundError(str(jid))
    return found


def member_group(hub: Hub, sender: Device, jid: Jid) -> Group:
    """Return a group that the sender is in.

    Raises:
        RefusedError: no such group, or the sender is not in it.
    """
    group = group_of(hub, jid)
    if sender.account not in group.members:
        hub.record.violation(Rule.NOT_A_MEMBER, sender.name, f"message to {jid}")
        raise RefusedError(FORBIDDEN, "forbidden")
    return group


def create(hub: Hub, creator: Account, subject: str, others: list[Account], server: str) -> Group:
    """Make a group; everybody in it is told."""
    number = str(FIRST_GROUP + len(hub.groups))
    group = Group(number, subject, creator, hub.now_s(), server, {creator: "superadmin"})
    group.members.update({account: "" for account in others if account is not creator})
    hub.groups[number] = group
    change = Node("create", {"type": "new", "key": hub.next_id()}, [group.node()])
    _announce(hub, group, creator, change, list(group.members))
    return group


def add(hub: Hub, group: Group, actor: Account, others: list[Account]) -> None:
    """Let people in; all members are told, and they get no older messages."""
    fresh = [account for account in others if account not in group.members]
    group.members.update(dict.fromkeys(fresh, ""))
    _changed(hub, group, actor, "add", fresh, list(group.members))


def remove(hub: Hub, group: Group, actor: Account, others: list[Account]) -> None:
    """Put people out, or let them leave; all members, and they themselves, are told."""
    told = list(group.members)
    leaving = [account for account in others if group.members.pop(account, None) is not None]
    _changed(hub, group, actor, "remove", leaving, told)


def rename(hub: Hub, group: Group, actor: Account, subject: str) -> None:
    """Change the subject; all members are told."""
    group.subject = subject
    attrs = {"subject": subject, "s_t": str(hub.now_s()), "s_o": str(actor.jid(group.server))}
    _announce(hub, group, actor, Node("subject", attrs), list(group.members))


def _changed(
    hub: Hub, group: Group, actor: Account, verb: str, who: list[Account], told: list[Account]
) -> None:
    previous, group.version = group.version, group.version + 1
    attrs = {"v_id": str(group.version), "prev_v_id": str(previous)}
    change = Node(verb, attrs, [group.participant(account) for account in who])
    _announce(hub, group, actor, change, told)


def _announce(hub: Hub, group: Group, actor: Account, change: Node, told: list[Account]) -> None:
    head = {"from": str(group.jid), "type": "w:gp2", "t": str(hub.now_s())}
    attrs = {**head, **group.actor(actor), "notify": actor.name}
    for account in told:
        for device in account.devices.values():
            device.mailbox.post(Node("notification", {**attrs, "id": hub.next_id()}, [change]))
