"""How many accounts there are, for probes that ask all the time.

A store that charges for every document read is not asked anew for each of them: with Firestore,
thirty accounts probed every ten seconds would be a quarter of a million reads a day. That the
store answers is asked each time, with a single read; what the fleet knows is laid over the records
by whoever shows them.
"""

from dataclasses import dataclass, field
from typing import Final

from shared.clock import Clock
from supervisor.store.contract import Store
from supervisor.store.records import AccountRecord

# How old a list may be, in seconds, by the store's name; the others are asked each time.
MAX_AGE_S: Final = {"firestore": 300.0}


@dataclass(slots=True)
class Census:
    """The accounts as the store last listed them."""

    _records: list[AccountRecord] | None = field(default=None)
    _taken_ns: int = field(default=0)

    async def records(self, store: Store, store_name: str, clock: Clock) -> list[AccountRecord]:
        """Return the accounts, from the store where the last list is too old.

        Raises:
            StoreError: the store does not answer, even if a list is at hand.
        """
        age_s = (clock.boot_ns() - self._taken_ns) / 1e9
        if self._records is not None and age_s < MAX_AGE_S.get(store_name, 0.0):
            await store.ping()
            return self._records
        self._records = await store.accounts.list()
        self._taken_ns = clock.boot_ns()
        return self._records
