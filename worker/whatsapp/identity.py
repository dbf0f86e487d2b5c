"""One canonical identity per person: the LID where it is known, else the phone number.

A peer reached under two addresses would have two ratchets, and each message in the wrong one
would look forged (protocol facts: Baileys#2763, #2372). So every session is kept under the
LID's Signal address as soon as the pair is known, and what was kept under the phone number's is
moved there.
"""

from collections.abc import Iterable

from worker.session import UnitOfWork
from worker.signal import Address
from worker.wire import Jid
from worker.wire.jid import LID, PN


def learn(unit: UnitOfWork, pairs: Iterable[tuple[Jid, Jid]]) -> list[tuple[Jid, Jid]]:
    """Keep (LID, phone number) pairs, move sessions over, and return those that were new."""
    fresh = []
    for lid, pn in pairs:
        if lid.is_lid and pn.is_pn and unit.lids.learn(lid.user, pn.user):
            unit.sessions.migrate(pn.signal_name, lid.signal_name)
            fresh.append((lid.bare, pn.bare))
    return fresh


def encryption_jid(unit: UnitOfWork, jid: Jid) -> Jid:
    """Return the address under which sessions with this device are kept."""
    if not jid.is_pn:
        return jid
    user = unit.lids.lid_of(jid.user)
    return jid if user is None else Jid(user, LID, jid.device)


def address(unit: UnitOfWork, jid: Jid) -> Address:
    """Return the Signal address under which sessions with this device are kept."""
    canonical = encryption_jid(unit, jid)
    return Address(canonical.signal_name, canonical.device)


def chat_jid(unit: UnitOfWork, jid: Jid) -> Jid:
    """Return the address that names a person in chats: the phone number where it is known."""
    if not jid.is_lid:
        return jid.bare
    user = unit.lids.pn_of(jid.user)
    return jid.bare if user is None else Jid(user, PN)


def lid_jid(unit: UnitOfWork, jid: Jid) -> Jid | None:
    """Return the person's LID where it is known."""
    if jid.is_lid:
        return jid.bare
    user = unit.lids.lid_of(jid.user) if jid.is_pn else None
    return None if user is None else Jid(user, LID)
