"""What the HTTP API and the outbox need from the rest of the supervisor, as small protocols."""

import enum
from dataclasses import dataclass
from typing import Final, Protocol

from shared import link_pb2
from shared.accounts import AccountStatus
from shared.errors import WakeeperError
from supervisor.store.records import OutboxRecord


class WorkerUnavailable(WakeeperError):
    """The account's worker is not there, not connected, or did not answer in time: try later."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """What the fleet knows of an account right now; times are wall-clock milliseconds."""

    account_id: str
    status: AccountStatus
    since_ms: int
    qr_payload: str | None = None
    qr_expires_at_ms: int | None = None
    code: int | None = None
    reason: str | None = None
    retry_at_ms: int | None = None
    qr_shown_at_ms: int | None = None


USER_DISCONNECT: Final = "user_disconnect"
ADMIN_DISCONNECT: Final = "admin_disconnect"
# Why an account is off because a person wanted it so; every other reason is the network's.
BY_PERSON: Final = frozenset({USER_DISCONNECT, ADMIN_DISCONNECT, "replaced_by_new_session"})


@dataclass(frozen=True, slots=True)
class FleetCondition:
    """What concerns more than one account.

    Attributes:
        starts_held: why no account is started right now; None when they are.
        sessions_without_account: how many sessions on disk belong to no account we know.
    """

    starts_held: str | None = None
    sessions_without_account: int = 0


class Fleet(Protocol):
    """The running workers."""

    async def ensure(self, account_id: str) -> None:
        """See to it that the account's worker runs (or shows a QR); returns at once."""
        ...

    async def stop(self, account_id: str, *, reason: str, unlink: bool = False) -> None:
        """Stop the worker and wait until it is gone; `unlink` also logs the device out."""
        ...

    async def set_aside(self, account_id: str, *, reason: str) -> None:
        """Stop the worker and put the session into quarantine; the account needs a QR then."""
        ...

    async def pair_anew(self, account_id: str) -> None:
        """Put the session into quarantine and start the account without one: it shows a QR."""
        ...

    async def remove(self, account_id: str) -> None:
        """Finish what the status `deleting` began; the account is `deleted` then."""
        ...

    def condition(self) -> FleetCondition:
        """Return what concerns more than one account."""
        ...

    def view(self, account_id: str) -> AccountView | None:
        """Return the live state, None when the account has no worker.

        It changes before the `AccountState` event about it is published.
        """
        ...

    async def send(
        self, account_id: str, send: link_pb2.Send, timeout_s: float
    ) -> link_pb2.SendResult:
        """Hand a message to the worker and return what became of it.

        Raises:
            WorkerUnavailable: no worker, no connection, or no answer within `timeout_s`.
        """
        ...

    async def mark_read(self, account_id: str, mark: link_pb2.MarkRead) -> None:
        """Tell the senders that their messages are read.

        Raises:
            WorkerUnavailable: no worker, or no connection.
        """
        ...


@dataclass(frozen=True, slots=True)
class SendReport:
    """How far a message got by the time the caller was answered; `repeated`: it was known."""

    record: OutboxRecord
    repeated: bool


class Sender(Protocol):
    """The outbox, as the API sees it; the recipient and the text are checked before."""

    async def send(
        self, account_id: str, to: str, text: str, client_message_id: str | None
    ) -> SendReport:
        """Store a message, deliver it, and wait a short, bounded time for the server's ack.

        Args:
            account_id: who sends.
            to: the recipient's JID.
            text: what to send.
            client_message_id: the caller's id: repeating a call with it sends nothing twice.

        Raises:
            UnknownAccount: there is no such account.
            SendConflict: the id already stands for another recipient or text.
        """
        ...


class LeaseStatus(enum.Enum):
    """Who holds the lease, in the words of `/ready`."""

    HERE = "held_by_this_instance"
    OTHER = "held_by_other"
    NOBODY = "not_held"


@dataclass(frozen=True, slots=True)
class LeaseStands:
    """How the lease stands right now.

    Attributes:
        active: whether this instance may act.
        mode: passive, fencing, active or demoting.
        why: a sentence for people.
        status: who holds it.
        held_by: the holder's instance id; None where nobody or nobody known holds it.
        holder: the holder's incarnation.
        epoch: as last seen.
        expires_in_s: until it runs out, unless it is renewed.
    """

    active: bool
    mode: str
    why: str
    status: LeaseStatus
    held_by: str | None = None
    holder: str | None = None
    epoch: int = 0
    expires_in_s: float | None = None


class Lease(Protocol):
    """Whether this instance may act for the accounts."""

    def check(self, act: str) -> None:
        """Let an act pass; by the clock of this moment, so ask right before the act.

        Raises:
            NotHolding: the lease is not held here.
        """
        ...

    def stands(self) -> LeaseStands:
        """Return how the lease stands."""
        ...

    def step_down(self) -> bool:
        """Begin to hand the lease over; tell whether it was held."""
        ...

    def ask_for_it(self) -> bool:
        """Ask whoever holds the lease to hand it over; False where it is held, or under way."""
        ...

    async def force_release(self) -> str | None:
        """End another instance's tenure; return its instance id, None when nobody held it.

        Raises:
            StoreError: it was not released, or nobody knows.
        """
        ...


class Alone:
    """Fulfils `Lease` where there is only one instance, by other means than a lease."""

    def check(self, act: str) -> None:
        """Let every act pass."""

    def stands(self) -> LeaseStands:
        """Return that we hold it."""
        return LeaseStands(
            active=True, mode="active", why="there is no lease", status=LeaseStatus.HERE
        )

    def step_down(self) -> bool:
        """Do nothing: there is nobody to step down for."""
        return False

    def ask_for_it(self) -> bool:
        """Do nothing: it is held."""
        return False

    async def force_release(self) -> str | None:
        """Do nothing: nobody holds it."""
        return None
