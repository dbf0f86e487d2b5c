"""Sending a message again to a device that could not read it.

Source: whatsmeow retry.go (handleRetryReceipt). A message we no longer have is not answered: an
empty one would stay as "waiting for this message" for ever (evolution-api#2705).
"""

from shared.clock import Clock
from shared.errors import SignalError
from shared.logs import get_logger
from worker.proto import e2e_pb2
from worker.session import Credentials, SessionFile, UnitOfWork
from worker.session.retries import SentMessage
from worker.signal import EncryptedMessage, PreKeyBundle
from worker.wire import Jid, Node, NodeError
from worker.wire.curve import Rng

from .cipher import Cipher
from .content import Message, media_type, stanza_type
from .directory import Directory
from .fanout import device_identity, encrypted
from .inbound import own_addresses
from .outgoing import sent_copy
from .prekeys import bundle_of
from .retry import KEYS_FROM, MAX_ANSWERED, RECREATE_AFTER_S, Request, request_of
from .source import Source, source_of

log = get_logger(__name__)


class Resend:
    """Answers retry receipts on one connection."""

    def __init__(
        self,
        file: SessionFile,
        credentials: Credentials,
        directory: Directory,
        clock: Clock,
        rng: Rng,
    ) -> None:
        self._file = file
        self._credentials = credentials
        self._own = own_addresses(credentials)
        self._directory = directory
        self._clock = clock
        self._rng = rng
        self._recreated_ns: dict[Jid, int] = {}

    async def answer(self, receipt: Node) -> Node | None:
        """Return the stanza that brings the message again, None where there is none to bring.

        Raises:
            ConnectionLost, QueryRefused: the server could not be asked for keys.
            SessionError: the session file failed; nothing may be sent.
        """
        try:
            request, source = request_of(receipt), source_of(receipt, self._own)
            bundle = bundle_of(receipt) if request.has_keys else None
        except NodeError as error:
            log.warning("retry_malformed", error=error)
            return None
        stored = self._granted(request, source)
        if stored is None:
            return None
        if bundle is None:
            bundle = await self._bundle_if_needed(request, source.sender)
        return self._sealed(receipt, request, source, stored, bundle)

    def _granted(self, request: Request, source: Source) -> SentMessage | None:
        """Return the message that is asked for, if we have it and it was not asked too often."""
        with self._file.unit() as unit:
            stored = unit.sent.get(request.message_id, str(source.chat))
            if stored is None:
                log.warning("retry_for_unknown_message", message_id=request.message_id)
                return None
            count = unit.sent.count_retry(stored, str(source.sender))
        if count > MAX_ANSWERED:
            log.warning("retry_too_often", message_id=request.message_id, count=count)
            return None
        return stored

    async def _bundle_if_needed(self, request: Request, device: Jid) -> PreKeyBundle | None:
        with self._file.unit() as unit:
            known = Cipher(unit, self._credentials, self._rng).has_session(device)
        if known and not (request.count >= KEYS_FROM and self._may_recreate(device)):
            return None
        self._recreated_ns[device] = self._clock.boot_ns()
        return (await self._directory.bundles([device])).get(device)

    def _may_recreate(self, device: Jid) -> bool:
        last = self._recreated_ns.get(device)
        return last is None or self._clock.boot_ns() - last >= RECREATE_AFTER_S * 1e9

    def _sealed(
        self,
        receipt: Node,
        request: Request,
        source: Source,
        stored: SentMessage,
        bundle: PreKeyBundle | None,
    ) -> Node | None:
        message = e2e_pb2.Message.FromString(stored.plaintext)
        try:
            with self._file.unit() as unit:
                sealed = self._encrypt(unit, source, message, bundle)
        except SignalError as error:
            log.warning("retry_not_encrypted", message_id=request.message_id, error=error)
            return None
        log.info("message_sent_again", message_id=request.message_id, count=request.count)
        return self._stanza(receipt, request, source, message, sealed)

    def _encrypt(
        self, unit: UnitOfWork, source: Source, message: Message, bundle: PreKeyBundle | None
    ) -> EncryptedMessage:
        cipher = Cipher(unit, self._credentials, self._rng)
        if bundle is not None:
            cipher.start(source.sender, bundle)
        plain = self._for_device(cipher, source, message)
        sealed = cipher.encrypt(source.sender, plain.SerializeToString())
        if source.is_group:
            unit.sender_key_memory.add(str(source.chat), [str(source.sender)])
        return sealed

    def _for_device(self, cipher: Cipher, source: Source, message: Message) -> Message:
        """Return the message as this device must get it: with our sender key, or as our copy."""
        if source.is_group:
            told = cipher.distribution(source.chat)
            told.MergeFrom(message)
            return told
        return sent_copy(message, source.chat) if source.from_me else message

    def _stanza(
        self,
        receipt: Node,
        request: Request,
        source: Source,
        message: Message,
        sealed: EncryptedMessage,
    ) -> Node:
        attrs = {
            "to": receipt.required("from"),
            "type": stanza_type(message),
            "id": request.message_id,
            "t": request.timestamp,
        }
        if not source.is_group:
            attrs["device_fanout"] = "false"
        for name in ("participant", "recipient"):
            if name in receipt.attrs:
                attrs[name] = receipt.attrs[name]
        kind = media_type(message)
        enc_attrs = {"count": str(request.count), **({"mediatype": kind} if kind else {})}
        content = [encrypted(sealed, enc_attrs)]
        if sealed.type == "pkmsg":
            content.append(device_identity(self._credentials))
        return Node("message", attrs, content)
