"""Writes what becomes of one account into its record, without making anybody wait for the store.

Words about the same thing overtake each other: only the latest status is written, and changes of
fields are merged. What the store can't take now is tried again until it does.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final

from shared.accounts import AccountStatus
from shared.clock import Clock
from shared.disconnects import Backoff
from shared.errors import StoreError
from shared.logs import get_logger
from supervisor.lease.guard import NotHolding
from supervisor.store.contract import Accounts, Fenced, StatusConflict, UnknownAccount
from supervisor.store.records import AccountChanges

log = get_logger(__name__)

RETRY: Final = Backoff(floor_s=0.2, base_s=0.25, cap_s=15.0)
WRITE_TIMEOUT_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class _Word:
    status: AccountStatus
    reason: str | None
    code: int | None
    at_ms: int


class Registrar:
    """The pen for one account's record; `run` writes, everything else returns at once."""

    def __init__(
        self,
        account_id: str,
        accounts: Accounts,
        clock: Clock,
        rng: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._account_id = account_id
        self._accounts = accounts
        self._clock = clock
        self._rng = rng
        self._word: _Word | None = None
        self._changes: AccountChanges | None = None
        self._wanted = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def status(
        self, status: AccountStatus, *, reason: str | None = None, code: int | None = None
    ) -> None:
        """Have the status written; a former one that is not yet written is skipped."""
        self._word = _Word(status, reason, code, int(self._clock.wall_s() * 1000))
        self._wake()

    def change(self, changes: AccountChanges) -> None:
        """Have fields written, together with those that are not yet written."""
        self._changes = _merged(self._changes, changes)
        self._wake()

    async def flush(self) -> None:
        """Return when everything that was said so far is written; as long as `run` runs."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write, for ever."""
        failures = 0
        while True:
            await self._wanted.wait()
            try:
                await self._write_once()
            except (StoreError, TimeoutError) as error:
                failures += 1
                self._report(error, failures)
                await asyncio.sleep(RETRY.delay_s(failures, self._rng))
            else:
                failures = 0

    async def _write_once(self) -> None:
        """Write what is wanted; it stays wanted until it is written or refused for good."""
        changes, word = self._changes, self._word
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await self._write(changes, word)
        except (StatusConflict, UnknownAccount, Fenced, NotHolding) as error:
            log.info("account_word_refused", account_id=self._account_id, why=error.message)
        if self._changes is changes:
            self._changes = None
        if self._word is word:
            self._word = None
        if self._changes is None and self._word is None:
            self._wanted.clear()
            self._idle.set()

    async def _write(self, changes: AccountChanges | None, word: _Word | None) -> None:
        if changes is not None:
            at_ms = int(self._clock.wall_s() * 1000)
            await self._accounts.update(self._account_id, changes, at_ms=at_ms)
        if word is not None:
            await self._accounts.set_status(
                self._account_id, word.status, at_ms=word.at_ms, reason=word.reason, code=word.code
            )

    def _wake(self) -> None:
        self._idle.clear()
        self._wanted.set()

    def _report(self, error: Exception, failures: int) -> None:
        say = log.warning if failures == 1 else log.debug
        say("account_not_written", account_id=self._account_id, error=error, tries=failures)


def _merged(old: AccountChanges | None, new: AccountChanges) -> AccountChanges:
    if old is None:
        return new
    names = [field.name for field in fields(AccountChanges)]
    latest = {name: getattr(new, name) for name in names}
    return AccountChanges(
        **{name: getattr(old, name) if value is None else value for name, value in latest.items()}
    )
