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
from tests.simulator import Direction, Group, Phone, Rule, Simulator
from tests.simulator.directory import Device
from tests.simulator.record import Violation
from worker.wire.jid import LID, PN
from worker.wire.node import Node

OURS: Final = "ours"
PEER: Final = "peer"

Client = Ours | Witness | Phone
SAME_ACCOUNT: Final = {("ours", "twin"), ("twin", "ours")}


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
    _broken_seen: int = 0
    _known: set[str] = field(default_factory=set)

    async def clean(self, *retried: str) -> None:
        """See that everything was confirmed, no rule was broken, and nothing asked for twice.

        Args:
            retried: ids of the messages that had to be asked for, once each, since the last look.
        """
        await self.sim.wait_settled()
        asked, broken = self._new_retries(), self._new_violations()
        assert asked == list(retried), f"asked for again: {asked}"
        assert broken == [], broken
        self._known |= set(retried)
        self._all_readable()

    async def healed(self, culprit: Witness) -> None:
        """See that only a client that is known for it used message keys twice, and go on.

        What could not be read for that reason was asked for again; that all of it has arrived
        is for the caller to see.
        """
        await self.sim.wait_settled()
        self._known |= set(self._new_retries())
        assert culprit.device is not None
        for violation in self._new_violations():
            assert violation.rule is Rule.MESSAGE_KEY_REUSED, violation
            assert violation.device == culprit.device.name, violation
        self._all_readable()

    def _new_retries(self) -> list[str]:
        receipts = self.sim.record.retry_receipts()[self._retries_seen :]
        self._retries_seen += len(receipts)
        return [node.attrs["id"] for node in receipts]

    def _new_violations(self) -> list[Violation]:
        found = self.sim.record.broken()[self._broken_seen :]
        self._broken_seen += len(found)
        return found

    def _all_readable(self) -> None:
        """See that nobody was shown a message that could not be read, but for those healed."""
        problems = {event["id"] for witness in self.watched for event in witness.problems()}
        missing = {event.undecryptable.id for event in self.ours.events}
        unread = (problems | missing) - self._known - {""}
        self._known |= unread
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


async def take_turns(table: Table, label: str, each_way: int) -> None:
    """Write in turns, each after it has read the other; all of it arrives once and in order."""
    ours, peer = numbered(f"{label} {OURS}", each_way), numbered(f"{label} {PEER}", each_way)
    for mine, theirs in zip(ours, peer, strict=True):
        await table.ours.send(pn(table.bob), mine)
        await table.peer.wait_message(mine)
        await table.peer.send(pn(table.ann), theirs)
        await table.ours.wait_text(theirs)
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


async def killed_in_the_middle(table: Table, label: str, *, ours: int, peer: int) -> None:
    """Kill our worker while so many are written each way; nothing is lost, nothing comes twice."""
    said, answered = numbered(f"{label} {OURS}", ours), numbered(f"{label} {PEER}", peer)
    both = asyncio.gather(ours_says(table, said), peer_says(table, answered))
    if peer:
        await table.ours.wait_text(answered[peer // 3])
    if ours:
        await table.peer.wait_message(said[ours // 3])
    await table.ours.kill()
    await table.ours.restart()
    await both
    await got_all(table, said, answered)
    assert_no_new_pairing(table.ours)


async def killed_before_the_ack(table: Table, text: str) -> None:
    """Kill our worker when its message has arrived, but the ack has not; it arrives once only."""
    assert table.ours.device is not None
    number = table.ours.device.number
    table.sim.faults.plan("drop_ack", "message", phone=table.ann.number, device=number)
    sending = asyncio.create_task(table.ours.send(pn(table.bob), text))
    await table.peer.wait_message(text)
    await table.ours.kill()
    await table.ours.restart()
    message_id = await sending
    written = table.sim.record.nodes(
        "message", direction=Direction.RECEIVED, device=table.ours.device.name
    )
    first, second = [node for node in written if node.attrs["id"] == message_id]
    assert first == second
    await got_all(table, [text], [])


async def delivered_twice(table: Table, text: str) -> None:
    """Have the service deliver a message twice; it is stored once, and not asked for again."""
    assert table.ours.device is not None
    number = table.ours.device.number
    table.sim.faults.plan("duplicate", phone=table.ann.number, device=number)
    await peer_says(table, [text, f"{text}, the next"])
    await table.ours.wait_text(f"{text}, the next")
    await got_all(table, [], [text])


async def everybody_writes(group: Group, label: str, people: dict[str, Client]) -> None:
    """Everybody in the group writes twice; everybody else has read it before the next one does.

    So nobody begins a session with somebody who just begins one with them.
    """
    for name, writer in people.items():
        said = numbered(f"{group.server} {label} {name}", 2)
        for text in said:
            await write(writer, str(group.jid), text)
        for other, reader in people.items():
            if other != name:
                await reads(reader, said, own=(name, other) in SAME_ACCOUNT)


def keys_given(table: Table, group: Group) -> list[int]:
    """Return to how many devices each message of ours in a group brought our sender key."""
    assert table.ours.device is not None
    written = table.sim.record.nodes(
        "message", direction=Direction.RECEIVED, device=table.ours.device.name
    )
    ours = [node for node in written if node.attrs["to"] == str(group.jid)]
    given = [node.child("participants") for node in ours]
    return [len(each.children("to")) if each is not None else 0 for each in given]


def devices_of(table: Table, group: Group) -> int:
    """Return how many devices there are in a group, without our own."""
    return sum(len(account.devices) for account in group.members) - 1


def is_confirmed(table: Table, message_id: str) -> bool:
    """Tell whether our worker has told a message's sender that it got it."""
    assert table.ours.device is not None
    receipts = table.sim.record.nodes(
        "receipt", direction=Direction.RECEIVED, device=table.ours.device.name
    )
    return any(node.attrs["id"] == message_id and "type" not in node.attrs for node in receipts)


async def write(writer: Client, group: str, text: str) -> None:
    """Have somebody write into a group."""
    if isinstance(writer, Phone):
        writer.send(group, text)
    else:
        await writer.send(group, text)


async def reads(reader: Client, texts: list[str], *, own: bool) -> None:
    """Wait for the last of the texts; see that each came once, and in order."""
    if isinstance(reader, Ours):
        stored = await reader.wait_text(texts[-1])
        assert stored.from_me is own
        got = [text for text in reader.texts() if text in texts]
    elif isinstance(reader, Witness):
        await reader.wait_message(texts[-1])
        got = [text for text in heard(reader, "", from_me=own) if text in texts]
    else:
        await reader.wait_received(texts[-1])
        got = [each.text for each in reader.received if each.text in texts]
    assert got == texts, got


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
