"""Sending: one message, one id, one stanza, however often it has to be tried.

The ratchet steps and the exact stanza are committed before a byte of it is written. A second
try, after a lost connection or a crash, writes the same bytes again: the server knows the id,
and nobody sees the message twice.
"""

import asyncio
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

from shared import link_pb2
from shared.deadline import LeaseExpired
from shared.errors import SessionError, SignalError, WhatsAppError, WireError
from shared.logs import get_logger
from worker.proto import e2e_pb2
from worker.session import Credentials, SessionFile, UnitOfWork
from worker.session.journal import JournalEntry, Sending
from worker.wire import Jid, MalformedJid, Node, decode, encode
from worker.wire.curve import Rng

from . import identity
from .cipher import Cipher
from .content import Message, stanza_type
from .devices import participant_hash
from .directory import Directory, NotOnWhatsApp
from .fanout import Fanout, Letter, Sealed, device_identity
from .inbound import own_addresses
from .notice import forget_devices
from .queries import Queries, QueryRefused, QueryTimeout
from .socket import ConnectionLost

log = get_logger(__name__)

# What the server answers a message with, and what it means (protocol facts: Baileys#2441).
REFUSALS: Final = {
    463: "WhatsApp does not let this account write to people it has not talked to (463)",
    479: "WhatsApp refused a privacy token (479)",
}

# Refusals of a query that say nothing about the message: it is tried again later.
PASSING: Final = frozenset({0, 408, 429})
SERVER_ERRORS: Final = 500

GROUP_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Prepared:
    """A stanza that is durable and ready to be written."""

    entry: JournalEntry
    stanza: Node
    phash: str


class Unsendable(WhatsAppError):
    """The message can't be sent as asked; trying again will not help."""


