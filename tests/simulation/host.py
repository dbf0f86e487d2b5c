"""A host's slot for one supervisor: the real manager and guard, a crew, and its workers."""

import asyncio
from dataclasses import dataclass
from random import Random

from shared.errors import StoreError, WakeeperError
from supervisor.lease.document import Incarnation, LeaseDocument
from supervisor.lease.guard import LeaseGuard
from supervisor.lease.manager import LeaseManager
from supervisor.lease.timing import LeaseTiming
from supervisor.restarts import Policy
from supervisor.store.contract import Fenced
from tests.simulation.loop import Process, SimLoop
from tests.simulation.machine import Machine
from tests.simulation.server import Server
from tests.simulation.wire import StoreClient, Wire
from tests.simulation.worker import Worker

ACCOUNTS = ("account_a", "account_b")
PDEATHSIG_WORKS = 0.7  # where it does not, an orphan lives until its deadline
LOCK_DELAY_S = Policy().lock_delay_s


class SimCrew:
    """Fulfils `Crew`: spawns a worker per account, tells deadlines, ends them."""

    def __init__(self, host: "Host", process: Process, client: StoreClient, me: str) -> None:
        self.host = host
        self.process = process
        self.client = client
        self.me = me
        self.guard: LeaseGuard
        self.manager: LeaseManager
        self._changed = asyncio.Event()
        self._mine: list[Worker] = []  # an orphan of our predecessor has no link to us
        self._hard_ns = 0
        self._stopping = False

    @property
    def living(self) -> list[Worker]:
        return [worker for worker in self._mine if worker.alive]

    async def fence(self, epoch: int) -> None:
        timeout_s = self.host.timing.rpc_s
        await self.client.raise_to(ACCOUNTS, epoch, self.me, timeout_s=timeout_s)

    async def start(self, epoch: int) -> None:
        self._stopping = False
        for account in ACCOUNTS:
            await asyncio.sleep(0.05 + self.host.random.random() / 2)
            self._ensure(account, epoch)
        self.process.spawn(self._write_for_ever(epoch))

    def _ensure(self, account: str, epoch: int) -> None:
        """Start the account's worker if that is allowed; try again while its lock is taken."""
        if self._stopping or self.process.dead or not self.guard.holds:
            return
        if self.guard.epoch != epoch:
            return
        if self.host.is_locked(account):  # by a predecessor's, which lives until its deadline
            self.process.call_later(LOCK_DELAY_S, self._ensure, account, epoch)
            return
        worker = self.host.spawn(account, epoch, self._hard_ns)
        self._mine = [*self.living, worker]
        worker.ended = lambda: self._reap_later(account, epoch)

    def _reap_later(self, account: str, epoch: int) -> None:
        self.process.call_later(0.002, self._reaped, account, epoch)

    def _reaped(self, account: str, epoch: int) -> None:
        self._changed.set()
        self.process.call_later(1 + self.host.random.random(), self._ensure, account, epoch)

    def deadline_moved(self, hard_ns: int) -> None:
        self._hard_ns = hard_ns
        for worker in self.living:
            worker.hear_deadline(hard_ns)

    async def stop(self, *, kill_now: bool, until_ns: int, reason: str) -> bool:  # noqa: ARG002
        self._stopping = True
        if not kill_now:
            for worker in self.living:
                worker.terminate()
            await self._until_none_lives((until_ns - self.host.machine.boot_ns()) / 1e9)
        for worker in self.living:
            worker.kill()
        await self._until_none_lives(20)
        return not self.living

    async def _until_none_lives(self, length_s: float) -> None:
        try:
            async with asyncio.timeout(length_s):
                while self.living:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass

    async def _write_for_ever(self, epoch: int) -> None:
        """Write for the accounts now and then; each write passes the guard before it is sent."""
        while self.guard.epoch == epoch:
            await asyncio.sleep(3 + 8 * self.host.random.random())
            try:
                self.guard.check_finishing("write")
                account = self.host.random.choice(ACCOUNTS)
                await self.client.write(account, epoch, self.me, timeout_s=10)
            except Fenced:
                self.manager.fenced(epoch)
            except StoreError:
                continue
            except WakeeperError:
                return


