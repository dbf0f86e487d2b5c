"""How an account stands, and how that reaches its record; without processes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared import link_pb2 as pb
from shared.accounts import AccountStatus
from shared.clock import SystemClock
from shared.errors import StoreError
from supervisor.events import EventBus
from supervisor.registrar import Registrar
from supervisor.standing import Standing
from supervisor.store.records import AccountChanges, AccountRecord
from supervisor.store.sqlite import SqliteStore

ACCOUNT = "account_test_1"
PATIENCE_S = 10.0
Status = AccountStatus


class AwayAccounts:
    """The accounts of a store that is away for the first few calls."""

    def __init__(self, store: SqliteStore, failures: int) -> None:
        self._accounts = store.accounts
        self.failures = failures

    def __getattr__(self, name: str) -> Any:
        if self.failures > 0:
            self.failures -= 1
            raise StoreError("the store is away")
        return getattr(self._accounts, name)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path / "wakeeper.db")
    await store.accounts.create(AccountRecord(ACCOUNT, "", None, Status.CONNECTING, 1, 1))
    yield store
    await store.close()


@pytest.fixture
def standing(store: SqliteStore) -> Standing:
    clock = SystemClock()
    return Standing(ACCOUNT, Registrar(ACCOUNT, store.accounts, clock), EventBus(), clock)


async def written(registrar: Registrar, store: SqliteStore) -> AccountRecord:
    """Let the registrar write, and return the record."""
    writing = asyncio.create_task(registrar.run())
    async with asyncio.timeout(PATIENCE_S):
        await registrar.flush()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    record = await store.accounts.get(ACCOUNT)
    assert record is not None
    return record


async def test_live_qr_is_shown_as_ready_whatever_order_the_words_come_in(
    standing: Standing,
) -> None:
    standing.heard_qr(pb.Qr(payload="2@live", expires_at_ms=9))
    standing.heard_state(pb.State(state=pb.AWAITING_SCAN))

    assert (standing.view.status, standing.view.qr_payload) == (Status.QR_READY, "2@live")


async def test_no_live_qr_is_shown_as_awaiting(standing: Standing) -> None:
    standing.heard_qr(pb.Qr(payload="2@live"))
    standing.heard_qr(pb.Qr())

    assert (standing.view.status, standing.view.qr_payload) == (Status.AWAITING_SCAN, None)


async def test_scanned_qr_is_taken_back(standing: Standing) -> None:
    standing.heard_qr(pb.Qr(payload="2@live"))
    standing.heard_state(pb.State(state=pb.PAIRING))

    assert standing.view.qr_payload is None


async def test_same_status_keeps_its_beginning(standing: Standing) -> None:
    standing.show(Status.CONNECTED)
    standing.view = replace(standing.view, since_ms=5)
    standing.show(Status.CONNECTED, reason="still")

    assert (standing.view.since_ms, standing.view.reason) == (5, "still")


async def test_changes_said_one_after_the_other_are_all_written(store: SqliteStore) -> None:
    registrar = Registrar(ACCOUNT, store.accounts, SystemClock())
    registrar.change(AccountChanges(jid="1:2@s.whatsapp.net", push_name="Old"))
    registrar.change(AccountChanges(push_name="New"))
    record = await written(registrar, store)

    assert (record.jid, record.push_name) == ("1:2@s.whatsapp.net", "New")


async def test_latest_status_is_written_when_the_store_is_back(
    store: SqliteStore, log_lines: list[str]
) -> None:
    away = AwayAccounts(store, failures=2)
    registrar = Registrar(ACCOUNT, away, SystemClock(), bytes)
    registrar.status(Status.QR_READY)
    registrar.status(Status.CONNECTED, reason="back")
    record = await written(registrar, store)

    assert (record.status, record.reason, away.failures) == (Status.CONNECTED, "back", 0)
    warnings = [line for line in log_lines if "account_not_written" in line and "warning" in line]
    assert len(warnings) == 1


async def test_refused_status_is_dropped_and_the_next_is_written(store: SqliteStore) -> None:
    await store.accounts.set_status(ACCOUNT, Status.DELETING, at_ms=2)
    registrar = Registrar(ACCOUNT, store.accounts, SystemClock())
    registrar.status(Status.CONNECTED)
    refused = await written(registrar, store)
    registrar.status(Status.DELETED)
    record = await written(registrar, store)

    assert (refused.status, record.status) == (Status.DELETING, Status.DELETED)


async def test_why_a_scan_was_refused_is_still_said_beside_the_next_code(
    standing: Standing,
) -> None:
    standing.heard_state(pb.State(state=pb.AWAITING_SCAN, reason="another phone scanned"))
    standing.heard_qr(pb.Qr(payload="2@next"))
    beside_first = standing.view.reason
    standing.heard_qr(pb.Qr(payload="2@second"))

    assert (standing.view.status, beside_first) == (Status.QR_READY, "another phone scanned")
    assert standing.view.reason == "another phone scanned"
    standing.heard_state(pb.State(state=pb.PAIRING))
    assert standing.view.reason is None
