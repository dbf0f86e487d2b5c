"""Showing QR codes until a phone scans one, and keeping what comes of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared import link_pb2
from shared.clock import Clock
from shared.disconnects import QR_EXHAUSTED
from shared.logs import get_logger
from worker.session import Credentials, SessionFile
from worker.session.credentials import random_name
from worker.wire import Jid, Node
from worker.wire.curve import Rng

from . import identity, pairing
from .connection import ConnectionEnded
from .outlet import Outlet
from .queries import answered
from .socket import ConnectionLost
from .states import State

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rotation:
    """For how long each code of a set is shown (whatsmeow qrchan.go), and what follows a scan.

    Attributes:
        first_s: the first code.
        next_s: each further one.
        restart_s: from our answer to a scan until the server must have ended the stream (515).
    """

    first_s: float = 60.0
    next_s: float = 20.0
    restart_s: float = 30.0


@dataclass(slots=True)
class Window:
    """How long codes are shown: from the first one on, over several connections."""

    length_s: float
    closes_ns: int | None = None

    def open(self, clock: Clock) -> None:
        """Begin to count, unless it has begun."""
        if self.closes_ns is None:
            self.closes_ns = clock.boot_ns() + int(self.length_s * 1e9)

    def left_s(self, clock: Clock) -> float:
        """Return the seconds until it closes."""
        assert self.closes_ns is not None
        return max(0.0, (self.closes_ns - clock.boot_ns()) / 1e9)


class PairingDesk:
    """Pairs one account; serves all connections it takes."""

    def __init__(
        self,
        file: SessionFile,
        clock: Clock,
        rng: Rng,
        outlet: Outlet,
        announce: Callable[[State, str], None],
        *,
        wanted_phone: str,
        window_s: float,
        rotation: Rotation | None = None,
    ) -> None:
        """Make a desk.

        Args:
            file: gets the credentials.
            clock: for how long codes are shown.
            rng: randomness.
            outlet: gets the codes, and the news of a pairing.
            announce: takes a new state of the connection and its reason.
            wanted_phone: digits of the number that must scan; empty for any.
            window_s: for how long codes are shown in all.
            rotation: for how long each of them.
        """
        self._file = file
        self._clock = clock
        self._rng = rng
        self._outlet = outlet
        self._announce = announce
        self._wanted_phone = wanted_phone
        self._window = Window(window_s)
        self._rotation = rotation or Rotation()
        self._scanned = asyncio.Event()
        self.notice = ""

    async def offer(
        self, query: Node, credentials: Credentials, write: Callable[[Node], None]
    ) -> None:
        """Show the codes of one `<pair-device>`, one after the other, until one is scanned.

        Raises:
            ConnectionEnded: nobody scanned for as long as codes are shown.
            ConnectionLost: this set is used up; another connection brings a fresh one.
        """
        write(answered(query))
        child = query.child("pair-device")
        assert child is not None
        codes = pairing.qr_payloads(child, credentials)
        self._window.open(self._clock)
        self._scanned.clear()
        self._announce(State.AWAITING_SCAN, self.notice)
        for number, code in enumerate(codes):
            shown_s = self._rotation.next_s if number else self._rotation.first_s
            if await self._show(code, shown_s):
                return
        raise ConnectionLost("show QR codes: this set is used up, a fresh one is fetched")

    async def _show(self, code: str, for_s: float) -> bool:
        """Show one code for its time; tell whether it was scanned."""
        shown_s = min(for_s, self._window.left_s(self._clock))
        if shown_s <= 0:
            self.take_back()
            raise ConnectionEnded(QR_EXHAUSTED)
        expires_ms = int((self._clock.wall_s() + shown_s) * 1000)
        self._outlet.qr(link_pb2.Qr(payload=code, expires_at_ms=expires_ms))
        try:
            async with asyncio.timeout(shown_s):
                await self._scanned.wait()
        except TimeoutError:
            return False
        return True

    def take_back(self) -> None:
        """Show no code any more."""
        self._outlet.qr(link_pb2.Qr())

    async def accept(
        self, query: Node, credentials: Credentials, send: Callable[[Node], Awaitable[None]]
    ) -> None:
        """Check what a phone's scan brought, keep it, and answer.

        Raises:
            PairingRefused: it does not check out, or it is another phone; the server was told.
            ConnectionLost: the server does not end the stream, as it should now.
        """
        self._scanned.set()
        self.take_back()
        try:
            paired = pairing.accept(
                query,
                credentials,
                wanted_phone=self._wanted_phone,
                session_id=random_name(self._rng),
                rng=self._rng,
            )
        except pairing.PairingRefused as refused:
            self.notice = str(refused)
            await send(pairing.refusal(query, refused))
            raise
        self._keep(paired.credentials)
        await send(paired.answer)
        self.notice = ""
        self._announce(State.PAIRING, "")
        self._outlet.paired(_news(paired.credentials))
        await asyncio.sleep(self._rotation.restart_s)
        raise ConnectionLost("finish pairing: the server did not ask for a new connection (515)")

    def _keep(self, credentials: Credentials) -> None:
        """Make the pairing durable, with the phone's own identity; before the server is told."""
        assert credentials.jid is not None
        with self._file.unit() as unit:
            # Learned on this connection, after the credentials were read.
            routing_info = unit.credentials.get().routing_info
            unit.credentials.put(credentials.replace(routing_info=routing_info))
            phone = Jid.parse(credentials.jid).bare
            if credentials.lid:
                identity.learn(unit, [(Jid.parse(credentials.lid).bare, phone)])
            if credentials.account_signature_key:
                at = str(identity.address(unit, phone))
                unit.identities.put(at, credentials.account_signature_key)


def _news(credentials: Credentials) -> link_pb2.Paired:
    assert credentials.jid is not None
    return link_pb2.Paired(
        phone=Jid.parse(credentials.jid).user,
        jid=credentials.jid,
        lid=credentials.lid or "",
        platform=credentials.platform,
        push_name=credentials.push_name,
        session_id=credentials.session_id,
    )
