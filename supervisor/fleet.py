"""The fleet: which accounts should run, and a keeper for each that does.

One account's trouble stays its own: whatever goes wrong in a keeper is logged, ends that keeper's
worker, and leaves the others alone.
"""

import asyncio
import contextvars
from dataclasses import replace
from typing import Final

from shared import link_pb2 as pb
from shared.accounts import AccountStatus, parse_account_id
from shared.disconnects import REPLACED
from shared.errors import StoreError, WakeeperError
from shared.logs import get_logger
from supervisor.api.doors import BY_PERSON, AccountView, FleetCondition, WorkerUnavailable
from supervisor.events import AccountState
from supervisor.keeper import GONE, Household, Keeper
from supervisor.store.contract import StatusConflict, UnknownAccount
from supervisor.store.records import NO_SESSION, AccountChanges, AccountRecord
from supervisor.workers import WorkerHandle, WorkerStuck

log = get_logger(__name__)

RUNNING: Final = frozenset({
    AccountStatus.CONNECTING, AccountStatus.QR_READY, AccountStatus.AWAITING_SCAN,
    AccountStatus.PAIRING, AccountStatus.CONNECTED, AccountStatus.RECONNECTING,
    AccountStatus.PASSIVE,
})  # fmt: skip
END_TIMEOUT_S: Final = 10.0  # for the last words to reach the store


def should_run(record: AccountRecord) -> bool:
    """Tell whether an account runs without anybody asking for it.

    One whose keys another client uses does not: two that reconnect by themselves fight for ever.
    """
    if record.status is AccountStatus.DISCONNECTED:
        return record.reason not in BY_PERSON and record.code != REPLACED.code
    return record.status in RUNNING


