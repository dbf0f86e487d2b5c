"""How a phone sends: to each device of a person, and to a group with a sender key."""

import os
from dataclasses import dataclass, field

from tests.simulator import bundles, groups, receipts, routing
from tests.simulator.directory import Device
from tests.simulator.errors import RefusedError
from tests.simulator.groups import Group
from tests.simulator.hub import Hub
from tests.simulator.keyring import Keyring
from worker.proto import e2e_pb2
from worker.signal import Address
from worker.wire.jid import LID, PN, Jid
from worker.wire.node import Node

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that may have to be sent again to somebody who could not read it."""

    to: Jid
    message: e2e_pb2.Message
    kind: str


@dataclass(slots=True)
class Outbox:
    """Sends for the phone `device`.

    Attributes:
        sent: by message id.
        retried: the retry receipts that were answered.
    """

    hub: Hub
    device: Device
    keyring: Keyring
    sent: dict[str, Sent] = field(default_factory=dict)
    retried: list[str] = field(default_factory=list)

    @property
    def address(self) -> Address:
        """How others know this device."""
        return address_of(self.device)

    def send(self, to: Jid, message: e2e_pb2.Message, kind: str = "text") -> str:
        """Send to a person or a group; return the message id.

        Raises:
            RefusedError: the service took none of it.
        """
        message_id = "3A" + os.urandom(9).hex().upper()
        if kind == "text":
            message.message_context_info.message_secret = os.urandom(SECRET_BYTES)
        self.sent[message_id] = Sent(to, message, kind)
        attrs = {"id": message_id, "to": str(to), "type": kind}
        if to.is_group:
            self._to_group(groups.group_of(self.hub, to), attrs, message)
        else:
            self._to_person(to, attrs, message)
        return message_id

    def _to_person(self, to: Jid, attrs: dict[str, str], message: e2e_pb2.Message) -> None:
        target, mine = self.hub.directory.account(to), self.device.account
        copy = for_own_devices(to, message)
        entries = [
            self._entry(device, to.server, copy if device.account is mine else message)
            for device in dict.fromkeys([*target.devices.values(), *mine.devices.values()])
            if device is not self.device
        ]
        other = PN if to.is_lid else LID
        name = "peer_recipient_pn" if to.is_lid else "peer_recipient_lid"
        attrs = {**attrs, name: str(target.jid(other))}
        self._route(Node("message", attrs, [Node("participants", {}, entries)]))

    def _to_group(self, group: Group, attrs: dict[str, str], message: e2e_pb2.Message) -> None:
        name = str(group.jid)
        devices = [d for account in group.members for d in account.devices.values()]
        devices.remove(self.device)
        self._rotate(name, devices)
        distribution = _distribution(name, self.keyring.sender_key(name, self.address))
        fresh = [d for d in devices if address_of(d) not in self.keyring.shared[name]]
        self.keyring.shared[name].update(address_of(device) for device in fresh)
        entries = [self._entry(device, group.server, distribution) for device in fresh]
        plaintext = message.SerializeToString()
        data = self.keyring.encrypt_group(name, self.address, plaintext)
        content = [Node("participants", {}, entries)] if entries else []
        content.append(Node("enc", {"v": "2", "type": "skmsg"}, data))
        self._route(Node("message", {**attrs, "addressing_mode": group.mode}, content))

    def _rotate(self, group: str, devices: list[Device]) -> None:
        """Make a new sender key if somebody has the present one who must not read on."""
        present = {address_of(device) for device in devices}
        if self.keyring.shared.get(group, set()) - present:
            self.keyring.forget_sender_key(group, self.address)

    def _entry(self, device: Device, server: str, message: e2e_pb2.Message) -> Node:
        enc = self._encrypted(device, message)
        return Node("to", {"jid": str(device.jid(server))}, [enc])

    def _encrypted(self, device: Device, message: e2e_pb2.Message, **attrs: str) -> Node:
        address = address_of(device)
        if address not in self.keyring.sessions:
            self._start(device)
        encrypted = self.keyring.encrypt(address, message.SerializeToString())
        return Node("enc", {"v": "2", "type": encrypted.type, **attrs}, encrypted.data)

    def _start(self, device: Device) -> None:
        asked = Node("user", {"jid": str(device.jid(LID))})
        user = bundles.bundle(self.hub, asked, planned=False)
        self.keyring.start(address_of(device), user)

    def _route(self, node: Node) -> None:
        routing.message(self.hub, self.device, node)

    def again(self, receipt: Node) -> None:
        """Answer a retry receipt: the same message once more, for that one device."""
        retry = receipt.child("retry")
        for message_id in receipts.message_ids(receipt):
            kept = self.sent.get(message_id)
            if kept is not None and retry is not None:
                self._resend(receipt, message_id, kept, retry.attrs.get("count", "1"))
                self.retried.append(message_id)

    def _resend(self, receipt: Node, message_id: str, kept: Sent, count: str) -> None:
        name = "participant" if kept.to.is_group else "from"
        device = self.hub.directory.device(receipt.jid(name))
        self._renew(device, receipt, int(count))
        attrs = {"id": message_id, "type": kept.kind}
        if kept.to.is_group:
            attrs |= {"to": str(kept.to), "participant": receipt.attrs[name]}
        else:
            attrs |= {"to": receipt.attrs[name], "device_fanout": "false"}
        message = self._addressed_again(device, kept)
        if device.account is self.device.account and not kept.to.is_group:
            attrs["recipient"] = str(kept.to)
        self._route(Node("message", attrs, [self._encrypted(device, message, count=count)]))

    def _addressed_again(self, device: Device, kept: Sent) -> e2e_pb2.Message:
        if kept.to.is_group:
            group = str(kept.to)
            message = _distribution(group, self.keyring.sender_key(group, self.address))
            message.MergeFrom(kept.message)
            return message
        own = device.account is self.device.account
        return for_own_devices(kept.to, kept.message) if own else kept.message

    def _renew(self, device: Device, receipt: Node, count: int) -> None:
        if receipt.child("keys") is not None:
            self.keyring.start(address_of(device), receipt)
        elif count > 1:
            self._start(device)

    def post_receipt(self, node: Node) -> None:
        """Send a receipt."""
        try:
            receipts.receipt(self.hub, self.device, node)
        except RefusedError as error:
            raise AssertionError(f"the service refused a phone's receipt: {error}") from error


def address_of(device: Device) -> Address:
    """Return the one name under which a device's sessions are kept: by hidden identity."""
    return Address.of(device.account.lid, LID, device.number)


def for_own_devices(to: Jid, message: e2e_pb2.Message) -> e2e_pb2.Message:
    """Wrap a message as the sender's other devices get it."""
    return e2e_pb2.Message(
        device_sent_message=e2e_pb2.DeviceSentMessage(destination_jid=str(to), message=message)
    )


def _distribution(group: str, data: bytes) -> e2e_pb2.Message:
    return e2e_pb2.Message(
        sender_key_distribution_message=e2e_pb2.SenderKeyDistributionMessage(
            group_id=group, axolotl_sender_key_distribution_message=data
        )
    )
