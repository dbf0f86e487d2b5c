"""Fences in Firestore, and the batches that they guard.

`fences/{accountId}` carries the highest epoch that acts for the account. Every batch that writes
for an account also writes the fence *as it is*, expecting its update time. That changes nothing
and so moves nothing: any number of the holder's batches pass side by side. Once a newer holder
has raised the fence, each batch of an older one is refused whole.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.cloud.firestore_v1 import types

from shared.errors import StoreError
from supervisor.store.contract import (
    Ambiguous,
    Fenced,
    Permit,
    PreconditionFailed,
    Refusal,
    Tenure,
    unheard,
)
from supervisor.store.firestore import errors, writes
from supervisor.store.firestore.client import Document, FirestoreClient

FENCES: Final = "fences"
CHUNK: Final = 200  # documents read, then written, at a time
ROUNDS: Final = 8  # of read and write against others who do the same, for one account
_Query: Final = types.StructuredQuery.pb()
_DESCENDING: Final = int(types.StructuredQuery.Direction.DESCENDING)


class GarbledFence(StoreError):
    """A fence that none of us can have written; the account is not touched."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A fence as it was read; `update_ns` is None where there is none yet."""

    tenure: Tenure | None
    update_ns: int | None


class FirestoreFences:
    """Fulfils `contract.Fences`; and `commit`, the door for all that acts for an account."""

    def __init__(self, client: FirestoreClient, permit: Permit, refused: Refusal = unheard) -> None:
        self._client = client
        self._permit = permit
        self._refused = refused
        # As last seen; a stale entry costs a refused batch and a reading, never safety.
        self._known: dict[str, Standing] = {}

    async def raise_to(
        self, account_ids: Sequence[str], epoch: int, holder: str, *, timeout_s: float
    ) -> None:
        """Raise the fences of these accounts, some hundreds at a time."""
        ours = Tenure(epoch, holder)
        deadline = asyncio.get_running_loop().time() + timeout_s
        for chunk in _chunks(sorted(set(account_ids))):
            await self._raise_chunk(chunk, ours, deadline)

    async def highest(self, *, timeout_s: float) -> int:
        """Return the highest epoch of all accounts; 0 when there is none."""
        query = _Query(limit={"value": 1})
        query.from_.add(collection_id=FENCES)
        query.order_by.add(field={"field_path": "epoch"}, direction=_DESCENDING)
        reading = await self._client.query("", query, timeout_s=timeout_s)
        return max((_tenure(each).epoch for each in reading.documents.values()), default=0)

    async def commit(self, account_id: str, batch: Sequence[Any], *, timeout_s: float) -> list[int]:
        """Apply writes for one account, all or none, unless a newer holder has it.

        Returns:
            The server's time of each document's last change.

        Raises:
            Fenced: another holder of the lease has the account; nothing was written.
            PreconditionFailed: another write's document was in another state.
            StoreError: as `FirestoreClient.commit`.
        """
        ours = self._permit()
        try:
            return await self._commit_under(account_id, ours, batch, timeout_s)
        except Fenced:
            self._refused(ours.epoch)
            raise

    async def _commit_under(
        self, account_id: str, ours: Tenure, batch: Sequence[Any], timeout_s: float
    ) -> list[int]:
        deadline = asyncio.get_running_loop().time() + timeout_s
        for _ in range(ROUNDS):
            standing = self._known.get(account_id)
            if standing is None:
                standing = await self._look(account_id, _left_s(deadline))
            _check(account_id, standing, ours)
            if self._permit() != ours:
                raise Fenced(f"write under epoch {ours.epoch}: that tenure of the lease is over")
            try:
                return await self._commit_with(account_id, standing, ours, batch, deadline)
            except PreconditionFailed:
                if await self._look(account_id, _left_s(deadline)) == standing:
                    raise  # the fence was as expected: it was one of the others
        raise PreconditionFailed(f"write for account {account_id}: its fence does not stand still")

    async def _commit_with(
        self,
        account_id: str,
        standing: Standing,
        ours: Tenure,
        batch: Sequence[Any],
        deadline: float,
    ) -> list[int]:
        fence = self._fence_write(account_id, standing, ours)
        times = await self._client.commit([*batch, fence], timeout_s=_left_s(deadline))
        self._known[account_id] = Standing(ours, times[-1])
        return times[:-1]

    async def _look(self, account_id: str, timeout_s: float) -> Standing:
        path = f"{FENCES}/{account_id}"
        reading = await self._client.get([path], timeout_s=timeout_s)
        found = _found(reading.documents.get(path))
        self._known[account_id] = found
        return found

    async def _raise_chunk(self, chunk: Sequence[str], ours: Tenure, deadline: float) -> None:
        for _ in range(ROUNDS):
            lower = await self._below(chunk, ours, _left_s(deadline))
            if not lower:
                return
            batch = [self._fence_write(name, found, ours) for name, found in lower.items()]
            try:
                times = await self._client.commit(batch, timeout_s=_left_s(deadline))
            except StoreError as error:
                if not (isinstance(error, PreconditionFailed) or errors.is_contention(error)):
                    raise
                continue
            for name, update_ns in zip(lower, times, strict=True):
                self._known[name] = Standing(ours, update_ns)
            return
        raise PreconditionFailed(
            f"raise {len(chunk)} fences to epoch {ours.epoch}: they do not stand still"
        )

    async def _below(
        self, chunk: Sequence[str], ours: Tenure, timeout_s: float
    ) -> dict[str, Standing]:
        """Return the fences that still are to be raised.

        Raises:
            Fenced: one is with another holder already.
        """
        paths = {name: f"{FENCES}/{name}" for name in chunk}
        reading = await self._client.get(list(paths.values()), timeout_s=timeout_s)
        found = {name: _found(reading.documents.get(path)) for name, path in paths.items()}
        for name, standing in found.items():
            _check(name, standing, ours)
        self._known |= found
        return {name: standing for name, standing in found.items() if standing.tenure != ours}

    def _fence_write(self, account_id: str, standing: Standing, ours: Tenure) -> Any:
        name = self._client.name(f"{FENCES}/{account_id}")
        fields = {"epoch": ours.epoch, "holder": ours.holder}
        if standing.update_ns is None:
            return writes.create(name, fields)
        return writes.update(name, fields, standing.update_ns)


def _check(account_id: str, standing: Standing, ours: Tenure) -> None:
    found = standing.tenure
    if found is None or found == ours or found.epoch < ours.epoch:
        return
    raise Fenced(
        f"write for account {account_id} under epoch {ours.epoch}: "
        f"it is with another holder of the lease, under epoch {found.epoch}"
    )


def _found(document: Document | None) -> Standing:
    if document is None:
        return Standing(None, None)
    return Standing(_tenure(document), document.update_ns)


def _tenure(document: Document) -> Tenure:
    epoch, holder = document.fields.get("epoch"), document.fields.get("holder")
    if isinstance(epoch, bool) or not isinstance(epoch, int) or not isinstance(holder, str):
        raise GarbledFence(
            f"read the fence {document.path}: its epoch or holder makes no sense",
            hint="somebody wrote it by hand? put back a whole number and a text",
        )
    return Tenure(epoch, holder)


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), CHUNK):
        yield names[start : start + CHUNK]


def _left_s(deadline: float) -> float:
    """Return what is left until a deadline on the loop's clock.

    Raises:
        Ambiguous: nothing is; an earlier attempt may have been applied.
    """
    left_s = deadline - asyncio.get_running_loop().time()
    if left_s <= 0:
        raise Ambiguous("write to Firestore: too many attempts for the time there was")
    return left_s
