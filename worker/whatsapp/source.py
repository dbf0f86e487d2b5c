"""Who sent a stanza, into which chat: read from its addresses alone.

A person has two addresses, a phone number and a LID. A stanza is addressed by one of them and
often names the other, which is how the pairs are learned (whatsmeow message.go,
parseMessageSource).
"""

from dataclasses import dataclass

from worker.wire import Jid, Node
from worker.wire.jid import BROADCAST, GROUP, HOSTED, HOSTED_LID, LID, NEWSLETTER, PN

_UNHOSTED = {HOSTED: PN, HOSTED_LID: LID}


@dataclass(frozen=True, slots=True)
class Own:
    """The addresses of this very device."""

    pn: Jid
    lid: Jid | None

    def is_user(self, jid: Jid) -> bool:
        """Tell whether an address belongs to this account, whichever device."""
        if jid.server in (LID, HOSTED_LID):
            return self.lid is not None and jid.user == self.lid.user
        return jid.server in (PN, HOSTED) and jid.user == self.pn.user

    def is_device(self, jid: Jid) -> bool:
        """Tell whether an address is this very device."""
        return jid == self.pn or jid == self.lid


@dataclass(frozen=True, slots=True)
class Source:
    """Where a stanza comes from."""

    chat: Jid
    """Group, broadcast list, or the other person; without device."""
    sender: Jid
    """The device that wrote it."""
    from_me: bool
    chat_alt: Jid | None = None
    """The other address of the other person, where the stanza names it."""
    sender_alt: Jid | None = None
    """The other address of the sending device, where the stanza names it."""

    @property
    def is_group(self) -> bool:
        """Tell whether messages here are encrypted with sender keys."""
        return self.chat.server in (GROUP, BROADCAST)


def source_of(stanza: Node, own: Own) -> Source:
    """Return where a message or receipt comes from.

    Raises:
        NodeError: an address is missing or malformed.
    """
    origin = _unhosted(stanza.jid("from"))
    if origin.server in (GROUP, BROADCAST):
        return _in_group(stanza, origin, own)
    if origin.server == NEWSLETTER:
        return Source(chat=origin, sender=origin, from_me=False)
    if own.is_user(origin):
        return _from_own_device(stanza, origin)
    return _from_person(stanza, origin)


def _in_group(stanza: Node, group: Jid, own: Own) -> Source:
    sender = _unhosted(stanza.jid("participant"))
    alt = _optional(stanza, "participant_pn" if sender.is_lid else "participant_lid")
    return Source(
        chat=group.bare,
        sender=sender,
        from_me=own.is_user(sender),
        sender_alt=_same_device(alt, sender),
    )


def _from_own_device(stanza: Node, origin: Jid) -> Source:
    chat = (_optional(stanza, "recipient") or origin).bare
    alt = _optional(stanza, "peer_recipient_pn" if chat.is_lid else "peer_recipient_lid")
    return Source(
        chat=chat, sender=origin, from_me=True, chat_alt=alt.bare if alt is not None else None
    )


def _from_person(stanza: Node, origin: Jid) -> Source:
    alt = _optional(stanza, "sender_pn" if origin.is_lid else "sender_lid")
    return Source(
        chat=origin.bare,
        sender=origin,
        from_me=False,
        chat_alt=alt.bare if alt is not None else None,
        sender_alt=_same_device(alt, origin),
    )


def _optional(stanza: Node, name: str) -> Jid | None:
    return _unhosted(stanza.jid(name)) if stanza.attrs.get(name) else None


def _unhosted(jid: Jid) -> Jid:
    """Return the address without the mark of a hosted device: it is the same person's."""
    server = _UNHOSTED.get(jid.server)
    return jid if server is None else Jid(jid.user, server, jid.device)


def _same_device(alt: Jid | None, device: Jid) -> Jid | None:
    if alt is None:
        return None
    return alt.with_device(device.device) if alt.device == 0 else alt


def alternatives(source: Source) -> list[tuple[Jid, Jid]]:
    """Return the (LID, phone number) pairs that a stanza teaches; no devices."""
    pairs: list[tuple[Jid, Jid]] = []
    for one, other in ((source.sender, source.sender_alt), (source.chat, source.chat_alt)):
        if other is None or one.is_lid == other.is_lid:
            continue
        lid, pn = (one, other) if one.is_lid else (other, one)
        if (lid.bare, pn.bare) not in pairs:
            pairs.append((lid.bare, pn.bare))
    return pairs
