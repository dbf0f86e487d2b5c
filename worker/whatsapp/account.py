"""An account: connections one after the other, for as long as that makes sense."""

import asyncio
from typing import Final

import aiohttp

from shared import link_pb2
from shared.disconnects import Backoff
from shared.logs import get_logger
from worker.session import Credentials
from worker.wire import Jid, MalformedJid, Node

from . import identity, payloads, receipts, states
from .pairing_desk import PairingDesk, Rotation
from .queries import QueryRefused
from .socket import ConnectionLost, Endpoint, NoiseSocket
from .states import State
from .stream import Stream, Surroundings
from .verdict import EXPECTED, Again, Over, is_restart, verdict

log = get_logger(__name__)

UNLINK_TIMEOUT_S: Final = 5.0
LONGEST_TOLD_MS: Final = 2**32 - 1


class Account:
    """Keeps one account connected, and is what the rest of the worker talks to."""

    def __init__(
        self,
        around: Surroundings,
        *,
        wanted_phone: str,
        backoff: Backoff | None = None,
        rotation: Rotation | None = None,
    ) -> None:
        """Make an account; nothing is dialled before `run`.

        Args:
            around: file, settings, clock, randomness and outlet.
            wanted_phone: digits of the number that must scan; empty for any.
            backoff: the policy of pauses between connections.
            rotation: for how long each QR code is shown.
        """
        self._around = around
        self._backoff = backoff or Backoff()
        self._state: State | None = None
        self._failures = 0
        self._restarts = 0
        self._ready_ns: int | None = None
        self._stream: Stream | None = None
        self._pairing = PairingDesk(
            around.file,
            around.clock,
            around.rng,
            around.outlet,
            self._announce,
            wanted_phone=wanted_phone,
            window_s=around.settings.qr_window_s,
            rotation=rotation,
        )

    # -- what others may ask of it

    @property
    def stream(self) -> Stream | None:
        """Return the connection there is, if there is one."""
        return self._stream

    async def send(self, request: link_pb2.Send) -> link_pb2.SendResult:
        """Send a text; UNAVAILABLE when there is no connection to send it on."""
        stream = self._stream
        if stream is not None and stream.ready:
            return await stream.send(request)
        return link_pb2.SendResult(
            request_id=request.request_id,
            message_id=request.message_id,
            outcome=link_pb2.SendResult.UNAVAILABLE,
            reason="the account is not connected",
        )

    def mark_read(self, wish: link_pb2.MarkRead) -> None:
        """Tell the senders of these messages that they were read; nothing when not connected."""
        stream = self._stream
        if stream is None or not stream.ready or not wish.ids:
            return
        try:
            chat, participant = self._read_addresses(wish)
        except MalformedJid as error:
            log.warning("mark_read_malformed", error=error)
            return
        now_s = self._around.clock.wall_s()
        stream.write(receipts.read(list(wish.ids), chat, participant, now_s))

    def _read_addresses(self, wish: link_pb2.MarkRead) -> tuple[Jid, Jid | None]:
        """Return chat and sender as their stanzas name them: people by LID, unless a group says no.

        A receipt that names them otherwise is about a message that the other side does not know.
        """
        chat = Jid.parse(wish.chat)
        participant = Jid.parse(wish.participant) if wish.participant else None
        with self._around.file.unit() as unit:
            group = unit.groups.get(str(chat))
            if participant is not None and not (group and group.addressing_mode == "pn"):
                participant = identity.lid_jid(unit, participant) or participant
            return identity.lid_jid(unit, chat) or chat, participant

    def delivered(self, rows: list[int]) -> None:
        """Note that the store has these spool rows."""
        if self._stream is not None:
            self._stream.delivered(rows)

    async def unlink(self) -> bool:
        """Tell WhatsApp that this device is gone for good; tell whether it heard it."""
        stream = self._stream
        with self._around.file.unit() as unit:
            jid = unit.credentials.get().jid
        if stream is None or not stream.ready or jid is None:
            return False
        try:
            async with asyncio.timeout(UNLINK_TIMEOUT_S):
                await stream.ask(_unlink_query(jid))
        except (ConnectionLost, QueryRefused, TimeoutError) as error:
            log.warning("unlink_failed", error=error)
            return False
        return True

    # -- its life

    async def run(self) -> Over:
        """Connect, and connect again, until that makes no more sense; return why it does not."""
        async with aiohttp.ClientSession() as http:
            while True:
                self._announce(State.CONNECTING, "")
                follows = await self._one_connection(http)
                if isinstance(follows, Over):
                    self._announce_over(follows)
                    return follows
                if follows.delay_s:
                    self._announce_pause(follows)
                    await asyncio.sleep(follows.delay_s)

    async def _one_connection(self, http: aiohttp.ClientSession) -> Again | Over:
        self._ready_ns = None
        try:
            await self._connect(http)
        except* EXPECTED as group:
            error = _first(group)
        finally:
            self._stream = None
        self._failures = self._backoff.failures_after(self._failures, self._connected_s())
        self._restarts = self._restarts + 1 if is_restart(error) else 0
        log.info("connection_ended", cause=type(error).__name__, reason=str(error))
        return verdict(error, self._failures, self._restarts, self._around.rng, self._backoff)

    async def _connect(self, http: aiohttp.ClientSession) -> None:
        settings = self._around.settings
        with self._around.file.unit() as unit:
            credentials = unit.credentials.get()
        socket = await NoiseSocket.open(
            http,
            Endpoint(settings.whatsapp_ws_url, settings.whatsapp_cert_root),
            static=credentials.noise_key,
            payload=self._payload(credentials),
            routing_info=credentials.routing_info,
            clock=self._around.clock,
            rng=self._around.rng,
            may_act=self._around.may_act,
        )
        self._stream = Stream(self._around, socket, credentials, self._pairing, self._on_ready)
        await self._stream.run()

    def _payload(self, credentials: Credentials) -> bytes:
        version = self._around.settings.whatsapp_version
        if credentials.jid is None:
            return payloads.registration(credentials, version)
        return payloads.login(Jid.parse(credentials.jid), version)

    def _on_ready(self) -> None:
        self._ready_ns = self._around.clock.boot_ns()
        self._announce(State.CONNECTED, "")
        self._around.outlet.spooled()

    def _connected_s(self) -> float:
        if self._ready_ns is None:
            return 0.0
        return (self._around.clock.boot_ns() - self._ready_ns) / 1e9

    # -- what is told of it

    def _announce(self, state: State, reason: str) -> None:
        self._tell(state, link_pb2.State(state=state.value, reason=reason))

    def _announce_pause(self, again: Again) -> None:
        told = link_pb2.State(
            state=State.RECONNECTING.value,
            code=again.code,
            reason=again.reason,
            retry_in_ms=_told_ms(again.delay_s),
        )
        self._tell(State.RECONNECTING, told)

    def _announce_over(self, over: Over) -> None:
        told = link_pb2.State(
            state=State.STOPPED.value,
            code=over.code,
            reason=over.reason,
            retry_in_ms=_told_ms(over.wait_s),
            terminal=over.terminal,
        )
        self._tell(State.STOPPED, told)

    def _tell(self, state: State, told: link_pb2.State) -> None:
        self._state = states.check(self._state, state)
        log.info("connection_state", state=state.name.lower(), code=told.code, reason=told.reason)
        self._around.outlet.state(told)


def _told_ms(pause_s: float) -> int:
    """Return a pause as the link carries it; it can't say more than 49 days."""
    return min(int(pause_s * 1000), LONGEST_TOLD_MS)


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    """Return what ended a connection: of several errors the one with a reason from the server."""
    errors = list(_leaves(group))
    return next((error for error in errors if not isinstance(error, ConnectionLost)), errors[0])


def _leaves(group: BaseExceptionGroup[Exception]) -> list[Exception]:
    found: list[Exception] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found.extend(_leaves(error))
        else:
            found.append(error)
    return found


def _unlink_query(jid: str) -> Node:
    """Return the query that removes this device (Baileys socket.ts, logout)."""
    device = Node("remove-companion-device", {"jid": jid, "reason": "user_initiated"})
    return Node("iq", {"xmlns": "md", "type": "set", "to": "@s.whatsapp.net"}, [device])
