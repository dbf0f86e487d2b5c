"""What every store must do about the lease and its fences; see `contract.py` for the rest.

The lease is one document, dated by the store's own clock. A fence is the highest epoch of the
lease that ever acted for an account: whatever is older can't write for it any more.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from shared.errors import StoreError

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
