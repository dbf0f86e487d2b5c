"""Receipts and notifications arrive: what they say goes into the spool or the books.

Nothing here asks the server anything; what needs that is left as an errand.
"""

from typing import Final

from shared import link_pb2
from shared.logs import get_logger
from worker.session import UnitOfWork
from worker.session.spool import Key
from worker.wire import Jid, Node, NodeError

from . import groups, identity, pairs, prekeys, receipts
from .acks import Nack, ack
from .reaction import AnswerRetry, AskGroup, Reaction, RefillPreKeys
from .source import Own, alternatives, source_of

log = get_logger(__name__)


def take_receipt(unit: UnitOfWork, stanza: Node, own: Own) -> Reaction:
    """Take one `<receipt>`."""
    if stanza.attrs.get("type") == "retry":
        return Reaction([ack(stanza)], errands=[AnswerRetry(stanza)])
    try:
        chat = _chat_of(unit, stanza, own)
        reports = receipts.reports_of(stanza)
    except NodeError as error:
        log.warning("receipt_malformed", error=error)
        return Reaction([ack(stanza, Nack.PARSING_ERROR)])
    spooled = [_spool_report(unit, stanza, chat, report) for report in reports]
    return Reaction([ack(stanza)], [row for row in spooled if row is not None])


def _chat_of(unit: UnitOfWork, stanza: Node, own: Own) -> Jid:
    """Return the chat a receipt is about; a group's grouped receipt names no participant."""
    origin = stanza.jid("from")
    if origin.is_group or origin.is_broadcast:
        return origin.bare
    source = source_of(stanza, own)
    pairs.learn(unit, alternatives(source))
    return identity.chat_jid(unit, source.chat)


def _spool_report(unit: UnitOfWork, stanza: Node, chat: Jid, report: receipts.Report) -> int | None:
    by = identity.chat_jid(unit, report.participant) if report.participant is not None else None
    event = link_pb2.Event(
        receipt=link_pb2.Receipt(
            kind=report.kind,
            ids=report.ids,
            chat=str(chat),
            participant=str(by) if by is not None else "",
            timestamp_ms=report.timestamp_s * 1000,
        )
    )
    told = f"receipt:{report.kind}:{report.timestamp_s}:{len(report.ids)}"
    key = Key(told, str(chat), report.ids[0], str(by or stanza.jid("from").bare))
    return unit.spool.add(key, event.SerializeToString()).id


def take_notification(unit: UnitOfWork, stanza: Node, own: Own) -> Reaction:
    """Take one `<notification>`; kinds that mean nothing to us are only acknowledged."""
    take = _NOTIFICATIONS.get(stanza.attrs.get("type", ""))
    reaction = Reaction([ack(stanza)])
    if take is None:
        return reaction
    try:
        take(unit, stanza, own, reaction)
    except NodeError as error:
        log.warning("notification_malformed", type=stanza.attrs.get("type"), error=error)
        return Reaction([ack(stanza, Nack.PARSING_ERROR)])
    return reaction


def _encryption(unit: UnitOfWork, stanza: Node, _: Own, reaction: Reaction) -> None:
    """Our stock of one-time keys, or somebody's new identity (whatsmeow notification.go)."""
    count = stanza.child("count")
    if count is not None:
        if count.int("value") < prekeys.LOW_STOCK:
            reaction.errands.append(RefillPreKeys())
        return
    if stanza.child("identity") is not None:
        _forget_sessions(unit, stanza.jid("from").bare)


def _forget_sessions(unit: UnitOfWork, user: Jid) -> None:
    """Drop the sessions with a person whose phone has a new identity: they can't go on."""
    names = {user.signal_name, identity.address(unit, user).name}
    for name in names:
        for at in unit.sessions.addresses(name):
            unit.sessions.delete(at)
            unit.identities.delete(at)
    log.warning("identity_changed", device=0)


def _devices(unit: UnitOfWork, stanza: Node, _: Own, __: Reaction) -> None:
    """Forget somebody's devices, which changed: they are asked for before the next message."""
    user = stanza.jid("from").bare
    if stanza.attrs.get("lid"):
        pairs.learn(unit, [(stanza.jid("lid").bare, user)])
    forget_devices(unit, user)


def _account_sync(unit: UnitOfWork, stanza: Node, own: Own, _: Reaction) -> None:
    """Note a change of our own account; of interest is which devices it has."""
    if stanza.child("devices") is None:
        return
    forget_devices(unit, own.pn.bare)
    if own.lid is not None:
        forget_devices(unit, own.lid.bare)


def forget_devices(unit: UnitOfWork, user: Jid) -> None:
    """Drop the device list of a person, under both addresses."""
    for jid in {user, identity.chat_jid(unit, user), identity.lid_jid(unit, user) or user}:
        unit.devices.delete(str(jid.bare))


def _group(unit: UnitOfWork, stanza: Node, own: Own, reaction: Reaction) -> None:
    """Note a group's change: of members, subject, or both; who left gets no new key."""
    group = stanza.jid("from")
    leavers = [jid for change in stanza.children() for jid in groups.left(change)]
    if leavers:
        _rotate(unit, group, own)
    unit.groups.delete(str(group))
    for change in stanza.children("subject"):
        _spool_subject(unit, stanza, group, change.attrs.get("subject", ""), reaction)
    for created in stanza.children("create"):
        told = created.child("group")
        if told is not None:
            described = groups.described(told)
            pairs.learn(unit, groups.pairs(described))
            _spool_subject(unit, stanza, group, described.subject, reaction)
    if not any(own.is_user(jid) for jid in leavers):
        reaction.errands.append(AskGroup(group))


def _rotate(unit: UnitOfWork, group: Jid, own: Own) -> None:
    """Drop our sender key of a group, so that whoever left can't read what follows."""
    for jid in (own.pn, own.lid):
        if jid is not None:
            unit.sender_keys.delete(str(group), f"{jid.signal_name}.{jid.device}")
    unit.sender_key_memory.clear(str(group))


def _spool_subject(
    unit: UnitOfWork, stanza: Node, group: Jid, subject: str, reaction: Reaction
) -> None:
    event = link_pb2.Event(group_subject=link_pb2.GroupSubject(chat=str(group), subject=subject))
    key = Key("group_subject", str(group), stanza.required("id"), str(group))
    row = unit.spool.add(key, event.SerializeToString()).id
    if row is not None:
        reaction.waits_for.append(row)


_NOTIFICATIONS: Final = {
    "encrypt": _encryption,
    "devices": _devices,
    "account_sync": _account_sync,
    "w:gp2": _group,
}
