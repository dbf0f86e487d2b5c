"""What every store must do, whichever database is behind it; one contract suite tests them all.

All methods raise `StoreError` when the database can't be reached or answers too late: whether a
write took place may then be unknown, and repeating the call is safe.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from shared.accounts import AccountStatus
from shared.errors import StoreError
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

if TYPE_CHECKING:
    from supervisor.lease.decisions import Seen


class PreconditionFailed(StoreError):
    """What stands there is not what the write expected; nothing was written."""


class Ambiguous(StoreError):
    """No answer, or none that tells: whether a write took place is unknown."""


class Refused(StoreError):
    """The store refused the call for a reason of its own; nothing was written."""


class Fenced(StoreError):
    """Another holder of the lease has the account; nothing was written, nor ever will be."""


class UnknownAccount(StoreError):
    """The account does not stand in the store."""


class StatusConflict(StoreError):
    """The account's status may not become that, or was no longer the expected one."""


class LineageConflict(StoreError):
    """The account's pairing or lineage is not the one that was expected; nothing was changed."""


class SendConflict(StoreError):
    """The caller's message id already stands for another recipient or another text."""


@dataclass(frozen=True, slots=True)
class Tenure:
    """Under which tenure of the lease a write is made: its epoch, and who holds it.

    An account's writes are refused once its fence carries a higher epoch, or the same epoch for
    another holder.
    """

    epoch: int
    holder: str


NO_LEASE: Final = Tenure(0, "")
"""Epoch 0 is below all: its writes pass as long as nobody ever held a lease over the account."""

Permit = Callable[[], Tenure]
"""Returns the tenure under which a write may be made right now.

Asked before every write for an account and once more just before its effect, on SQLite from the
store's own thread. It raises when there is no such tenure: that error reaches the caller, and
nothing is written.
"""


Refusal = Callable[[int], None]
"""Is told the epoch of a write that the store refused: a newer holder has the account."""


def unheard(_: int) -> None:
    """Tell nobody; see `Refusal`."""


def without_lease() -> Tenure:
    """Permit what is permitted to somebody who never held a lease; see `NO_LEASE`."""
    return NO_LEASE


@dataclass(frozen=True, slots=True)
class Written:
    """A write of the lease document that certainly took place.

    Attributes:
        update_ns: the store's time of it.
        version: expected by the next `LeaseStore.replace`.
    """

    update_ns: int
    version: object


@dataclass(frozen=True, slots=True)
class Wish:
    """An instance that waits would like to have the lease.

    Attributes:
        incarnation: of the process that asks.
        at_ns: when it last asked, by the store's clock.
        read_ns: when this was read, by the same clock.
    """

    incarnation: str
    at_ns: int
    read_ns: int


class LeaseStore(Protocol):
    """The lease document: written by compare-and-set, dated by the store's own clock.

    Every call is one attempt: nothing is repeated inside, and each ends within its timeout.
    """

    async def read(self, *, timeout_s: float) -> "Seen":
        """Read it as it is now, not from a cache; `stored` is None only when that is certain.

        Raises:
            StoreError: no certain answer.
        """
        ...

    async def create(self, fields: Mapping[str, Any], *, timeout_s: float) -> Written:
        """Write it where there is none.

        Raises:
            PreconditionFailed: there is one, perhaps from an earlier attempt of ours.
            Ambiguous: it may have been written, or still will be.
            StoreError: it was not written.
        """
        ...

    async def replace(
        self, fields: Mapping[str, Any], expected: object, *, timeout_s: float
    ) -> Written:
        """Write these fields over exactly the state that was read or written as `expected`.

        Fields of others are left as they are. `acquiredAt` (with a new epoch), `renewedAt` and
        `updatedAt` are stamped by the store, for people; so every write moves the document's
        time.

        Raises:
            PreconditionFailed: it has changed or is gone, perhaps by an earlier attempt of ours.
            Ambiguous: it may have been written, or still will be.
            StoreError: it was not written.
        """
        ...

    def watch(self) -> AsyncIterator[None]:
        """Yield when the document or the wishes may have changed; ends by cancellation alone.

        Best effort: it may yield for nothing, and it may be silent while the store is away.
        """
        ...

    async def wish(self, incarnation: str, *, timeout_s: float) -> None:
        """Ask for the lease, or ask again.

        Raises:
            StoreError: perhaps nobody hears of it.
        """
        ...

    async def wishes(self, *, timeout_s: float) -> list[Wish]:
        """Return who asks for the lease, the latest first.

        Raises:
            StoreError: no certain answer.
        """
        ...

    async def clear_wish(self, incarnation: str, *, timeout_s: float) -> None:
        """Ask no more; nothing happens when nothing was asked.

        Raises:
            StoreError: the wish may still stand.
        """
        ...


class Fences(Protocol):
    """For each account the highest epoch that ever acted for it."""

    async def raise_to(
        self, account_ids: Sequence[str], epoch: int, holder: str, *, timeout_s: float
    ) -> None:
        """Raise the fences of these accounts; afterwards nobody of before can write for them.

        Raising again, by the same holder, changes nothing.

        Raises:
            Fenced: one carries a higher epoch, or this one for another holder. Others may have
                been raised by then.
            StoreError: some may not have been raised; call again.
        """
        ...

    async def highest(self, *, timeout_s: float) -> int:
        """Return the highest epoch of all accounts; 0 when there is none.

        Raises:
            StoreError: no certain answer.
        """
        ...


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
