"""A lease document, and who wrote it."""

from typing import Any

from supervisor.lease.decisions import Seen
from supervisor.lease.document import Incarnation, LeaseDocument

S = 1_000_000_000
NOW_MS = 1_700_000_000_000
TTL_MS = 45_000

ME = Incarnation("me/1", "here", "boot", "state", "wakeeper-1", 7, "1.0")
OTHER = Incarnation("other/1", "there", "other boot", "other state", "wakeeper-2", 8, "1.0")


def held(by: Incarnation = OTHER, epoch: int = 5) -> LeaseDocument:
    return LeaseDocument(None, epoch - 1, 40, ttl_ms=1).taken_by(by, TTL_MS)


def seen(stored: dict[str, Any] | None, *, age_ms: int = 0) -> Seen:
    updated_ns = 0 if stored is None else (NOW_MS - age_ms) * 1_000_000
    return Seen(stored, NOW_MS * 1_000_000, updated_ns, "version")


def fields(document: LeaseDocument) -> dict[str, Any]:
    return document.to_fields(NOW_MS)


def node(**changes: Any) -> dict[str, Any]:
    """Return what the Node backend writes."""
    lock = {"holderInstanceId": "node-1", "leaseUntil": NOW_MS + 30_000, "acquiredAt": NOW_MS}
    return {**lock, **changes}
