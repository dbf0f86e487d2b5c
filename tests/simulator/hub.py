"""The state of one simulated service; the rooms around it are functions over this."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from shared.clock import Clock
from tests.simulator.directory import Account, Device, Directory
from tests.simulator.faults import Faults
from tests.simulator.handshake import Authority
from tests.simulator.record import ConnectionLog, Record
from tests.simulator.watch import Watch
from worker.wire.node import Node

if TYPE_CHECKING:
    from tests.simulator.groups import Group
    from tests.simulator.pairing import Pairing

SERVER = "@s.whatsapp.net"
"""How the service names itself: whatsmeow takes requests from nobody else."""


class Line(Protocol):
    """A client's connection, as the rooms see it."""

    log: ConnectionLog
    device: Device | None

    def push(self, node: Node) -> None:
        """Send a stanza, in order, without waiting for it."""
        ...

    def finish(self, node: Node | None, reason: str, code: int = 1000) -> None:
        """Send a last stanza, if any, and close."""
        ...

    def cut(self, reason: str) -> None:
        """Break the connection without a word."""
        ...


@dataclass(slots=True)
class Options:
    """How this service behaves where the real one varies.

    Attributes:
        routing_info: what clients are told to put before their intro; empty for nothing.
        minimum_revision: older clients are refused with 405 (2.3000.<revision>).
        primer: stanzas of a backlog that are sent before the client asks for more.
    """

    routing_info: bytes = b"\x08\x0d\x08\x05"
    minimum_revision: int = 0
    primer: int = 100


@dataclass(slots=True)
class Hub:
    """Everything the service knows.

    Attributes:
        lines: the connection of each device that is logged in; never two for one device.
        pairings: connections that show a QR code.
        interested: who has asked for an account's devices, and is told when they change.
        message_keys: the MAC of the message that was encrypted at each place of a chain: from,
            to, ratchet key, counter.
        taken: messages that were delivered: sender and encoded stanza.
    """

    clock: Clock
    watch: Watch
    record: Record
    authority: Authority = field(default_factory=Authority)
    faults: Faults = field(default_factory=Faults)
    directory: Directory = field(default_factory=Directory)
    options: Options = field(default_factory=Options)
    lines: dict[Device, Line] = field(default_factory=dict)
    pairings: "list[Pairing]" = field(default_factory=list)
    groups: "dict[str, Group]" = field(default_factory=dict)
    interested: dict[Account, dict[Account, None]] = field(default_factory=dict)
    message_keys: dict[tuple[Device, Device, bytes, int], bytes] = field(default_factory=dict)
    taken: set[tuple[Device, bytes]] = field(default_factory=set)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def now_s(self) -> int:
        """Return the wall clock as stanzas carry it."""
        return int(self.clock.wall_s())

    def next_id(self) -> str:
        """Return an id for a stanza of the service's own."""
        return f"sim-{next(self._ids)}"


def failure(code: int, /, **attrs: str) -> Node:
    """Return what ends a login that is refused."""
    return Node("failure", {"reason": str(code), "location": "sim", **attrs})


def stream_error(code: str, conflict: str = "") -> Node:
    """Return what ends a connection that was established."""
    attrs = {"code": code} if code else {}
    return Node("stream:error", attrs, [Node("conflict", {"type": conflict})] if conflict else None)