class Outgoing:
    """Sends for one account, on one connection."""

    def __init__(
        self,
        file: SessionFile,
        credentials: Credentials,
        queries: Queries,
        directory: Directory,
        rng: Rng,
        ack_timeout_s: float,
    ) -> None:
        self._ack_timeout_s = ack_timeout_s
        self._file = file
        self._credentials = credentials
        self._own = own_addresses(credentials)
        self._queries = queries
        self._directory = directory
        self._fanout = Fanout(file, directory, credentials, rng)
        self._rng = rng
        # Order on the wire is the order of the requests.
        self._turn = asyncio.Lock()
        # One id is under way once: a second request for it waits, and learns what became of it.
        self._under_way: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def send(self, request: link_pb2.Send) -> link_pb2.SendResult:
        """Send a text and return what became of it; never raises for what can go wrong outside."""
        alone = self._under_way.setdefault(request.message_id, asyncio.Lock())
        try:
            async with alone:
                return await self._sent(request)
        except (Unsendable, NotOnWhatsApp, SignalError) as error:
            return _failed(request, link_pb2.SendResult.REFUSED, error)
        except QueryRefused as error:
            passes = error.code in PASSING or error.code >= SERVER_ERRORS
            outcome = link_pb2.SendResult.UNAVAILABLE if passes else link_pb2.SendResult.REFUSED
            return _failed(request, outcome, error, error.code)
        except (ConnectionLost, SessionError, WireError) as error:
            return _failed(request, link_pb2.SendResult.UNAVAILABLE, error)
        except LeaseExpired:
            raise
        except Exception as error:
            log.exception("send_broken", message_id=request.message_id)
            return _failed(request, link_pb2.SendResult.REFUSED, error)

    async def _sent(self, request: link_pb2.Send) -> link_pb2.SendResult:
        async with self._turn:
            prepared = await self._prepared(request)
        if prepared.entry.state is Sending.ACKED:
            return _result(request, link_pb2.SendResult.SENT, prepared.entry)
        if prepared.entry.state is Sending.FAILED:
            raise Unsendable("send a message: WhatsApp has refused this one before")
        return await self._deliver(request, prepared)

    async def _prepared(self, request: link_pb2.Send) -> Prepared:
        with self._file.unit() as unit:
            entry = unit.journal.get(request.message_id)
        if entry is not None:
            return Prepared(entry, decode(entry.stanza), "")
        to = _recipient(request.to)
        message = e2e_pb2.Message(conversation=request.text)
        if to.is_group:
            return await self._for_group(request, to, message)
        return await self._for_person(request, to, message)

    # -- one person

    async def _for_person(self, request: link_pb2.Send, to: Jid, message: Message) -> Prepared:
        lid = await self._directory.lid_of(to)
        own = (self._own.lid or self._own.pn).bare
        devices = await self._devices([lid, own])
        if not any(device.user == lid.user for device in devices):
            raise NotOnWhatsApp(f"find a device of the number that ends in …{to.user[-2:]}: none")
        phash = participant_hash(devices)

        def finish(unit: UnitOfWork, _: Cipher, sealed: Sealed) -> Prepared:
            if not any(device.user == lid.user for device in sealed.reached):
                raise ConnectionLost("encrypt the message: no device of theirs has usable keys")
            stanza = self._person_stanza(unit, request, lid, message, sealed)
            return self._journal(unit, request, lid, stanza, message, phash)

        return await self._fanout.seal(self._letters(devices, lid, message), finish)

    def _letters(self, devices: list[Jid], to: Jid, message: Message) -> list[Letter]:
        """Return a letter for every device; our own others are told where the message went."""
        plain = message.SerializeToString()
        own_copy = sent_copy(message, to).SerializeToString()
        return [
            Letter(device, own_copy if self._own.is_user(device) else plain)
            for device in devices
            if not self._own.is_device(device)
        ]

    def _person_stanza(
        self, unit: UnitOfWork, request: link_pb2.Send, lid: Jid, message: Message, sealed: Sealed
    ) -> Node:
        attrs = {"id": request.message_id, "type": stanza_type(message), "to": str(lid)}
        pn = identity.chat_jid(unit, lid)
        if pn.is_pn:
            attrs["peer_recipient_pn"] = str(pn)
        return Node("message", attrs, self._given(sealed))

    # -- a group

    async def _for_group(self, request: link_pb2.Send, to: Jid, message: Message) -> Prepared:
        for _ in range(GROUP_TRIES):
            prepared = await self._group_try(request, to, message)
            if prepared is not None:
                return prepared
        raise ConnectionLost("encrypt for the group: its members change all the time")

    async def _group_try(
        self, request: link_pb2.Send, to: Jid, message: Message
    ) -> Prepared | None:
        """Prepare a group message; None if our key was dropped while members were given it."""
        group = await self._directory.group(to)
        members = [Jid.parse(each.jid) for each in group.participants]
        if not any(self._own.is_user(jid) for jid in members):
            raise Unsendable("write to the group: this account is not a member of it")
        devices = await self._devices(members)
        lacking, distribution = self._distribution(to, devices)
        attrs = {
            "id": request.message_id,
            "type": stanza_type(message),
            "to": str(to),
            "phash": participant_hash(devices),
            "addressing_mode": group.addressing_mode,
        }

        def finish(unit: UnitOfWork, cipher: Cipher, sealed: Sealed) -> Prepared | None:
            if cipher.distribution(to).SerializeToString() != distribution:
                return None  # somebody left meanwhile: nobody has the key there is now
            data = cipher.group_encrypt(to, message.SerializeToString())
            enc = Node("enc", {"v": "2", "type": "skmsg"}, data)
            stanza = Node("message", attrs, [*self._given(sealed), enc])
            unit.sender_key_memory.add(str(to), [str(device) for device in sealed.reached])
            return self._journal(unit, request, to, stanza, message, attrs["phash"])

        return await self._fanout.seal([Letter(device, distribution) for device in lacking], finish)

    def _distribution(self, group: Jid, devices: list[Jid]) -> tuple[list[Jid], bytes]:
        """Return who lacks our sender key, and the message that gives it.

        If somebody has it who is not there any more, a person or a device, it is replaced first.
        """
        others = [device for device in devices if not self._own.is_device(device)]
        present = {str(device) for device in others}
        with self._file.unit() as unit:
            cipher = Cipher(unit, self._credentials, self._rng)
            holders = unit.sender_key_memory.devices(str(group))
            if holders - present:
                cipher.rotate(group)
                holders = frozenset()
            distribution = cipher.distribution(group).SerializeToString()
        return [device for device in others if str(device) not in holders], distribution

    # -- both

    async def _devices(self, users: list[Jid]) -> list[Jid]:
        return await self._directory.devices_of(users)

    def _given(self, sealed: Sealed) -> list[Node]:
        """Return what goes to single devices, and the proof that goes with new sessions."""
        content = [Node("participants", {}, sealed.nodes)] if sealed.nodes else []
        if sealed.begins:
            content.append(device_identity(self._credentials))
        return content

    def _journal(
        self,
        unit: UnitOfWork,
        request: link_pb2.Send,
        chat: Jid,
        stanza: Node,
        message: Message,
        phash: str,
    ) -> Prepared:
        """Write the exact stanza down, in the transaction that moved its ratchets on."""
        plain = message.SerializeToString()
        unit.sent.add(request.message_id, str(chat), plain)
        named = str(identity.chat_jid(unit, chat))
        entry = unit.journal.prepare(
            request.message_id, request.request_id, named, encode(stanza), plain
        )
        return Prepared(entry, decode(entry.stanza), phash)

    async def _deliver(self, request: link_pb2.Send, prepared: Prepared) -> link_pb2.SendResult:
        self._note(request.message_id, Sending.WRITTEN)
        try:
            answer = await self._queries.settle(
                request.message_id, prepared.stanza, timeout_s=self._ack_timeout_s
            )
        except QueryTimeout as error:
            return _failed(request, link_pb2.SendResult.UNAVAILABLE, error)
        code = _error_of(answer)
        if code:
            self._note_refusal(prepared)
            return _refused(request, code)
        self._note(request.message_id, Sending.ACKED)
        self._compare_hash(prepared, answer)
        return _result(request, link_pb2.SendResult.SENT, prepared.entry, answer)

    def _note(self, message_id: str, state: Sending) -> None:
        with self._file.unit() as unit:
            unit.journal.move(message_id, state)

    def _note_refusal(self, prepared: Prepared) -> None:
        """Note that the server did not take a message, nor the sender keys in it."""
        given = [str(jid) for jid in _addressed(prepared.stanza)]
        with self._file.unit() as unit:
            unit.journal.move(prepared.entry.message_id, Sending.FAILED)
            unit.sender_key_memory.remove(prepared.entry.chat, given)

    def _compare_hash(self, prepared: Prepared, answer: Node) -> None:
        """Forget who was there, if the server knows other devices than we wrote to."""
        told = answer.attrs.get("phash")
        if not told or not prepared.phash or told == prepared.phash:
            return
        log.info("participants_differ", message_id=prepared.entry.message_id)
        chat = Jid.parse(prepared.entry.chat)
        with self._file.unit() as unit:
            group = unit.groups.get(str(chat))
            members = [Jid.parse(each.jid) for each in group.participants] if group else []
            unit.groups.delete(str(chat))
            for user in {chat, *members, *(jid.bare for jid in _addressed(prepared.stanza))}:
                forget_devices(unit, user)