class Fleet:
    """All keepers; the API and the outbox see it as `supervisor.api.doors.Fleet`."""

    def __init__(self, house: Household) -> None:
        self._house = house
        self._keepers: dict[str, Keeper] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._relays: set[asyncio.Task[None]] = set()
        self._removals: set[asyncio.Task[None]] = set()
        self._strays = 0
        self._draining = False

    # ------------------------------------------------------------------------ start and end

    async def start(self) -> int:
        """Start every account that should run, also after `drain` or `kill`; return how many.

        Raises:
            StoreError: the accounts can't be read.
            NotHolding: the lease is not ours.
        """
        self._draining = False
        records = await self._house.accounts.list()
        await self._look_for_strays(records)
        for record in records:
            if record.status is AccountStatus.DELETING:
                self._finish_removal(record.account_id)
        running = [record.account_id for record in records if should_run(record)]
        for account_id in running:
            await self.ensure(account_id)
        log.info("fleet_started", accounts=len(running))
        return len(running)

    async def _look_for_strays(self, records: list[AccountRecord]) -> None:
        """Report sessions on disk that no account has; they are not started, nor touched."""
        known = {each.account_id for each in records if each.status is not AccountStatus.DELETED}
        try:
            found = await self._house.quarantine.sessions()
        except OSError as error:
            log.warning("sessions_not_listed", error=error)
            return
        strays = [account_id for account_id in found if account_id not in known]
        self._strays = len(strays)
        if strays:
            log.warning("sessions_without_account", account_ids=strays[:20], count=len(strays))

    def _finish_removal(self, account_id: str) -> None:
        """Go on with a deletion that a former supervisor began."""
        task = asyncio.create_task(self._remove_quietly(account_id), context=contextvars.Context())
        self._removals.add(task)
        task.add_done_callback(self._removals.discard)

    async def _remove_quietly(self, account_id: str) -> None:
        try:
            await self.remove(account_id)
        except WakeeperError as error:
            log.error("account_not_removed", account_id=account_id, error=error)

    async def drain(self, *, reason: str = "the supervisor stops") -> None:
        """End all workers at once; what the store says of the accounts stays as it is."""
        self._draining = True
        keepers = tuple(self._keepers.values())
        results = await asyncio.gather(
            *(keeper.end(reason=reason) for keeper in keepers), return_exceptions=True
        )
        for keeper, result in zip(keepers, results, strict=True):
            if isinstance(result, Exception):
                log.error("worker_not_ended", account_id=keeper.account_id, error=result)
        await self.settle()

    async def settle(self, within_s: float = END_TIMEOUT_S) -> None:
        """Let the keepers that end write their last words, for a bounded time."""
        await self._settle(tuple(self._tasks.values()), within_s)

    def kill(self) -> None:
        """End all workers without a word; `reaped` tells when that has taken effect."""
        self._draining = True
        keepers = tuple(self._keepers.values())
        for keeper in keepers:
            keeper.kill()
        kept = {keeper.worker for keeper in keepers}
        for worker in self.living():
            if worker not in kept:  # its keeper has failed
                worker.kill()

    async def reaped(self, within_s: float) -> bool:
        """Wait until no worker lives any more; tell whether that came in time."""
        try:
            async with asyncio.timeout(within_s):
                while living := self.living():
                    await asyncio.gather(*(worker.gone() for worker in living))
        except TimeoutError:
            return False
        return True

    def living(self) -> list[WorkerHandle]:
        """Return the workers that have a process, or may soon have one."""
        workers = self._house.workers
        workers.difference_update([worker for worker in workers if not worker.living])
        return list(workers)

    def relay(self, deadline_ns: int) -> None:
        """Tell every worker until when (CLOCK_BOOTTIME) it may live; returns at once."""
        for worker in self.living():
            if worker.linked:
                task = asyncio.create_task(self._relay(worker, deadline_ns))
                self._relays.add(task)
                task.add_done_callback(self._relays.discard)

    async def _relay(self, worker: WorkerHandle, deadline_ns: int) -> None:
        try:
            await worker.tell(pb.Deadline(deadline_boot_ns=deadline_ns))
        except WorkerUnavailable as error:  # it ends at its present deadline, unless one comes
            log.info("deadline_not_relayed", account_id=worker.account_id, why=error.message)

    async def _settle(
        self, tasks: tuple[asyncio.Task[None], ...], within_s: float = END_TIMEOUT_S
    ) -> None:
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # ------------------------------------------------------------------------------- orders

    async def ensure(self, account_id: str) -> None:
        """See to it that the account's worker runs; returns before it is connected.

        Raises:
            InvalidAccountId: not an account id.
            WorkerUnavailable: this supervisor is stopping.
            NotHolding: the lease is not ours.
        """
        self._check(account_id, "start a worker")
        async with self._turn(account_id):
            self._check(account_id, "start a worker")
            keeper = self._keepers.get(account_id)
            if keeper is not None and not keeper.resting:
                keeper.hurry()
                return
            if keeper is not None:
                await self._settle((self._tasks[account_id],))
            self._begin(account_id)

    def _check(self, account_id: str, act: str) -> None:
        parse_account_id(account_id)  # it becomes a directory's name
        self._house.check(act)
        if self._draining:
            raise WorkerUnavailable("the supervisor is stopping", hint="try again shortly")

    def _begin(self, account_id: str) -> None:
        keeper = self._keepers[account_id] = Keeper(account_id, self._house)
        # A context of its own: whoever asked for it is not in every later log line.
        self._tasks[account_id] = asyncio.create_task(
            self._keep(keeper), name=f"keeper {account_id}", context=contextvars.Context()
        )

    async def stop(self, account_id: str, *, reason: str, unlink: bool = False) -> None:
        """Stop the worker and wait until it is gone; the account becomes `disconnected`.

        Raises:
            WorkerStuck: the process can't be killed.
        """
        async with self._turn(account_id):
            await self._end(
                account_id, reason=reason, unlink=unlink, status=AccountStatus.DISCONNECTED
            )

    async def set_aside(self, account_id: str, *, reason: str) -> None:
        """Stop the worker and put the session into quarantine; the account needs a QR then.

        Raises:
            StatusConflict: the account is being deleted, or is deleted.
            SessionBusy, SessionUnmoved: the session could not be moved; repeat it.
            UnknownAccount, WorkerStuck, WorkerUnavailable, NotHolding, StoreError: not done.
        """
        async with self._turn(account_id):
            await self._clear(account_id, reason)
            await self._set_status(account_id, AccountStatus.NEEDS_QR, reason)

    async def pair_anew(self, account_id: str) -> None:
        """Put the session into quarantine and start the account without one: it shows a QR.

        Raises:
            Whatever `set_aside` raises.
        """
        async with self._turn(account_id):
            await self._clear(account_id, "a new QR code is asked for")
            await self._set_status(account_id, AccountStatus.CONNECTING, None)
            self._begin(account_id)

    async def remove(self, account_id: str) -> None:
        """Finish what `deleting` began: unlink the device, remove its sessions; then `deleted`.

        Nothing happens to an account that is not `deleting`. The device can be unlinked only while
        it is connected. Threads and messages stay.

        Raises:
            SessionBusy, SessionUnmoved, WorkerStuck, WorkerUnavailable, NotHolding, StoreError:
                not done; repeat it.
        """
        async with self._turn(account_id):
            self._check(account_id, "delete an account")
            record = await self._house.accounts.get(account_id)
            if record is None or record.status is not AccountStatus.DELETING:
                return
            await self._end(account_id, reason="the account is deleted", unlink=True)
            await self._house.quarantine.remove(account_id)
            await self._change(account_id, replace(NO_SESSION, jid="", lid="", push_name=""))
            await self._set_status(account_id, AccountStatus.DELETED, None)

    async def _clear(self, account_id: str, reason: str) -> None:
        """End the worker, and move the session away."""
        self._check(account_id, reason)
        record = await self._house.accounts.get(account_id)
        if record is None:
            raise UnknownAccount(f"change account {account_id}: there is none")
        if record.status in GONE:
            raise StatusConflict(f"change account {account_id}: it is {record.status}")
        await self._end(account_id, reason=reason)
        await self._house.quarantine.set_aside(account_id)
        await self._change(account_id, NO_SESSION)

    async def _end(
        self,
        account_id: str,
        *,
        reason: str,
        unlink: bool = False,
        status: AccountStatus | None = None,
    ) -> None:
        """End the account's keeper, if it has one, and wait until everything is written."""
        keeper = self._keepers.get(account_id)
        if keeper is not None:
            task = self._tasks[account_id]
            await keeper.end(reason=reason, unlink=unlink, status=status)
            await self._settle((task,))

    async def _change(self, account_id: str, changes: AccountChanges) -> None:
        await self._house.accounts.update(account_id, changes, at_ms=self._house.now_ms())

    async def _set_status(self, account_id: str, status: AccountStatus, reason: str | None) -> None:
        at_ms = self._house.now_ms()
        await self._house.accounts.set_status(account_id, status, at_ms=at_ms, reason=reason)
        self._house.events.publish(AccountState(account_id, status, at_ms, reason))

    async def _keep(self, keeper: Keeper) -> None:
        try:
            await keeper.run()
        except Exception:
            log.exception("keeper_failed", account_id=keeper.account_id)
            await self._rescue(keeper)
        finally:
            self._keepers.pop(keeper.account_id, None)
            self._tasks.pop(keeper.account_id, None)

    async def _rescue(self, keeper: Keeper) -> None:
        """After a fault of ours: no worker is left without a keeper, and the account says so."""
        reason = "a fault of the supervisor; its log has the details, please report them"
        try:
            await keeper.end(reason=reason)
            await self._house.accounts.set_status(
                keeper.account_id,
                AccountStatus.DISCONNECTED,
                at_ms=int(self._house.clock.wall_s() * 1000),
                reason=reason,
            )
        except (WorkerStuck, StoreError):
            log.exception("keeper_not_rescued", account_id=keeper.account_id)

    def _turn(self, account_id: str) -> asyncio.Lock:
        """Orders about one account come one after the other."""
        return self._turns.setdefault(account_id, asyncio.Lock())

    # ----------------------------------------------------------------------------- questions

    def view(self, account_id: str) -> AccountView | None:
        """Return the live state, None when the account has no keeper."""
        keeper = self._keepers.get(account_id)
        return keeper.standing.view if keeper is not None else None

    def views(self) -> list[AccountView]:
        """Return the live states of all accounts that have one."""
        return [keeper.standing.view for keeper in self._keepers.values()]

    def condition(self) -> FleetCondition:
        """Return what concerns more than one account."""
        return FleetCondition(self._house.starts.held, self._strays)

    async def send(self, account_id: str, send: pb.Send, timeout_s: float) -> pb.SendResult:
        """Hand a message to the worker and return what became of it.

        Raises:
            WorkerUnavailable: no worker, no connection, or no answer within `timeout_s`.
        """
        return await self._worker(account_id).send(send, timeout_s)

    async def mark_read(self, account_id: str, mark: pb.MarkRead) -> None:
        """Tell the senders that their messages are read.

        Raises:
            WorkerUnavailable: no worker, or no connection.
        """
        await self._worker(account_id).tell(mark)

    def _worker(self, account_id: str) -> WorkerHandle:
        keeper = self._keepers.get(account_id)
        if keeper is None or keeper.worker is None:
            raise WorkerUnavailable(
                f"{account_id} has no running worker", hint="connect the account first"
            )
        return keeper.worker

    # ------------------------------------------------------------------ what workers tell us

    def on_state(self, worker: WorkerHandle, state: pb.State) -> None:
        """Pass on what a worker says of its connection."""
        if keeper := self._keeper_of(worker):
            keeper.standing.heard_state(state)
            if state.state == pb.CONNECTED:
                self._house.starts.proved(worker.account_id)

    def on_qr(self, worker: WorkerHandle, qr: pb.Qr) -> None:
        """Pass on a QR."""
        if keeper := self._keeper_of(worker):
            keeper.standing.heard_qr(qr)
            if qr.payload:
                self._house.starts.proved(worker.account_id)

    def on_paired(self, worker: WorkerHandle, paired: pb.Paired) -> None:
        """Pass on which phone was linked."""
        if keeper := self._keeper_of(worker):
            keeper.standing.heard_paired(paired)

    def on_heartbeat(self, worker: WorkerHandle, beat: pb.Heartbeat) -> None:
        """Pass on that a worker is alive, and how its work goes."""
        if keeper := self._keeper_of(worker):
            keeper.pulse.heard(beat)

    def _keeper_of(self, worker: WorkerHandle) -> Keeper | None:
        """Return the keeper of exactly this worker; a former one's late words are dropped."""
        keeper = self._keepers.get(worker.account_id)
        return keeper if keeper is not None and keeper.worker is worker else None
