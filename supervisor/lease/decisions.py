"""What an instance that waits concludes from one reading of the lease. Pure.

Only the store's own clock counts: how old the document is, is the difference of two of its
stamps. Nobody's wall clock matters, and nobody has to watch for a whole TTL first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from supervisor.lease.document import (
    MAX_EPOCH,
    RECREATED,
    Garbled,
    Incarnation,
    LeaseDocument,
    NodeLock,
    Parsed,
    parse,
)

# A lock of Node's is believed for this long after its own time is over: clocks differ.
NODE_MARGIN_MS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One strong reading of the lease document.

    Attributes:
        stored: its fields; None when there is no document.
        read_ns: the store's time of the reading.
        updated_ns: the store's time of the last write; 0 when there is no document.
        version: names the very state that was read, for a compare-and-set.
    """

    stored: Mapping[str, Any] | None
    read_ns: int
    updated_ns: int
    version: object

    @property
    def age_ms(self) -> int:
        """Return how long ago the document was written, by the store's clock."""
        return max(0, self.read_ns - self.updated_ns) // 1_000_000


@dataclass(frozen=True, slots=True)
class Take:
    """It is free: replace exactly what was read by our own document of the next epoch."""

    base: LeaseDocument
    why: str


@dataclass(frozen=True, slots=True)
class Create:
    """There is no document, and never was one: create it."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """The document is gone but accounts carry an epoch: put one back, and let a TTL pass."""

    document: LeaseDocument


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody holds it."""

    holder: str
    instance_id: str
    epoch: int
    left_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The document makes no sense, or less than before: act on nothing, keep looking."""

    why: str


Conclusion = Take | Create | Placeholder | Wait | Refuse


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a challenger knows beside the reading itself.

    Attributes:
        me: this incarnation.
        ttl_ms: the TTL we would promise.
        highest_epoch: the highest this process has ever seen in the lease.
        highest_fence: the highest that any account carries; asked for when the document
            carries none, see `needs_fences`.
        former_is_dead: the former holder ran on this host, with this state directory, and all
            of its locks are ours now.
        node_is_stopped: the operator says that no Node instance runs any more.
    """

    me: Incarnation
    ttl_ms: int
    highest_epoch: int = 0
    highest_fence: int = 0
    former_is_dead: bool = False
    node_is_stopped: bool = False


def needs_fences(document: Parsed | None) -> bool:
    """Tell whether only the accounts' fences know the epoch: nothing in the document does."""
    return document is None or (isinstance(document, NodeLock) and document.epoch is None)


def conclude(seen: Seen, known: Knowledge) -> Conclusion:
    """Return what follows from a reading for an instance that does not hold the lease."""
    if seen.stored is None:
        return _missing(known)
    document = parse(seen.stored)
    if isinstance(document, Garbled):
        return Refuse(f"the lease document is garbled: {document.reason}")
    if document.epoch is not None and document.epoch < known.highest_epoch:
        return Refuse(
            f"the lease document's epoch went down, from {known.highest_epoch} to {document.epoch}"
        )
    if MAX_EPOCH in (document.epoch, document.renew_seq):
        return Refuse("the lease document can't be counted on: no higher number is left")
    if isinstance(document, NodeLock):
        return _node(seen, document, known)
    return _ours(seen, document, known)


def _missing(known: Knowledge) -> Conclusion:
    highest = max(known.highest_fence, known.highest_epoch)
    if highest == 0:
        return Create()
    # One more: the last holder may have been lost before it raised a single fence.
    return Placeholder(LeaseDocument(RECREATED, highest + 1, 0, known.ttl_ms))


def _ours(seen: Seen, document: LeaseDocument, known: Knowledge) -> Conclusion:
    if document.holder is None:
        return Take(document, "it was released")
    if document.holder == known.me.id:
        return Take(document, "a late write of ours took it")
    if _is_provably_dead(document, known):
        return Take(document, "its holder was on this host and is dead")
    if seen.read_ns < seen.updated_ns:
        return Refuse("the store's clock stands before the lease document's last write")
    left_ms = document.ttl_ms - seen.age_ms
    if left_ms < 0:
        return Take(document, "it was not renewed in time")
    return Wait(document.holder, document.instance_id, document.epoch, left_ms, "it is held")


def _is_provably_dead(document: LeaseDocument, known: Knowledge) -> bool:
    """Tell whether the three conditions of the same-host fast path are all met."""
    me = known.me
    same_place = document.boot_id == me.boot_id and document.state_id == me.state_id
    return known.former_is_dead and same_place and bool(me.boot_id) and bool(me.state_id)


def _node(seen: Seen, lock: NodeLock, known: Knowledge) -> Conclusion:
    highest = max(known.highest_fence, known.highest_epoch)
    epoch = highest if lock.epoch is None else lock.epoch
    if not lock.holder or lock.lease_until_ms == 0:
        return Take(lock.as_released(highest), "Node released it")
    left_ms = lock.lease_until_ms + NODE_MARGIN_MS - seen.read_ns // 1_000_000
    if left_ms > 0:
        return Wait(lock.holder, lock.holder, epoch, left_ms, "a Node instance holds it")
    if not known.node_is_stopped:
        return Wait(
            lock.holder,
            lock.holder,
            epoch,
            0,
            "a Node instance let it expire without releasing it, and may still be connected: "
            "stop it, then set NODE_STOPPED=true",
        )
    return Take(lock.as_released(highest), "Node is stopped")
