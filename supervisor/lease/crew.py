"""Who acts on what the lease allows: the fleet of workers, and everything around it."""

from typing import Protocol

from shared.errors import WakeeperError


class Crew(Protocol):
    """Raises fences, starts and ends workers; handed to the manager.

    `fence` and `start` may be cancelled at any of their awaits, by whatever ends the tenure;
    `stop` always follows, and ends what they left behind.
    """

    async def fence(self, epoch: int) -> None:
        """Raise every account's fence to the new epoch; nothing runs yet.

        Called again when it failed by a `StoreError`.

        Raises:
            Fenced: an account carries a higher epoch; the tenure is over.
            StoreError: the store could not be written.
        """
        ...

    async def start(self, epoch: int) -> None:
        """Start what should run; returns when that is under way.

        Called again when it failed by a `StoreError`: what runs already stays as it is.

        Raises:
            StoreError: the store could not be read.
        """
        ...

    def deadline_moved(self, hard_ns: int) -> None:
        """Tell every worker until when it may live (CLOCK_BOOTTIME)."""
        ...

    async def stop(self, *, kill_now: bool, until_ns: int, reason: str) -> bool:
        """End every worker; tell whether all of them are reaped.

        Called once more, while an earlier call still runs, when there is less time than that
        call was told; both then return as soon as the last worker is reaped.

        Args:
            kill_now: SIGKILL at once, without a word.
            until_ns: whoever is left at this instant is killed.
            reason: for the log.
        """
        ...


class Unreaped(WakeeperError):
    """A worker could not be ended: the lease is left to expire, and this process must go."""
