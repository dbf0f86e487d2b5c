"""What every store must do, whichever database is behind it; one contract suite tests them all.

All methods raise `StoreError` when the database can't be reached or answers too late: whether a
write took place may then be unknown, and repeating the call is safe.
"""

from collections.abc import Sequence
from typing import Protocol

from shared.accounts import AccountStatus
from shared.errors import StoreError
from supervisor.store.contract_leases import (
    NO_LEASE,
    Ambiguous,
    Fenced,
    Fences,
    LeaseStore,
    Permit,
    PreconditionFailed,
    Refusal,
    Refused,
    Tenure,
    Wish,
    Written,
    unheard,
    without_lease,
)
from supervisor.store.records import (
    AccountChanges,
    AccountRecord,
    Change,
    Lineage,
    MessageRecord,
    NewSend,
    OutboxRecord,
    OutboxState,
    Outcome,
    Page,
    ThreadRecord,
)

__all__ = [
    "NO_LEASE",
    "Accounts",
    "Ambiguous",
    "Conversations",
    "Fenced",
    "Fences",
    "LeaseStore",
    "LineageConflict",
    "Outbox",
    "Permit",
    "PreconditionFailed",
    "Refusal",
    "Refused",
    "SendConflict",
    "StatusConflict",
    "Store",
    "Tenure",
    "UnknownAccount",
    "Wish",
    "Written",
    "unheard",
    "without_lease",
]


class UnknownAccount(StoreError):
    """The account does not stand in the store."""


class StatusConflict(StoreError):
    """The account's status may not become that, or was no longer the expected one."""


class LineageConflict(StoreError):
    """The account's pairing or lineage is not the one that was expected; nothing was changed."""


class SendConflict(StoreError):
    """The caller's message id already stands for another recipient or another text."""


class Accounts(Protocol):
    """Account records by id; whatever writes for an account raises `Fenced` as `Permit` says."""

    async def get(self, account_id: str) -> AccountRecord | None:
        """Return the record, or None."""
        ...

    async def list(self) -> list[AccountRecord]:
        """Return all records, oldest first."""
        ...

    async def count(self) -> int:
        """Return how many accounts there are, deleted ones not counted."""
        ...

    async def create(self, record: AccountRecord) -> AccountRecord:
        """Create if absent; return the record that stands there afterwards."""
        ...

    async def find_by_phone(self, phone: str, ids: Sequence[str]) -> AccountRecord | None:
        """Return the first account with one of the ids, else one with that E.164 number.

        Args:
            phone: canonical, as `shared.accounts.canonical_phone` gives it.
            ids: the ids the number may have, the canonical one first, then legacy forms.
        """
        ...

    async def update(
        self,
        account_id: str,
        changes: AccountChanges,
        *,
        at_ms: int,
        expected_status: AccountStatus | None = None,
    ) -> AccountRecord:
        """Change fields and return the new record.

        Raises:
            UnknownAccount: there is none.
            StatusConflict: the status is not `expected_status`; nothing was changed.
        """
        ...

    async def set_status(
        self,
        account_id: str,
        status: AccountStatus,
        *,
        at_ms: int,
        reason: str | None = None,
        code: int | None = None,
    ) -> AccountRecord:
        """Move to another status by the legal transitions; the same status updates its reason.

        Raises:
            UnknownAccount: there is none.
            StatusConflict: the transition is not legal; nothing was changed.
        """
        ...

    async def set_lineage(
        self, account_id: str, lineage: Lineage, *, expected: Lineage | None, at_ms: int
    ) -> AccountRecord:
        """Say which pairing, and which branch of it, is the live one.

        Args:
            account_id: whose.
            lineage: from now on.
            expected: what must stand there until now; None for an account that has neither.
            at_ms: now.

        Raises:
            UnknownAccount: there is none.
            LineageConflict: another one stands there; nothing was changed.
        """
        ...


class Conversations(Protocol):
    """Threads and messages of accounts."""

    async def record(
        self, account_id: str, changes: Sequence[Change], *, at_ms: int
    ) -> list[Outcome]:
        """Apply what happened, in order, all or nothing; return what that changed.

        Repeating changes changes nothing: a message is created if absent, statuses and
        `last_message_at_ms` only move forward.
        """
        ...

    async def threads(self, account_id: str, page: Page) -> list[ThreadRecord]:
        """Return conversations, latest message first, without those that redirect elsewhere."""
        ...

    async def thread(self, thread_id: str) -> ThreadRecord | None:
        """Return one conversation, or None."""
        ...

    async def messages(self, account_id: str, thread_id: str, page: Page) -> list[MessageRecord]:
        """Return messages of a conversation, latest first, with those of its former names."""
        ...


class Outbox(Protocol):
    """Messages to send, in order, each delivered by one claim at a time."""

    async def enqueue(
        self, account_id: str, send: NewSend
    ) -> tuple[OutboxRecord, MessageRecord, bool]:
        """Store message and outbox record together, if absent.

        Returns:
            The records that stand there afterwards, and whether they are new.

        Raises:
            SendConflict: the id stands for another recipient or text; nothing was changed.
        """
        ...

    async def get(self, account_id: str, client_message_id: str) -> OutboxRecord | None:
        """Return the record of the caller's message id, or None."""
        ...

    async def claim(
        self, account_id: str, owner: str, *, at_ms: int, lease_ms: int
    ) -> OutboxRecord | None:
        """Claim the oldest record that is due and first in its conversation; None if there is none.

        A record claimed by somebody else is due again when its lease has run out.
        """
        ...

    async def take_over(self, owner: str, *, at_ms: int) -> int:
        """Queue again what other owners have claimed; only for the one who holds the store."""
        ...

    async def settle(
        self,
        record: OutboxRecord,
        state: OutboxState,
        *,
        at_ms: int,
        error: str | None = None,
        next_attempt_at_ms: int | None = None,
    ) -> MessageRecord | None:
        """End a claim as SENT, FAILED or QUEUED (again, due at `next_attempt_at_ms`).

        Of `record`, which is what was claimed, the failures are kept as they are given.

        Returns:
            The message, if its status changed; None also when the claim is no longer ours.
        """
        ...

    async def expire(
        self, account_id: str, *, before_ms: int, at_ms: int, error: str
    ) -> list[MessageRecord]:
        """Fail what was asked for at `before_ms` or earlier, and is not being sent.

        Returns:
            The messages whose status changed.
        """
        ...

    async def oldest_ms(self, account_id: str) -> int | None:
        """Return when the oldest of what is queued or claimed was asked for; None for nothing."""
        ...

    async def hasten(self, account_id: str, *, at_ms: int) -> None:
        """Make everything queued of an account due now: its connection is back."""
        ...

    async def next_due_ms(self, account_id: str) -> int | None:
        """Return when the next record is due, None when nothing waits."""
        ...

    async def pending(self, account_id: str) -> list[OutboxRecord]:
        """Return what is queued or claimed, in order."""
        ...

    async def waiting_accounts(self) -> list[str]:
        """Return the accounts that have something queued or claimed."""
        ...


class Store(Protocol):
    """All of it, and its life."""

    @property
    def accounts(self) -> Accounts:
        """The accounts."""
        ...

    @property
    def conversations(self) -> Conversations:
        """Threads and messages."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Messages to send."""
        ...

    async def ping(self) -> None:
        """Read something; raises StoreError when the store can't."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go; may be called twice."""
        ...
