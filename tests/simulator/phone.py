"""A phone: a person with a number, who scans QR codes, writes, reads and answers."""

import asyncio
from collections.abc import Callable, Sequence

from tests.simulator import devices, groups, pairing
from tests.simulator.directory import PHONE, Account, Device
from tests.simulator.groups import Group
from tests.simulator.hub import Hub
from tests.simulator.keyring import Keyring
from tests.simulator.mailbox import Mailbox
from tests.simulator.phone_inbox import Inbox, Received
from tests.simulator.phone_outbox import Outbox
from tests.simulator.prekeys import PreKeyStock
from worker.proto import e2e_pb2
from worker.wire.curve import KeyPair
from worker.wire.jid import LID, PN, Jid
from worker.wire.node import Node

FIRST_KEYS = 100
WAIT_S = 10.0


Reply = Callable[[Received], str | None]


class Phone:
    """Device 0 of an account, with Signal sessions of its own.

    Args:
        hub: the service it is registered at.
        number: digits.
        name: what others see beside its messages.
    """

    def __init__(self, hub: Hub, number: str, name: str) -> None:
        identity = KeyPair.generate()
        keyring = Keyring.create(identity)
        account = hub.directory.add(number, name, identity, hub.now_s())
        stock = PreKeyStock(keyring.public_signed())
        stock.add(keyring.more(FIRST_KEYS))
        registration_id = keyring.ours.registration_id
        device = Device(account, PHONE, 0, identity.public, registration_id, stock, Mailbox())
        account.devices[PHONE] = device
        self.reply: Reply | None = None
        self.addressing = LID
        self._hub = hub
        self._outbox = Outbox(hub, device, keyring)
        self._inbox = Inbox(hub, self._outbox, self._arrived)
        self.online()

    @property
    def account(self) -> Account:
        """The account whose phone this is."""
        return self._outbox.device.account

    @property
    def number(self) -> str:
        """The phone number, digits."""
        return self.account.phone

    @property
    def jid(self) -> Jid:
        """The address by phone number."""
        return self.account.jid(PN)

    @property
    def lid(self) -> Jid:
        """The address by hidden identity."""
        return self.account.jid(LID)

    @property
    def received(self) -> list[Received]:
        """Messages it could read, oldest first."""
        return self._inbox.received

    @property
    def receipts(self) -> list[Node]:
        """Receipts about its messages, without retries."""
        return self._inbox.receipts

    @property
    def unreadable(self) -> list[str]:
        """Ids of messages it could not decrypt, once per attempt."""
        return self._inbox.unreadable

    @property
    def retried(self) -> list[str]:
        """Ids of its messages that somebody asked for again, and got."""
        return self._outbox.retried

    @property
    def companions(self) -> list[Device]:
        """Its linked devices."""
        return self.account.companions()

    async def scan(self, qr: str, *, hosted: bool = False) -> Device:
        """Link the device that shows this QR code; `hosted`: in the forms of hosted devices.

        Raises:
            ScanRefusedError: nothing was linked.
        """
        return await pairing.scan(self._hub, self.account, qr, hosted=hosted)

    def unlink(self, device: Device | int | None = None) -> None:
        """Remove a linked device: this one, the one with this number, or the last one."""
        if device is None:
            device = self.companions[-1]
        elif isinstance(device, int):
            device = self.account.devices[device]
        devices.remove(self._hub, device)

    def send(self, to: "str | Jid | Phone | Group", text: str) -> str:
        """Send a text to a person or a group; return the message id.

        Args:
            to: digits of a phone number, a JID in text form or parsed, a phone, or a group.
            text: what to say.
        """
        return self.send_message(to, e2e_pb2.Message(conversation=text))

    def send_message(self, to: "str | Jid | Phone | Group", message: e2e_pb2.Message) -> str:
        """Send any message; see `send`."""
        return self._outbox.send(self._address(to), message)

    def send_group(self, group: "str | Jid | Group", text: str) -> str:
        """Send a text to a group; see `send`."""
        return self.send(group, text)

    def _address(self, to: "str | Jid | Phone | Group") -> Jid:
        if isinstance(to, Phone):
            return to.account.jid(self.addressing)
        if isinstance(to, Group):
            return to.jid
        if isinstance(to, str) and "@" not in to:
            return self._hub.directory.account(Jid(to, PN)).jid(self.addressing)
        return Jid.parse(to) if isinstance(to, str) else to

    def read(self, received: Received, kind: str = "read") -> None:
        """Tell the sender that a message was read (or `played`)."""
        attrs = {"id": received.message_id, "type": kind, "t": str(self._hub.now_s())}
        attrs["to"] = received.chat if received.chat.endswith("@g.us") else received.sender
        if received.chat.endswith("@g.us"):
            attrs["participant"] = received.sender
        self._outbox.post_receipt(Node("receipt", attrs))

    async def wait_received(
        self, text: str | None = None, *, timeout_s: float = WAIT_S, from_me: bool = False
    ) -> Received:
        """Return the first message with this text (or any), waiting for it if need be.

        Raises:
            TimeoutError: none came in time.
        """

        def look() -> Received | None:
            for received in self.received:
                if received.from_me is from_me and text in (None, received.text):
                    return received
            return None

        return await self._hub.watch.wait_for(look, timeout_s)

    async def wait_receipt(
        self, message_id: str, kind: str | None = None, *, timeout_s: float = WAIT_S
    ) -> Node:
        """Return the first receipt for a message (of this kind, or any)."""

        def look() -> Node | None:
            for node in self.receipts:
                named = node.attrs["id"] == message_id
                if named and kind in (None, node.attrs.get("type", "")):
                    return node
            return None

        return await self._hub.watch.wait_for(look, timeout_s)

    def create_group(
        self, subject: str, others: "Sequence[Phone]", *, addressing: str = LID
    ) -> Group:
        """Make a group with others; its members are addressed by LID, or by PN."""
        accounts = [phone.account for phone in others]
        return groups.create(self._hub, self.account, subject, accounts, addressing)

    def add_to_group(self, group: Group, others: "Sequence[Phone]") -> None:
        """Let people into a group."""
        groups.add(self._hub, group, self.account, [phone.account for phone in others])

    def remove_from_group(self, group: Group, others: "Sequence[Phone]") -> None:
        """Put people out of a group."""
        groups.remove(self._hub, group, self.account, [phone.account for phone in others])

    def leave_group(self, group: Group) -> None:
        """Leave a group."""
        groups.remove(self._hub, group, self.account, [self.account])

    def echo(self, prefix: str = "echo: ") -> None:
        """From now on answer every text by repeating it."""
        self.reply = lambda received: f"{prefix}{received.text}" if received.text else None

    def online(self) -> None:
        """Get what waited, and everything new."""
        self._outbox.device.mailbox.open(self)

    def offline(self) -> None:
        """Switch it off: what is sent to it waits at the service."""
        self._outbox.device.mailbox.close(self)

    def push(self, node: Node) -> None:
        """Take a stanza from the service; it is handled in a moment, in order."""
        asyncio.get_running_loop().call_soon(self._inbox.handle, node)

    def _arrived(self, received: Received) -> None:
        answer = self.reply(received) if self.reply and not received.from_me else None
        if answer is not None:
            self._outbox.send(Jid.parse(received.chat), e2e_pb2.Message(conversation=answer))
