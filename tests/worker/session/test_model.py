"""Random histories of units, failures and reopenings against a plain model of the file."""

import copy
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.worker.session.still_clock import StillClock
from worker.session import Credentials, SessionFile, UnitOfWork
from worker.session.ratchets import Trust
from worker.session.spool import Delivery, Key

names = st.sampled_from(["4915", "4916", "77@lid", "88@lid"])
devices = st.integers(0, 2)
blobs = st.binary(max_size=20)
numbers = st.integers(0, 5)
CHAT = "4915@s.whatsapp.net"


@dataclass
class Model:
    """What the file should hold."""

    sessions: dict[tuple[str, int], bytes] = field(default_factory=dict)
    identities: dict[tuple[str, int], bytes] = field(default_factory=dict)
    waiting: dict[int, int] = field(default_factory=dict)  # spool id -> message number
    handled: set[int] = field(default_factory=set)
    lids: dict[str, str] = field(default_factory=dict)


class SessionMachine(RuleBasedStateMachine):
    """Every rule is a unit; some fail at their end, and the file must not show it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "session.db"
        self.clock = StillClock()
        self.model = Model()
        self.file = SessionFile.create(
            self.path, self.clock, lambda u: u.credentials.put(Credentials.generate(self.clock))
        )

    def teardown(self) -> None:
        self.file.close()
        self.folder.cleanup()

    @rule(name=names, device=devices, record=blobs)
    def put_session(self, name: str, device: int, record: bytes) -> None:
        with self.file.unit() as unit:
            unit.sessions.put(f"{name}.{device}", record)
        self.model.sessions[name, device] = record

    @rule(name=names, device=devices)
    def delete_session(self, name: str, device: int) -> None:
        with self.file.unit() as unit:
            unit.sessions.delete(f"{name}.{device}")
        self.model.sessions.pop((name, device), None)

    @rule(name=names, device=devices, first=st.integers(0, 1))
    def meet_identity(self, name: str, device: int, first: int) -> None:
        key, known = bytes([first]) * 32, self.model.identities.get((name, device))
        expected = Trust.NEW if known is None else Trust.SAME if known == key else Trust.CHANGED
        with self.file.unit() as unit:
            assert unit.identities.trust(f"{name}.{device}", key) is expected
            unit.identities.put(f"{name}.{device}", key)
        self.model.identities[name, device] = key

    @rule(pn=st.sampled_from(["4915", "4916"]), lid=st.sampled_from(["77@lid", "88@lid"]))
    def migrate(self, pn: str, lid: str) -> None:
        with self.file.unit() as unit:
            unit.sessions.migrate(pn, lid)
        for rows in (self.model.sessions, self.model.identities):
            for device in range(3):
                if (pn, device) in rows and (lid, device) not in rows:
                    rows[lid, device] = rows.pop((pn, device))

    @rule(number=numbers)
    def receive(self, number: int) -> None:
        with self.file.unit() as unit:
            spooled = unit.spool.add(key(number), str(number).encode())
        if number in self.model.handled:
            assert (spooled.delivery, spooled.id) == (Delivery.DELIVERED, None)
        elif number in self.model.waiting.values():
            assert spooled.delivery is Delivery.WAITING
            assert self.model.waiting[spooled.id or 0] == number
        else:
            assert spooled.delivery is Delivery.NEW
            self.model.waiting[spooled.id or 0] = number

    @rule(ids=st.lists(st.integers(1, 12), max_size=4))
    def deliver(self, ids: list[int]) -> None:
        with self.file.unit() as unit:
            unit.spool.delivered(ids)
        gone = [self.model.waiting.pop(i) for i in set(ids) if i in self.model.waiting]
        self.model.handled.update(gone)

    @rule(lid=st.sampled_from("abc"), pn=st.sampled_from("xyz"))
    def learn(self, lid: str, pn: str) -> None:
        news = self.model.lids.get(lid) != pn
        with self.file.unit() as unit:
            assert unit.lids.learn(lid, pn) is news
        if news:
            kept = {k: v for k, v in self.model.lids.items() if k != lid and v != pn}
            self.model.lids = {**kept, lid: pn}

    @rule(number=numbers, name=names, record=blobs)
    def fail(self, number: int, name: str, record: bytes) -> None:
        before = copy.deepcopy(self.model)
        try:
            with self.file.unit() as unit:
                unit.sessions.put(f"{name}.0", record)
                unit.sessions.migrate("4915", "77@lid")
                unit.spool.add(key(number), b"never")
                unit.spool.delivered(range(13))
                raise LookupError
        except LookupError:
            self.model = before

    @rule()
    def reopen(self) -> None:
        self.file.close()
        self.file = SessionFile.open(self.path, self.clock)

    @rule()
    def restore_a_snapshot(self) -> None:
        taken = self.path.with_name("snapshot.db")
        self.file.snapshot(taken)
        self.file.close()
        self.path.unlink()
        self.file = SessionFile.restore(self.path, self.clock, taken.read_bytes())

    @invariant()
    def the_file_holds_what_the_model_holds(self) -> None:
        with self.file.unit() as unit:
            assert stored(unit) == self.model


def key(number: int) -> Key:
    return Key("message", CHAT, f"3EB{number}", CHAT)


def stored(unit: UnitOfWork) -> Model:
    known = [(n, d) for n in ("4915", "4916", "77@lid", "88@lid") for d in range(3)]
    sessions = {a: unit.sessions.get(f"{a[0]}.{a[1]}") for a in known}
    identities = {a: unit.identities.get(f"{a[0]}.{a[1]}") for a in known}
    return Model(
        sessions={a: r for a, r in sessions.items() if r is not None},
        identities={a: k for a, k in identities.items() if k is not None},
        waiting={row.id: int(row.payload) for row in unit.spool.waiting(100)},
        handled={n for n in range(6) if unit.handled.has(key(n))},
        lids=dict(unit.lids.pairs()),
    )


TestSessionModel = SessionMachine.TestCase
TestSessionModel.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