def sent_copy(message: Message, to: Jid) -> Message:
    """Return what our own other devices get of a message: the message, and where it went."""
    copy = e2e_pb2.Message()
    copy.device_sent_message.destination_jid = str(to)
    copy.device_sent_message.message.CopyFrom(message)
    return copy


def _addressed(stanza: Node) -> list[Jid]:
    """Return the devices that a stanza holds a ciphertext for."""
    participants = stanza.child("participants")
    listed = participants.children("to") if participants is not None else []
    return [to.jid("jid") for to in listed]


def _recipient(text: str) -> Jid:
    try:
        jid = Jid.parse(text).bare
    except MalformedJid as error:
        raise Unsendable(
            "send a message: what it is addressed to is no address",
            hint="give a phone number, or the JID of a person or group",
        ) from error
    if not (jid.is_pn or jid.is_lid or jid.is_group):
        raise Unsendable(
            f"send a message: nobody can be written to at …@{jid.server}",
            hint="give a phone number, or the JID of a person or group",
        )
    return jid


def _error_of(answer: Node) -> int:
    text = answer.attrs.get("error", "0")
    return int(text) if text.isascii() and text.isdecimal() else 0


def _result(
    request: link_pb2.Send,
    outcome: link_pb2.SendResult.Outcome,
    entry: JournalEntry,
    answer: Node | None = None,
) -> link_pb2.SendResult:
    timestamp_s = answer.int("t") if answer is not None and "t" in answer.attrs else 0
    return link_pb2.SendResult(
        request_id=request.request_id,
        message_id=request.message_id,
        outcome=outcome,
        chat=entry.chat,
        timestamp_ms=timestamp_s * 1000 or entry.updated_at_ms,
    )


def _refused(request: link_pb2.Send, code: int) -> link_pb2.SendResult:
    return link_pb2.SendResult(
        request_id=request.request_id,
        message_id=request.message_id,
        outcome=link_pb2.SendResult.REFUSED,
        code=code,
        reason=REFUSALS.get(code, f"WhatsApp refused the message ({code})"),
    )


def _failed(
    request: link_pb2.Send,
    outcome: link_pb2.SendResult.Outcome,
    error: Exception,
    code: int = 0,
) -> link_pb2.SendResult:
    log.warning("send_failed", message_id=request.message_id, error=error)
    return link_pb2.SendResult(
        request_id=request.request_id,
        message_id=request.message_id,
        outcome=outcome,
        code=code,
        reason=str(error),
    )