@dataclass(frozen=True)
class Parts:
    """What the simulation is made of; mutants replace one of them."""

    manager: type[LeaseManager] = LeaseManager
    guard: type[LeaseGuard] = LeaseGuard
    worker: type[Worker] = Worker
    crew: type[SimCrew] = SimCrew
    checks_fences: bool = True


class Host:
    """One slot for a supervisor, with a state directory of its own, on a machine."""

    def __init__(
        self,
        loop: SimLoop,
        machine: Machine,
        server: Server,
        random: Random,
        *,
        name: str,
        timing: LeaseTiming,
        parts: Parts,
    ) -> None:
        self.loop = loop
        self.machine = machine
        self.server = server
        self.random = random
        self.name = name
        self.timing = timing
        self.parts = parts
        self.wire = Wire(loop, random)
        self.workers: dict[str, Worker] = {}
        self.process: Process | None = None
        self.manager: LeaseManager | None = None
        self.faults: list[str] = []
        self._starts = 0
        self._spawns = 0

    @property
    def is_up(self) -> bool:
        return self.process is not None and not self.process.dead

    def note(self, event: str, epoch: int, **more: object) -> None:
        self.server.note(event, self.name, epoch, **more)

    def start(self) -> bool:
        """Start a supervisor; refused, as by the lock on its directory, while one is there."""
        if self.is_up:
            return False
        self._starts += 1
        process = self.process = Process(self.loop, self.machine, f"{self.name}#{self._starts}")
        process.spawn(self._live(process))
        return True

    async def _live(self, process: Process) -> None:
        me = self._incarnation(process)
        client = StoreClient(process, self.wire, self.server, host=self.name, timing=self.timing)
        crew = self.parts.crew(self, process, client, me.id)
        guard = crew.guard = self.parts.guard(self.machine, self.timing)
        manager = self.manager = self.parts.manager(
            client,
            client,
            crew,
            guard,
            me=me,
            timing=self.timing,
            clock=self.machine,
            rng=self.random.randbytes,
            former_is_dead=self._is_dead,
            yields=True,
        )
        crew.manager = manager
        try:
            await manager.run()
        except WakeeperError as error:
            self.note("gave_up", guard.epoch, why=str(error))
        except Exception as error:  # noqa: BLE001 — a fault of ours: the run fails by it
            self.faults.append(f"{process.name}: {error!r}")
        if not process.dead:
            self.loop.call_soon(self.crash)

    def _incarnation(self, process: Process) -> Incarnation:
        return Incarnation(
            id=f"{process.name}/{self.random.getrandbits(64):x}",
            host=self.machine.name,
            boot_id=self.machine.boot_id,
            state_id=f"state of {self.name}",
            instance_id=self.name,
            pid=self._starts,
            version="0",
        )

    def _is_dead(self, _: LeaseDocument) -> bool:
        """Tell whether nobody of before holds a lock: the supervisor's is ours already."""
        return not any(self.is_locked(account) for account in ACCOUNTS)

    def is_locked(self, account: str) -> bool:
        worker = self.workers.get(account)
        return worker is not None and worker.alive

    def spawn(self, account: str, epoch: int, hard_ns: int) -> Worker:
        self._spawns += 1
        worker = self.workers[account] = self.parts.worker(
            self.loop,
            self.machine,
            self.random,
            account=account,
            name=f"{self.name}-{self._spawns}",
            epoch=epoch,
            hard_ns=hard_ns,
            note=self.note,
        )
        return worker

    def crash(self) -> None:
        """End the supervisor as SIGKILL does; its workers follow, mostly."""
        if self.process is None or self.process.dead:
            return
        self.process.kill()
        self.manager = None
        for worker in self.workers.values():
            if worker.alive and self.random.random() < PDEATHSIG_WORKS:
                worker.kill()

    def lose_power(self) -> None:
        """End everything that runs here."""
        self.crash()
        for worker in self.workers.values():
            worker.die()
