"""What our worker and a client that nobody here wrote go through together, and what must be seen.

Texts carry who said them and a number, so that "each exactly once, in order" is one comparison.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from shared import link_pb2
from shared.exit_codes import ExitCode
from tests.interop.ours import Ours
from tests.interop.witness import Witness
from tests.simulator import Direction, Phone, Simulator
from tests.simulator.directory import Device
from worker.wire.jid import LID, PN
from worker.wire.node import Node

OURS: Final = "ours"
PEER: Final = "peer"


def pn(phone: Phone) -> str:
    """Return the address by phone number, as a caller of ours would write it."""
    return str(phone.jid)


@dataclass(kw_only=True)
class Table:
    """A service, our worker on Ann's phone, and somebody else's client on Bob's.

    Attributes:
        watched: all clients whose messages must be readable.
    """

    sim: Simulator
    ours: Ours
    ann: Phone
    peer: Witness
    bob: Phone
    watched: list[Witness] = field(default_factory=list)
    _retries_seen: int = 0
    _healed: set[str] = field(default_factory=set)

    async def clean(self, *retried: str) -> None:
        """See that everything was confirmed, no rule was broken, and nothing asked for twice.

        Args:
            retried: ids of the messages that had to be asked for, once each, since the last look.
        """
        await self.sim.wait_settled()
        receipts = self.sim.record.retry_receipts()[self._retries_seen :]
        self._retries_seen += len(receipts)
        asked = [node.attrs["id"] for node in receipts]
        assert asked == list(retried), f"asked for again: {asked}"
        assert self.sim.record.broken() == [], self.sim.record.broken()
        self._healed |= set(retried)
        problems = {event["id"] for witness in self.watched for event in witness.problems()}
        missing = [event.undecryptable.id for event in self.ours.events]
        unread = (problems | set(missing)) - self._healed - {""}
        assert unread == set(), f"not readable: {unread}"


def heard(witness: Witness, prefix: str, *, from_me: bool = False) -> list[str]:
    """Return the texts that a client got, in order; with `from_me` those of its own account."""
    return [
        event["text"]
        for event in witness.messages()
        if event["text"].startswith(prefix) and event["from_me"] is from_me
    ]


def numbered(prefix: str, count: int) -> list[str]:
    """Return the texts of a series."""
    return [f"{prefix} {i}" for i in range(count)]


async def ours_says(table: Table, series: list[str]) -> None:
    """Send a series from our worker, one after the other."""
    for text in series:
        await table.ours.send(pn(table.bob), text)


async def peer_says(table: Table, series: list[str]) -> None:
    """Send a series from the other client, one after the other."""
    for text in series:
        await table.peer.send(pn(table.ann), text)


async def interleave(table: Table, label: str, each_way: int) -> None:
    """Both write at the same time; each gets all of it, once and in order."""
    ours, peer = numbered(f"{label} {OURS}", each_way), numbered(f"{label} {PEER}", each_way)
    await asyncio.gather(ours_says(table, ours), peer_says(table, peer))
    await got_all(table, ours, peer)


async def got_all(table: Table, ours: list[str], peer: list[str]) -> None:
    """Wait until both series have arrived, and see that each text did once, in order."""
    if ours:
        await table.peer.wait_message(ours[-1])
    if peer:
        await table.ours.wait_text(peer[-1])
    await table.sim.wait_settled()
    assert [text for text in heard(table.peer, "") if text in set(ours)] == ours
    assert [text for text in table.ours.texts() if text in set(peer)] == peer


async def while_peer_is_away(table: Table, label: str) -> None:
    """Write to the other client while it is away, and see that it gets all of it later."""
    series = numbered(f"{label} {OURS}", 5)
    await table.peer.disconnect(table.sim)
    await ours_says(table, series)
    await table.peer.reconnect(table.sim)
    await got_all(table, series, [])


async def while_ours_is_away(table: Table, label: str) -> None:
    """Have our worker written to while it does not run, and see that it gets all of it later."""
    series = numbered(f"{label} {PEER}", 5)
    stopped = await table.ours.stop()
    assert stopped.meaning is ExitCode.STOPPED
    await peer_says(table, series)
    await table.ours.restart()
    await got_all(table, [], series)
    assert all(each.offline for each in table.ours.messages if each.text in set(series))
    assert_no_new_pairing(table.ours)


async def killed_in_the_middle(table: Table, label: str, each_way: int) -> None:
    """Our worker is killed while both write; nothing is lost, nothing comes twice."""
    ours, peer = numbered(f"{label} {OURS}", each_way), numbered(f"{label} {PEER}", each_way)
    both = asyncio.gather(ours_says(table, ours), peer_says(table, peer))
    await table.ours.wait_text(peer[each_way // 3])
    await table.ours.kill()
    await table.ours.restart()
    await both
    await got_all(table, ours, peer)
    assert_no_new_pairing(table.ours)


def assert_no_new_pairing(ours: Ours) -> None:
    """See that nobody was asked to scan a code again."""
    assert len(ours.pairings) == 1
    assert link_pb2.AWAITING_SCAN not in [state.state for state in ours.states]


def kinds_of(sim: Simulator, sender: Device | None, to: Device | None) -> list[str]:
    """Return the `type` of each ciphertext that one device wrote for another, in order."""
    assert sender is not None
    assert to is not None
    names = {str(to.jid(PN)), str(to.jid(LID))}
    written = sim.record.nodes("message", direction=Direction.RECEIVED, device=sender.name)
    return [enc.attrs["type"] for node in written for enc in _for_device(node, names)]


def _for_device(message: Node, names: set[str]) -> list[Node]:
    participants = message.child("participants")
    entries = participants.children("to") if participants is not None else []
    found = [each.child("enc") for each in entries if each.attrs["jid"] in names]
    return [enc for enc in found if enc is not None]
