"""The store's server: compare-and-set, with a clock of its own, and fences."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.errors import StoreError
from supervisor.lease.decisions import Seen
from supervisor.store.contract import Fenced, PreconditionFailed, Wish, Written
from tests.simulation.history import Event
from tests.simulation.loop import SimLoop

Fields = Mapping[str, Any]


class Server:
    """Every method is one request, applied at once and whole."""

    def __init__(self, loop: SimLoop, events: list[Event]) -> None:
        self._loop = loop
        self.events = events
        self.document: dict[str, Any] | None = None
        self.fences: dict[str, tuple[int, str]] = {}
        self.wishes: dict[str, int] = {}
        self.watchers: list[Callable[[], None]] = []
        self.checks_fences = True
        self._version = 0
        self._updated_ns = 0

    def now_ns(self) -> int:
        return int((1.7e9 + self._loop.now_s) * 1e9)

    def note(self, event: str, host: str, epoch: int, **more: Any) -> None:
        self.events.append(Event(self._loop.now_s, event, host, epoch, more))

    # ------------------------------------------------------------------ the lease

    def read(self) -> Seen:
        if self.document is None:
            return Seen(None, self.now_ns(), 0, None)
        return Seen(dict(self.document), self.now_ns(), self._updated_ns, self._version)

    def create(self, host: str, fields: Fields) -> Written:
        if self.document is not None:
            raise PreconditionFailed("there is a document")
        return self._put(host, dict(fields))

    def replace(self, host: str, fields: Fields, expected: object) -> Written:
        if self.document is None or self._version != expected:
            raise PreconditionFailed("the document has changed")
        return self._put(host, {**self.document, **fields})

    def _put(self, host: str, document: dict[str, Any]) -> Written:
        before = self.document or {}
        if document != before:  # a write that changes nothing is none, as in Firestore
            self._version += 1
            self._updated_ns = self.now_ns()
            self.document = document
            self._tell(host, before, document)
        return Written(self._updated_ns, self._version)

    def _tell(self, host: str, before: Fields, after: Fields) -> None:
        holder, epoch = after["holder"], after["epoch"]
        if holder is None and before.get("holder") is not None:
            self.note("release", host, epoch, holder=before["holder"])
        taken = (holder, epoch) != (before.get("holder"), before.get("epoch"))
        if taken and holder is not None and holder != "recreated":
            self.note("acquire", host, epoch, holder=holder)
        if taken:
            for watcher in self.watchers:
                watcher()

    def edit(self, document: dict[str, Any] | None) -> None:
        """Let somebody change it by hand."""
        self._version += 1
        self._updated_ns = self.now_ns()
        self.document = document
        self.note("edited", "operator", 0)

    def wish(self, incarnation: str) -> None:
        self.wishes[incarnation] = self.now_ns()

    def wished(self) -> list[Wish]:
        now_ns = self.now_ns()
        latest = sorted(self.wishes.items(), key=lambda item: -item[1])
        return [Wish(incarnation, at_ns, now_ns) for incarnation, at_ns in latest]

    def clear_wish(self, incarnation: str) -> None:
        self.wishes.pop(incarnation, None)

    # ------------------------------------------------------------------ accounts

    def raise_to(self, host: str, accounts: Sequence[str], epoch: int, holder: str) -> None:
        for account in accounts:
            self._pass(account, epoch, holder)
        for account in accounts:
            self.fences[account] = (epoch, holder)
            self.note("fence", host, epoch, account=account)

    def highest(self) -> int:
        return max((epoch for epoch, _ in self.fences.values()), default=0)

    def write(self, host: str, account: str, epoch: int, holder: str) -> None:
        try:
            if self.checks_fences:
                self._pass(account, epoch, holder)
        except StoreError:
            self.note("write_rejected", host, epoch, account=account)
            raise
        self.note("write_accepted", host, epoch, account=account)

    def _pass(self, account: str, epoch: int, holder: str) -> None:
        found = self.fences.get(account, (0, ""))
        if found != (epoch, holder) and found[0] >= epoch:
            raise Fenced(f"{account} carries epoch {found[0]}")
