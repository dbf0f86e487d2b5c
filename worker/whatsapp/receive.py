"""A message arrives: decrypted, understood, and put into the spool, in one unit of work.

Whatever goes wrong with one message is settled here: it is asked for again, or refused with the
code that WhatsApp expects. Only a failing disk passes through, and closes the connection.
"""

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from shared import link_pb2
from shared.errors import SignalError
from shared.logs import get_logger
from worker.proto import e2e_pb2
from worker.session import Credentials, UnitOfWork
from worker.session.spool import Key
from worker.signal.errors import DuplicateMessage, NoSenderKey, NoSession
from worker.wire import Jid, Node, NodeError
from worker.wire.curve import Rng

from . import identity, pairs, receipts, retry
from .acks import Nack, ack
from .cipher import Cipher
from .content import Message, content_of, unwrap
from .housekeeping import is_history, keep_housekeeping
from .reaction import Reaction
from .source import Own, Source, alternatives, source_of

log = get_logger(__name__)

PAIRWISE = frozenset({"msg", "pkmsg"})
GROUP = "skmsg"
# Encrypted with a secret of the message that the bot answers, which only its sender has.
BOT = "msmsg"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message stanza with what its attributes say."""

    stanza: Node
    source: Source
    id: str
    timestamp_s: int

    def key(self, kind: str) -> Key:
        """Return what tells this from everything else that arrives, also when it is repeated."""
        return Key(kind, str(self.source.chat), self.id, str(self.source.sender.bare))


def receive(
    unit: UnitOfWork, stanza: Node, credentials: Credentials, own: Own, rng: Rng
) -> Reaction:
    """Take one `<message>`.

    Raises:
        SessionError: the session file failed; the stanza must stay unacknowledged.
    """
    try:
        envelope = _opened(stanza, own)
    except NodeError as error:
        log.warning("message_malformed", error=error)
        return Reaction([ack(stanza, Nack.PARSING_ERROR)])
    pairs.learn(unit, alternatives(envelope.source))
    key = envelope.key("message")
    if unit.handled.has(key):
        return _settled(envelope, [])
    waiting = unit.spool.find(key)
    if waiting is not None:
        return _settled(envelope, [waiting])
    return _Reading(unit, envelope, credentials, rng).read()


def _opened(stanza: Node, own: Own) -> Envelope:
    return Envelope(stanza, source_of(stanza, own), stanza.required("id"), stanza.int("t"))


def _settled(envelope: Envelope, waits_for: list[int]) -> Reaction:
    """Settle a message that stands in the spool, or went through it before."""
    receipt = receipts.received(envelope.stanza, from_me=envelope.source.from_me)
    return Reaction([receipt], waits_for)


class _Reading:
    """One message on its way from ciphertext to the spool."""

    def __init__(
        self, unit: UnitOfWork, envelope: Envelope, credentials: Credentials, rng: Rng
    ) -> None:
        self._unit = unit
        self._envelope = envelope
        self._credentials = credentials
        self._rng = rng
        self._cipher = Cipher(unit, credentials, rng)
        self._spooled: list[int] = []
        self._is_history = False

    def read(self) -> Reaction:
        """Return how this message is settled.

        Its id is not known, so if its key was used before, then for another message: whatsmeow
        and Baileys do that with traffic both ways at once. It is asked for again. What says it
        stands in the last part: the one before it only brings a group's sender key.
        """
        stanza = self._envelope.stanza
        encrypted = [enc for enc in stanza.children("enc") if _is_readable(enc)]
        if not encrypted:
            return self._without_ciphertext()
        repeated: DuplicateMessage | None = None
        for enc in encrypted:
            try:
                self._take(self._decrypt(enc))
                repeated = None
            except DuplicateMessage as error:
                repeated = error
            except SignalError as error:
                return self._unreadable(enc, error)
            except DecodeError as error:
                log.warning("message_not_understood", message_id=self._envelope.id, error=error)
                return Reaction([ack(stanza, Nack.INVALID_PROTOBUF)])
        return self._done() if repeated is None else self._unreadable(encrypted[-1], repeated)

    def _decrypt(self, enc: Node) -> Message:
        source = self._envelope.source
        if enc.attrs["type"] == GROUP:
            plain = self._cipher.group_decrypt(source.chat, source.sender, enc.bytes())
        else:
            plain = self._cipher.decrypt(source.sender, enc.attrs["type"], enc.bytes())
        return e2e_pb2.Message.FromString(plain)

    def _take(self, message: Message) -> None:
        """Keep what a decrypted message brings: keys, housekeeping, and what people wrote."""
        self._keep_sender_key(message)
        source = self._envelope.source
        chat, inner = source.chat, message
        if message.HasField("device_sent_message"):
            if not source.from_me:
                log.warning("device_sent_by_stranger", message_id=self._envelope.id)
                return
            inner = message.device_sent_message.message
            chat = _destination(message) or chat
            self._keep_sender_key(inner)
        if source.from_me and keep_housekeeping(self._unit, self._envelope.id, inner):
            self._is_history = self._is_history or is_history(inner)
            return
        self._spool(inner, chat)

    def _keep_sender_key(self, message: Message) -> None:
        """Take the sender's key; it counts for the group the stanza came from, not another."""
        if not message.HasField("sender_key_distribution_message"):
            return
        skdm = message.sender_key_distribution_message
        group = str(self._envelope.source.chat)
        if self._envelope.source.is_group and skdm.group_id not in ("", group):
            log.warning("sender_key_for_another_group", message_id=self._envelope.id)
            return
        self._cipher.take_distribution(
            skdm.group_id or group,
            self._envelope.source.sender,
            skdm.axolotl_sender_key_distribution_message,
        )

    def _spool(self, message: Message, chat: Jid) -> None:
        content = content_of(message)
        if content is None:
            return
        event = link_pb2.Event(
            message=self._link_message(message, chat, content.kind, content.text)
        )
        self._add("message", event)

    def _link_message(self, message: Message, chat: Jid, kind: str, text: str) -> link_pb2.Message:
        stanza, source = self._envelope.stanza, self._envelope.source
        chat_lid = identity.lid_jid(self._unit, chat) if not source.is_group else None
        sender_lid = identity.lid_jid(self._unit, source.sender)
        return link_pb2.Message(
            id=self._envelope.id,
            chat=str(identity.chat_jid(self._unit, chat)),
            chat_lid=str(chat_lid) if chat_lid is not None else "",
            sender=str(identity.chat_jid(self._unit, source.sender)),
            sender_lid=str(sender_lid) if sender_lid is not None else "",
            sender_device=source.sender.device,
            from_me=source.from_me,
            timestamp_ms=self._envelope.timestamp_s * 1000,
            push_name=stanza.attrs.get("notify", ""),
            kind=kind,
            text=text,
            content=unwrap(message).SerializeToString(),
            offline="offline" in stanza.attrs,
        )

    def _add(self, kind: str, event: link_pb2.Event) -> None:
        spooled = self._unit.spool.add(self._envelope.key(kind), event.SerializeToString())
        if spooled.id is not None:
            self._spooled.append(spooled.id)

    def _done(self) -> Reaction:
        """Settle what was read; what nobody is shown is known by its id from now on as well."""
        if not self._spooled:
            self._unit.handled.add(self._envelope.key("message"))
        stanza = self._envelope.stanza
        replies = [receipts.received(stanza, from_me=self._envelope.source.from_me)]
        if self._is_history:
            replies.append(receipts.history_sync(stanza))
        return Reaction(replies, self._spooled)

    def _unreadable(self, enc: Node, error: SignalError) -> Reaction:
        """Ask for the message again, and let people see that one is missing.

        Not so where its key was used before: it may be a replay, of a message that nobody wrote.
        """
        stanza = self._envelope.stanza
        log.warning(
            "message_unreadable",
            message_id=self._envelope.id,
            enc_type=enc.attrs.get("type"),
            cause=type(error).__name__,
            error=error,
        )
        asked = retry.ask_again(
            self._unit,
            stanza,
            self._credentials,
            self._rng,
            with_keys=_is_hopeless(stanza, error),
        )
        if enc.attrs.get("decrypt-fail") != "hide" and not isinstance(error, DuplicateMessage):
            self._note_missing(type(error).__name__)
        return Reaction([*([asked] if asked is not None else []), ack(stanza)], self._spooled)

    def _without_ciphertext(self) -> Reaction:
        """Settle a message that carries nothing for us to decrypt.

        `<unavailable>` stands for what the phone alone may show (view-once), and what a bot
        answers can't be read here. Newsletters are plain text, and are not kept. Anything else is
        not a message as we know them.
        """
        stanza = self._envelope.stanza
        if stanza.child("unavailable") is not None:
            self._note_missing("Unavailable")
            return Reaction([ack(stanza)], self._spooled)
        if self._envelope.source.chat.is_newsletter:
            return Reaction([ack(stanza)])
        if any(enc.attrs.get("type") == BOT for enc in stanza.children("enc")):
            self._note_missing("MessageOfABot")
            return Reaction([ack(stanza, Nack.MISSING_MESSAGE_SECRET)], self._spooled)
        return Reaction([ack(stanza, Nack.UNRECOGNIZED_STANZA)])

    def _note_missing(self, reason: str) -> None:
        source = self._envelope.source
        missing = link_pb2.Undecryptable(
            id=self._envelope.id,
            chat=str(identity.chat_jid(self._unit, source.chat)),
            sender=str(identity.chat_jid(self._unit, source.sender)),
            from_me=source.from_me,
            timestamp_ms=self._envelope.timestamp_s * 1000,
            push_name=self._envelope.stanza.attrs.get("notify", ""),
            reason=reason,
        )
        self._add("undecryptable", link_pb2.Event(undecryptable=missing))


def _is_hopeless(stanza: Node, error: SignalError) -> bool:
    """Tell whether nothing that we have can ever read this sender: only new keys help.

    Without a session, or with a group message whose sender key came with no other message.
    """
    lonely = isinstance(error, NoSenderKey) and len(stanza.children("enc")) == 1
    return lonely or isinstance(error, NoSession)


def _is_readable(enc: Node) -> bool:
    return enc.attrs.get("type") in PAIRWISE or enc.attrs.get("type") == GROUP


def _destination(message: Message) -> Jid | None:
    told = message.device_sent_message.destination_jid
    return Jid.parse(told).bare if told else None
