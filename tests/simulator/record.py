"""What happened: every stanza, every connection, and every rule that a client broke."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from shared.clock import Clock
from tests.simulator.watch import Watch
from worker.wire.node import Node


class Direction(Enum):
    """Seen from the server."""

    RECEIVED = "received"  # the client sent it
    SENT = "sent"  # the server sent it


class Rule(Enum):
    """What a client must not do; the real service refuses it or the client loses messages."""

    BAD_SIGNATURE = "a signature does not verify"
    UNKNOWN_DEVICE = "a message names a device that never existed"
    INCOMPLETE_FANOUT = "a message leaves out a device it has to reach"
    PRE_KEY_REUSED = "a one-time pre-key was used for a second session"
    PRE_KEY_UNKNOWN = "a pre-key that the device never uploaded was used"
    MESSAGE_KEY_REUSED = "two different messages were encrypted with one message key"
    NOT_A_MEMBER = "a group message from somebody who is not in the group"
    ECHO = "a message is addressed to the device that sends it"
    ACKED_TWICE = "a stanza was acked that had been confirmed before"
    ACKED_UNKNOWN = "a stanza was acked that was never sent"
    STALE_BYTES = "an older connection spoke after a newer one of the same device had logged in"
    UNKNOWN_IQ = "a request that the simulator does not know"
    MALFORMED = "a stanza without something it must have"


@dataclass(frozen=True, slots=True)
class Stanza:
    """One node on the wire.

    Attributes:
        at_s: wall clock.
        direction: seen from the server.
        connection: number of the connection, from 1.
        device: the device's phone-number JID; empty before login.
        node: as decoded, or as it was given to the encoder.
    """

    at_s: float
    direction: Direction
    connection: int
    device: str
    node: Node


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule, by whom, and on what."""

    rule: Rule
    device: str
    detail: str


@dataclass(slots=True)
class ConnectionLog:
    """The life of one connection; times are wall-clock seconds, None where it never happened.

    Attributes:
        number: from 1, in the order of arrival.
        device: the device's phone-number JID once it is known.
        routing_info: what the client's intro carried before its `WA` header.
        stale_bytes: bytes it sent after a newer connection of the same device had logged in.
    """

    number: int
    opened_s: float
    device: str = ""
    routing_info: bytes = b""
    success_s: float | None = None
    closed_s: float | None = None
    close_reason: str = ""
    stale_bytes: int = 0


@dataclass(slots=True)
class Record:
    """The books of one simulator."""

    clock: Clock
    watch: Watch
    stanzas: list[Stanza] = field(default_factory=list)
    connections: list[ConnectionLog] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)

    def opened(self) -> ConnectionLog:
        """Enter a new connection."""
        log = ConnectionLog(len(self.connections) + 1, self.clock.wall_s())
        self.connections.append(log)
        self.watch.changed()
        return log

    def succeeded(self, log: ConnectionLog) -> None:
        """Enter that a connection has logged in."""
        log.success_s = self.clock.wall_s()
        self.watch.changed()

    def closed(self, log: ConnectionLog, reason: str) -> None:
        """Enter that a connection is gone; the first reason given stays."""
        if log.closed_s is None:
            log.closed_s = self.clock.wall_s()
            log.close_reason = reason
        self.watch.changed()

    def stanza(self, direction: Direction, log: ConnectionLog, node: Node) -> None:
        """Enter one node."""
        entry = Stanza(self.clock.wall_s(), direction, log.number, log.device, node)
        self.stanzas.append(entry)
        self.watch.changed()

    def violation(self, rule: Rule, device: str, detail: str) -> None:
        """Enter a broken rule."""
        self.violations.append(Violation(rule, device, detail))
        self.watch.changed()

    def nodes(
        self,
        tag: str,
        *,
        direction: Direction | None = None,
        device: str | None = None,
        where: Callable[[Node], bool] = lambda _node: True,
    ) -> Iterator[Node]:
        """Yield the recorded nodes named `tag`, oldest first."""
        for entry in self.stanzas:
            wanted = direction in (None, entry.direction) and device in (None, entry.device)
            if wanted and entry.node.tag == tag and where(entry.node):
                yield entry.node

    def retry_receipts(self) -> list[Node]:
        """Return the retry receipts that clients sent: each one is a message not understood."""
        return list(
            self.nodes(
                "receipt",
                direction=Direction.RECEIVED,
                where=lambda node: node.attrs.get("type") == "retry",
            )
        )

    def broken(self, *rules: Rule) -> list[Violation]:
        """Return the violations of `rules`, or all of them."""
        return [entry for entry in self.violations if not rules or entry.rule in rules]

    def overlaps(self) -> list[tuple[ConnectionLog, ConnectionLog]]:
        """Return pairs of connections of one device that were logged in at the same time."""
        live = [log for log in self.connections if log.success_s is not None]
        return [
            (older, newer)
            for older in live
            for newer in live
            if older.number < newer.number
            and older.device == newer.device
            and _lived_at(older, newer.success_s)
        ]


def _lived_at(log: ConnectionLog, moment_s: float | None) -> bool:
    if moment_s is None or log.success_s is None or log.success_s > moment_s:
        return False
    return log.closed_s is None or log.closed_s > moment_s
