"""The lease document: written by us, by a Node instance, or spoilt; told apart strictly.

Our own fields stand beside those of the Node backend, which are kept truthful, so that a Node
instance waits while we hold the lease and we wait while it does. `holder` names a process
incarnation, never an instance: a name that survives a restart proves nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

MAX_EPOCH: Final = 2**53 - 1  # what every reader of the store, JavaScript too, holds exactly
MAX_TTL_MS: Final = 24 * 3600 * 1000
MAX_TEXT: Final = 256
# Given to a lease whose document was found missing although accounts carry an epoch.
RECREATED: Final = "recreated"
# What Node finds as the holder when nobody holds: neither its own id nor anybody's.
NOBODY: Final = ""
# A Node instance compares with its own wall clock: it sees us hold for longer than we do.
NODE_SKEW_MS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Incarnation:
    """Who we are: this very process, on this boot of this host, with these locks.

    Attributes:
        id: random per process; ownership is compared by it alone.
        host: for people.
        boot_id: of the kernel that runs us.
        state_id: random, kept beside the locks in the state directory.
        instance_id: for people; the same after a restart.
    """

    id: str
    host: str
    boot_id: str
    state_id: str
    instance_id: str
    pid: int
    version: str


@dataclass(frozen=True, slots=True)
class LeaseDocument:
    """The lease as one of us wrote it; `holder` is None when it was released."""

    holder: str | None
    epoch: int
    renew_seq: int
    ttl_ms: int
    host: str = ""
    boot_id: str = ""
    state_id: str = ""
    instance_id: str = ""
    pid: int = 0
    version: str = ""

    def taken_by(self, me: Incarnation, ttl_ms: int) -> "LeaseDocument":
        """Return the document of the next epoch, held by us."""
        return LeaseDocument(
            holder=me.id,
            epoch=self.epoch + 1,
            renew_seq=self.renew_seq + 1,
            ttl_ms=ttl_ms,
            host=me.host,
            boot_id=me.boot_id,
            state_id=me.state_id,
            instance_id=me.instance_id,
            pid=me.pid,
            version=me.version,
        )

    def renewed(self) -> "LeaseDocument":
        """Return the document one renewal on: a write that changes nothing would not count."""
        return replace(self, renew_seq=self.renew_seq + 1)

    def released(self) -> "LeaseDocument":
        """Return the document that nobody holds; the epoch stays, it never goes back."""
        return replace(self, holder=None, renew_seq=self.renew_seq + 1)

    def held_by(self, holder: str, epoch: int) -> bool:
        """Tell whether this incarnation holds it in this epoch."""
        return self.holder == holder and self.epoch == epoch

    def to_fields(self, server_now_ms: int) -> dict[str, Any]:
        """Return what is stored, Node's fields included.

        Args:
            server_now_ms: the store's time as far as we know it; what Node reads is derived
                from it, and nothing of ours is.
        """
        held = self.holder is not None
        until = max(0, server_now_ms + self.ttl_ms + NODE_SKEW_MS) if held else 0
        return {
            "holder": self.holder,
            "epoch": self.epoch,
            "renewSeq": self.renew_seq,
            "ttlMs": self.ttl_ms,
            "host": self.host,
            "bootId": self.boot_id,
            "stateId": self.state_id,
            "instanceId": self.instance_id,
            "pid": self.pid,
            "version": self.version,
            "holderInstanceId": self.holder if self.holder is not None else NOBODY,
            "leaseUntil": until,
        }


@dataclass(frozen=True, slots=True)
class NodeLock:
    """The lock as a Node instance wrote it, perhaps over ours.

    Attributes:
        holder: Node's instance id; empty when it was released.
        lease_until_ms: by Node's wall clock.
        epoch: ours from before; None where Node wrote over all of ours, or there was none.
        renew_seq: ours from before, 0 where there is none.
    """

    holder: str
    lease_until_ms: int
    epoch: int | None
    renew_seq: int

    def as_released(self, least_epoch: int) -> LeaseDocument:
        """Return what of ours survives in it, as a document that nobody holds.

        Args:
            least_epoch: the highest that is known otherwise.
        """
        epoch = least_epoch if self.epoch is None else self.epoch
        return LeaseDocument(None, epoch, self.renew_seq, ttl_ms=1)


@dataclass(frozen=True, slots=True)
class Garbled:
    """A document that none of us can have written; it is not touched."""

    reason: str


Parsed = LeaseDocument | NodeLock | Garbled
_Check = Callable[[Any], str]  # returns what is wrong, or nothing
_MISSING: Final = object()  # other than null, which says something


def parse(stored: Mapping[str, Any]) -> Parsed:
    """Read a lease document; nothing is guessed."""
    if "epoch" not in stored and "holder" not in stored:
        return _node_lock(stored, epoch=None, renew_seq=0)
    for name, check in _CHECKS.items():
        wrong = check(stored.get(name, _MISSING))
        if wrong:
            return Garbled(f"{name} {wrong}")
    if stored["holderInstanceId"] != _node_name(stored):
        return _node_lock(stored, epoch=stored["epoch"], renew_seq=stored["renewSeq"])
    return LeaseDocument(
        holder=stored["holder"],
        epoch=stored["epoch"],
        renew_seq=stored["renewSeq"],
        ttl_ms=stored["ttlMs"],
        host=stored["host"],
        boot_id=stored["bootId"],
        state_id=stored["stateId"],
        instance_id=stored["instanceId"],
        pid=stored["pid"],
        version=stored["version"],
    )


def _node_name(stored: Mapping[str, Any]) -> str:
    return NOBODY if stored["holder"] is None else str(stored["holder"])


def _node_lock(
    stored: Mapping[str, Any], *, epoch: int | None, renew_seq: int
) -> NodeLock | Garbled:
    for name, check in _NODE_CHECKS.items():
        wrong = check(stored.get(name, _MISSING))
        if wrong:
            return Garbled(f"{name} {wrong}")
    until = int(stored["leaseUntil"])
    return NodeLock(stored["holderInstanceId"] or NOBODY, until, epoch, renew_seq)


def _whole(least: int, most: int) -> _Check:
    def check(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int):
            return "is missing or no whole number"
        return "" if least <= value <= most else f"is not between {least} and {most}"

    return check


def _text(value: Any) -> str:
    short = isinstance(value, str) and len(value) <= MAX_TEXT
    return "" if short else "is missing or no short text"


def _holder(value: Any) -> str:
    if value is None or (value != "" and not _text(value)):
        return ""
    return "is missing, or neither null nor a short text"


def _node_holder(value: Any) -> str:
    return "" if value is None else _text(value)


def _time_ms(value: Any) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return "" if number and 0 <= value <= MAX_EPOCH else "is missing or no time in milliseconds"


_NODE_CHECKS: Final[Mapping[str, _Check]] = {
    "holderInstanceId": _node_holder,
    "leaseUntil": _time_ms,
}
_CHECKS: Final[Mapping[str, _Check]] = {
    **_NODE_CHECKS,
    "holder": _holder,
    "epoch": _whole(0, MAX_EPOCH),
    "renewSeq": _whole(0, MAX_EPOCH),
    "ttlMs": _whole(1, MAX_TTL_MS),
    "host": _text,
    "bootId": _text,
    "stateId": _text,
    "instanceId": _text,
    "pid": _whole(0, 2**31),
    "version": _text,
}
