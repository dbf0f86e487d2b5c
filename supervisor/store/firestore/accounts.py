"""Accounts in Firestore: `accounts/{accountId}`, changed by compare-and-set behind the fence."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from google.cloud.firestore_v1 import types

from shared.accounts import AccountStatus
from shared.logs import get_logger
from supervisor.store import rules
from supervisor.store.contract import PreconditionFailed, UnknownAccount
from supervisor.store.firestore import writes
from supervisor.store.firestore.account_documents import (
    GarbledAccount,
    changed_fields,
    to_fields,
    to_record,
)
from supervisor.store.firestore.client import Document, FirestoreClient
from supervisor.store.firestore.fences import FirestoreFences
from supervisor.store.firestore.values import to_value
from supervisor.store.records import AccountChanges, AccountRecord, Lineage

log = get_logger(__name__)

ACCOUNTS: Final = "accounts"
CALL_TIMEOUT_S: Final = 5.0
ROUNDS: Final = 8  # of read and write against others who change the same account
PAUSE_S: Final = 0.02
_Query: Final = types.StructuredQuery.pb()
_IN: Final = int(types.StructuredQuery.FieldFilter.Operator.IN)


class FirestoreAccounts:
    """Fulfils `contract.Accounts`."""

    def __init__(self, client: FirestoreClient, fences: FirestoreFences) -> None:
        self._client = client
        self._fences = fences

    async def get(self, account_id: str) -> AccountRecord | None:
        """Return the record, or None."""
        document = await self._document(account_id)
        return None if document is None else to_record(document)

    async def list(self) -> list[AccountRecord]:
        """Return all records, oldest first; one that can't be understood is logged, and left."""
        return list(await self._query(_Query()))

    async def count(self) -> int:
        """Return how many accounts there are, deleted ones not counted."""
        return sum(record.status is not AccountStatus.DELETED for record in await self.list())

    async def create(self, record: AccountRecord) -> AccountRecord:
        """Create if absent; return the record that stands there afterwards."""
        found = await self.get(record.account_id)
        if found is not None:
            return found
        write = writes.create(self._name(record.account_id), to_fields(record))
        try:
            await self._fences.commit(record.account_id, [write], timeout_s=CALL_TIMEOUT_S)
        except PreconditionFailed:
            found = await self.get(record.account_id)  # somebody was faster
            if found is None:
                raise
            return found
        return record

    async def find_by_phone(self, phone: str, ids: Sequence[str]) -> AccountRecord | None:
        """Return the first account with one of the ids, else one with that E.164 number."""
        paths = [f"{ACCOUNTS}/{account_id}" for account_id in ids]
        if paths:
            reading = await self._client.get(paths, timeout_s=CALL_TIMEOUT_S)
            found = next((path for path in paths if path in reading.documents), None)
            if found is not None:
                return to_record(reading.documents[found])
        with_phone = await self._query(_by_phone(phone))
        living = (each for each in with_phone if each.status is not AccountStatus.DELETED)
        return next(living, None)

    async def update(
        self,
        account_id: str,
        changes: AccountChanges,
        *,
        at_ms: int,
        expected_status: AccountStatus | None = None,
    ) -> AccountRecord:
        """Change fields and return the new record."""
        return await self._change(
            account_id,
            lambda record: rules.with_changes(
                record, changes, expected_status=expected_status, at_ms=at_ms
            ),
        )

    async def set_status(
        self,
        account_id: str,
        status: AccountStatus,
        *,
        at_ms: int,
        reason: str | None = None,
        code: int | None = None,
    ) -> AccountRecord:
        """Move to another status by the legal transitions; the same status updates its reason."""

        def changed(record: AccountRecord) -> AccountRecord:
            rules.check_transition(record, status)
            return rules.with_status(record, status, at_ms=at_ms, reason=reason, code=code)

        return await self._change(account_id, changed)

    async def set_lineage(
        self, account_id: str, lineage: Lineage, *, expected: Lineage | None, at_ms: int
    ) -> AccountRecord:
        """Say which pairing, and which branch of it, is the live one."""
        return await self._change(
            account_id,
            lambda record: rules.with_lineage(record, lineage, expected=expected, at_ms=at_ms),
        )

    async def _change(
        self, account_id: str, changed: Callable[[AccountRecord], AccountRecord]
    ) -> AccountRecord:
        for attempt in range(ROUNDS):
            document = await self._document(account_id)
            if document is None:
                raise UnknownAccount(f"change account {account_id}: there is none")
            old = to_record(document)
            new = changed(old)
            fields = changed_fields(document, old, new)
            write = writes.update(self._name(account_id), fields, document.update_ns)
            try:
                await self._fences.commit(account_id, [write], timeout_s=CALL_TIMEOUT_S)
            except PreconditionFailed:
                await asyncio.sleep(PAUSE_S * attempt)  # somebody else changed it: once more
            else:
                return new
        raise PreconditionFailed(f"change account {account_id}: it does not stand still")

    async def _document(self, account_id: str) -> Document | None:
        path = f"{ACCOUNTS}/{account_id}"
        reading = await self._client.get([path], timeout_s=CALL_TIMEOUT_S)
        return reading.documents.get(path)

    async def _query(self, query: Any) -> "Sequence[AccountRecord]":
        query.from_.add(collection_id=ACCOUNTS)
        reading = await self._client.query("", query, timeout_s=CALL_TIMEOUT_S)
        records = _readable(reading.documents.values())
        return sorted(records, key=lambda record: (record.created_at_ms, record.account_id))

    def _name(self, account_id: str) -> str:
        return self._client.name(f"{ACCOUNTS}/{account_id}")


def _by_phone(phone: str) -> Any:
    """Return a query for a number, with and without its `+`: older documents lack it."""
    query = _Query()
    where = query.where.field_filter
    where.field.field_path = "phoneE164"
    where.op = _IN
    where.value.CopyFrom(to_value([phone, phone.removeprefix("+")]))
    return query


def _readable(documents: Iterable[Document]) -> Iterator[AccountRecord]:
    for document in documents:
        try:
            yield to_record(document)
        except GarbledAccount as error:
            log.error("account_garbled", error=error)
