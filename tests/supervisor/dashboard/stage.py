"""What the page talks to: the real API, store, inbox and outbox; only the workers are played."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from aiohttp import web

from shared import link_pb2 as pb
from shared.accounts import AccountStatus
from shared.clock import SystemClock
from supervisor.api.app import create_app
from supervisor.api.deps import ApiConfig, Deps
from supervisor.api.doors import AccountView, FleetCondition
from supervisor.events import EventBus
from supervisor.inbox import Inbox
from supervisor.outbox import Outbox
from supervisor.outbox_policy import OutboxPolicy
from supervisor.registrar import Registrar
from supervisor.standing import Standing
from supervisor.store.records import AccountRecord
from supervisor.store.sqlite import SqliteStore

TOKEN: Final = "token-of-the-dashboard-tests"
OWN: Final = "40712345678"
QR_LIFE_S: Final = 20


class PlayedFleet:
    """Fulfils `supervisor.api.doors.Fleet`: real standings, sends that succeed unless told."""

    def __init__(self, store: SqliteStore, events: EventBus) -> None:
        self._store = store
        self._events = events
        self._standings: dict[str, Standing] = {}
        self._writing: list[asyncio.Task[None]] = []
        self.ensured: list[str] = []
        self.sends: list[pb.Send] = []
        self.read: list[pb.MarkRead] = []
        self.answer = pb.SendResult(outcome=pb.SendResult.SENT)

    async def ensure(self, account_id: str) -> None:
        self.ensured.append(account_id)
        self.standing(account_id).show(AccountStatus.CONNECTING)

    async def stop(self, account_id: str, *, reason: str, unlink: bool = False) -> None:  # noqa: ARG002
        self.standing(account_id).show(AccountStatus.DISCONNECTED, reason=reason)

    async def set_aside(self, account_id: str, *, reason: str) -> None:
        self.standing(account_id).show(AccountStatus.NEEDS_QR, reason=reason)

    async def pair_anew(self, account_id: str) -> None:
        await self.ensure(account_id)

    async def remove(self, account_id: str) -> None:
        raise NotImplementedError

    def condition(self) -> FleetCondition:
        return FleetCondition()

    def view(self, account_id: str) -> AccountView | None:
        standing = self._standings.get(account_id)
        return None if standing is None else standing.view

    async def send(
        self,
        account_id: str,  # noqa: ARG002
        send: pb.Send,
        timeout_s: float,  # noqa: ARG002
    ) -> pb.SendResult:
        self.sends.append(send)
        return self.answer

    async def mark_read(self, account_id: str, mark: pb.MarkRead) -> None:  # noqa: ARG002
        self.read.append(mark)

    def standing(self, account_id: str) -> Standing:
        if account_id not in self._standings:
            clock = SystemClock()
            registrar = Registrar(account_id, self._store.accounts, clock)
            self._writing.append(asyncio.create_task(registrar.run()))
            self._standings[account_id] = Standing(account_id, registrar, self._events, clock)
        return self._standings[account_id]

    async def close(self) -> None:
        for task in self._writing:
            task.cancel()
        await asyncio.gather(*self._writing, return_exceptions=True)


class Stage:
    """A supervisor without processes, and what a worker would tell it."""

    def __init__(self, store: SqliteStore, events: EventBus, fleet: PlayedFleet) -> None:
        self.store = store
        self.events = events
        self.fleet = fleet
        self.inbox = Inbox(store, events, SystemClock())
        self._batches = 0
        self._messages = 0
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def serve(self, sender: Outbox, *, token: str = TOKEN) -> None:
        """Listen, at the same port as before if there was one."""
        config = ApiConfig(
            admin_token=token,
            namespace="prod",
            max_accounts=30,
            instance_id="stage",
            version="0.1.0",
            started_at_ms=self.now_ms(),
        )
        clock = SystemClock()
        app = create_app(Deps(config, self.store, self.fleet, sender, self.events, clock))
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def now_ms(self) -> int:
        return int(SystemClock().wall_s() * 1000)

    async def account(
        self,
        name: str = "Front desk",
        phone: str | None = f"+{OWN}",
        status: AccountStatus = AccountStatus.CONNECTED,
        *,
        reason: str | None = None,
        delay_s: float | None = None,
        is_paired: bool = True,
    ) -> str:
        """Add an account in a state; return its id."""
        now_ms = self.now_ms()
        account_id = f"account_prod_{(phone or '0').strip('+'):0>32}"
        digits = (phone or "").removeprefix("+")
        record = AccountRecord(
            account_id,
            name,
            phone,
            status,
            now_ms,
            now_ms,
            status_since_ms=now_ms,
            jid=f"{digits}:3@s.whatsapp.net" if is_paired and digits else None,
            reason=reason,
        )
        await self.store.accounts.create(record)
        self.fleet.standing(account_id).show(status, reason=reason, delay_s=delay_s)
        return account_id

    def state(
        self, account_id: str, state: pb.ConnectionState, reason: str = "", retry_s: float = 0
    ) -> None:
        """Let the worker tell of its connection."""
        told = pb.State(state=state, reason=reason, retry_in_ms=int(retry_s * 1000))
        self.fleet.standing(account_id).heard_state(told)

    def qr(self, account_id: str, number: int, life_s: float = QR_LIFE_S) -> None:
        """Let the worker show a QR code as long as a real one."""
        keys = ",".join(f"{chr(65 + number + part) * 43}=" for part in range(4))
        payload = f"https://wa.me/settings/linked_devices#2@{number}{'q' * 60},{keys},1"
        expires_at_ms = self.now_ms() + int(life_s * 1000)
        told = pb.Qr(payload=payload, expires_at_ms=expires_at_ms)
        self.fleet.standing(account_id).heard_qr(told)

    def paired(self, account_id: str, phone: str = OWN) -> None:
        """Let the worker tell that the phone is linked, and connected."""
        jid = f"{phone}:3@s.whatsapp.net"
        self.fleet.standing(account_id).heard_paired(pb.Paired(phone=phone, jid=jid))
        self.state(account_id, pb.CONNECTED)

    async def message(
        self,
        account_id: str,
        text: str,
        *,
        chat: str = "40722000111@s.whatsapp.net",
        name: str = "Ana Pop",
        sender: str = "",
        from_me: bool = False,
        kind: str = "text",
        at_ms: int | None = None,
    ) -> str:
        """Let a message arrive; return its WhatsApp id."""
        self._messages += 1
        told = pb.Message(
            id=f"3EB0{self._messages:018X}",
            chat=chat,
            sender=sender or chat,
            from_me=from_me,
            timestamp_ms=self.now_ms() if at_ms is None else at_ms,
            push_name="" if from_me else name,
            kind=kind,
            text=text,
        )
        await self.happened(account_id, pb.Event(message=told))
        return told.id

    async def receipt(self, account_id: str, chat: str, kind: pb.Receipt.Kind, *ids: str) -> None:
        """Let a receipt arrive."""
        told = pb.Receipt(kind=kind, chat=chat, ids=ids, timestamp_ms=self.now_ms())
        await self.happened(account_id, pb.Event(receipt=told))

    async def happened(self, account_id: str, *events: pb.Event) -> None:
        """Let a batch arrive from the worker."""
        self._batches += 1
        await self.inbox.accept(account_id, pb.Inbound(batch_id=self._batches, events=events))


@contextlib.asynccontextmanager
async def open_stage(directory: Path) -> AsyncIterator[tuple[Stage, Outbox]]:
    """Open everything, and listen."""
    store = await SqliteStore.open(directory / "wakeeper.db")
    events = EventBus()
    fleet = PlayedFleet(store, events)
    stage = Stage(store, events, fleet)
    policy = OutboxPolicy(answer_wait_s=2, retry_min_s=0.1, retry_max_s=0.2)
    outbox = Outbox(store, fleet, events, SystemClock(), owner="stage", policy=policy)
    running = asyncio.create_task(outbox.run())
    await stage.serve(outbox)
    try:
        yield stage, outbox
    finally:
        await stage.close()
        outbox.stop()
        await running
        await fleet.close()
        await store.close()
