"""How a phone receives: decrypt, confirm, and ask again for what it can't read."""

from collections.abc import Callable
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from shared.errors import SignalError
from tests.simulator.directory import Device
from tests.simulator.hub import SERVER, Hub
from tests.simulator.mailbox import StanzaKey
from tests.simulator.phone_outbox import Outbox, address_of
from tests.simulator.record import Rule
from worker.proto import e2e_pb2
from worker.signal import Address
from worker.wire.jid import Jid
from worker.wire.node import Node

MAX_RETRIES = 4
KEYS_FROM_RETRY = 2
REFILL = 50


@dataclass(frozen=True, slots=True)
class Received:
    """A message that a phone could read.

    Attributes:
        message_id: as its sender chose it.
        chat: the JID of the conversation: a person (bare) or a group.
        sender: the JID of the device that sent it.
        text: its text or caption; "" where it has none.
        message: the whole of it.
        name: the sender's push name.
        from_me: whether a linked device of the same account sent it.
    """

    message_id: str
    chat: str
    sender: str
    text: str
    message: e2e_pb2.Message = field(repr=False)
    name: str = ""
    from_me: bool = False


@dataclass(slots=True)
class Inbox:
    """Receives for the phone `outbox.device`.

    Attributes:
        received: messages, oldest first.
        receipts: what others sent about our messages.
        unreadable: ids of messages that could not be decrypted, once per attempt.
        arrived: called with each message.
    """

    hub: Hub
    outbox: Outbox
    arrived: Callable[[Received], None]
    received: list[Received] = field(default_factory=list)
    receipts: list[Node] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    _retries: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def device(self) -> Device:
        """The phone itself."""
        return self.outbox.device

    def handle(self, node: Node) -> None:
        """Act on one stanza from the service."""
        if node.tag == "message":
            self._message(node)
        elif node.tag == "receipt":
            self._receipt(node)
        elif node.tag == "notification":
            self._notification(node)
        self.hub.watch.changed()

    def _receipt(self, node: Node) -> None:
        self.device.mailbox.settle(StanzaKey.of(node))
        if node.attrs.get("type") == "retry":
            self.outbox.again(node)
        else:
            self.receipts.append(node)

    def _notification(self, node: Node) -> None:
        self.device.mailbox.settle(StanzaKey.of(node))
        if node.attrs.get("type") == "encrypt" and node.attrs["from"] == SERVER:
            self.device.keys.add(self.outbox.keyring.more(REFILL))

    def _message(self, node: Node) -> None:
        try:
            message = self._decrypted(node)
        except (SignalError, DecodeError):
            self.unreadable.append(node.attrs["id"])
            self._ask_again(node)
            return
        self._confirm(node)
        if message is not None:
            self._keep(node, message)

    def _decrypted(self, node: Node) -> e2e_pb2.Message | None:
        """Return what the message says; None if it only carried a key."""
        sender = self._sender(node)
        found: e2e_pb2.Message | None = None
        for enc in node.children("enc"):
            plaintext = self._plaintext(node, sender, enc)
            message = e2e_pb2.Message.FromString(plaintext)
            if message.HasField("sender_key_distribution_message"):
                self._learn(sender, message.sender_key_distribution_message)
                message.ClearField("sender_key_distribution_message")
            if message.ListFields():
                found = message
        return found

    def _plaintext(self, node: Node, sender: Address, enc: Node) -> bytes:
        keyring, kind = self.outbox.keyring, enc.attrs.get("type", "")
        if kind == "skmsg":
            return keyring.decrypt_group(node.attrs["from"], sender, enc.bytes())
        return keyring.decrypt(sender, kind, enc.bytes())

    def _sender(self, node: Node) -> Address:
        name = "participant" if "participant" in node.attrs else "from"
        jid = node.jid(name)
        account = self.hub.directory.account(jid)
        device = account.devices.get(jid.device)
        return address_of(device) if device else Address.of(account.lid, "lid", jid.device)

    def _learn(self, sender: Address, given: e2e_pb2.SenderKeyDistributionMessage) -> None:
        data = given.axolotl_sender_key_distribution_message
        self.outbox.keyring.learn_sender_key(given.group_id, sender, data)

    def _confirm(self, node: Node) -> None:
        attrs = {"id": node.attrs["id"], "to": node.attrs["from"]}
        if "participant" in node.attrs:
            attrs["participant"] = node.attrs["participant"]
        if node.attrs.get("category") == "peer":
            attrs["type"] = "peer_msg"
        elif "recipient" in node.attrs:
            attrs |= {"type": "sender", "recipient": node.attrs["recipient"]}
        self.outbox.post_receipt(Node("receipt", attrs))

    def _keep(self, node: Node, message: e2e_pb2.Message) -> None:
        sender = node.jid("participant" if "participant" in node.attrs else "from")
        own = self.hub.directory.account(sender) is self.device.account
        if message.HasField("device_sent_message"):
            message = message.device_sent_message.message
        elif own and "participant" not in node.attrs:
            detail = f"message {node.attrs['id']}: a copy for own devices that names no chat"
            self.hub.record.violation(Rule.MALFORMED, str(sender), detail)
        chat = node.attrs.get("recipient", node.attrs["from"])
        received = Received(
            message_id=node.attrs["id"],
            chat=str(Jid.parse(chat).bare),
            sender=str(sender),
            text=text_of(message),
            message=message,
            name=node.attrs.get("notify", ""),
            from_me=own,
        )
        self.received.append(received)
        self.arrived(received)

    def _ask_again(self, node: Node) -> None:
        self.device.mailbox.settle(StanzaKey.of(node))
        key = (node.attrs["id"], node.attrs.get("participant", node.attrs["from"]))
        count = self._retries[key] = self._retries.get(key, 0) + 1
        if count > MAX_RETRIES:
            return
        attrs = {"id": node.attrs["id"], "to": node.attrs["from"], "type": "retry"}
        for name in ("participant", "recipient"):
            if name in node.attrs:
                attrs[name] = node.attrs[name]
        self.outbox.post_receipt(Node("receipt", attrs, self._retry_content(node, count)))

    def _retry_content(self, node: Node, count: int) -> list[Node]:
        ours = self.outbox.keyring.ours
        attrs = {"count": str(count), "id": node.attrs["id"], "t": node.attrs["t"], "v": "1"}
        registration = Node("registration", {}, ours.registration_id.to_bytes(4, "big"))
        content = [Node("retry", attrs), registration]
        if count < KEYS_FROM_RETRY:
            return content
        (one_time,) = self.outbox.keyring.more(1)
        keys = [
            Node("type", {}, b"\x05"),
            Node("identity", {}, ours.key_pair.public),
            one_time.node("key"),
            self.outbox.keyring.public_signed().node("skey"),
        ]
        return [*content, Node("keys", {}, keys)]


def text_of(message: e2e_pb2.Message) -> str:
    """Return a message's text or caption; "" where it has none."""
    if message.conversation:
        return message.conversation
    if message.HasField("extended_text_message"):
        return message.extended_text_message.text
    for name in ("image_message", "video_message", "document_message"):
        if message.HasField(name):
            caption: str = getattr(message, name).caption
            return caption
    return ""
