"""Messages: checked against the devices that exist, split up, and put into mailboxes.

A message names each device it is encrypted for in <participants>; the service hands each of
them its own part. Sources: what Baileys messages-send.ts and whatsmeow send.go write, and
what Baileys decode-wa-message.ts and whatsmeow message.go read.
"""

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from shared.errors import SignalError
from tests.simulator.directory import PHONE, Account, Device, participant_hash
from tests.simulator.errors import NotFoundError, RefusedError
from tests.simulator.faults import FaultKind
from tests.simulator.groups import member_group
from tests.simulator.hub import Hub
from tests.simulator.record import Rule
from worker.proto import adv_pb2
from worker.signal.messages import PreKeySignalMessage, SignalMessage
from worker.wire import encode
from worker.wire.jid import LID, PN, Jid
from worker.wire.node import Node

REFUSED = 479
"""Stanza refused as malformed or addressed to nobody (Baileys: SmaxInvalid)."""

STRIPPED = frozenset({"participants", "enc", "device-identity", "tctoken", "cstoken", "reporting"})
"""What the service keeps to itself or hands out in parts."""

COPIED_ATTRS = ("edit", "category", "push_priority")


@dataclass(frozen=True, slots=True)
class _Parts:
    """A message on its way: who sends what, to which chat."""

    sender: Device
    node: Node
    to: Jid

    @property
    def server(self) -> str:
        """The kind of address that this conversation uses."""
        return LID if self.to.is_lid else PN


def message(hub: Hub, sender: Device, node: Node) -> str:
    """Deliver a message; the same once more, after a lost ack, is not delivered again.

    A sender who heard no ack writes the same bytes again (whatsmeow send.go, retryFrame).

    Returns:
        The hash of the devices it should have reached, if the sender's list was not right; "".

    Raises:
        RefusedError: nothing was delivered.
        NodeError: an attribute is missing.
    """
    node.required("id")
    node.required("type")
    exact = (sender, encode(node))
    missed = "" if exact in hub.taken else _deliver(hub, _Parts(sender, node, node.jid("to")))
    hub.taken.add(exact)
    return missed


def _deliver(hub: Hub, parts: _Parts) -> str:
    node = parts.node
    if parts.to.is_group:
        return _to_group(hub, parts)
    if node.child("participants") is None or node.attrs.get("device_fanout") == "false":
        _to_one_device(hub, parts, parts.to)  # a retry of Baileys has <participants> as well
        return ""
    return _to_person(hub, parts)


def _to_person(hub: Hub, parts: _Parts) -> str:
    target = _account(hub, parts)
    addressed = _addressed(hub, parts, [target, parts.sender.account])
    for device, enc in addressed.items():
        _post(hub, parts, device, [enc], _direct_attrs(parts, device))
    expected = _devices([target, parts.sender.account], without=parts.sender)
    return _complete(hub, parts, addressed, expected)


def _to_one_device(hub: Hub, parts: _Parts, jid: Jid) -> None:
    """Deliver a retry, or what one device of an account tells another (`category="peer"`)."""
    encrypted = parts.node.child("enc")
    if encrypted is None:
        raise RefusedError(REFUSED, "no ciphertext")
    device = _device(hub, parts, jid)
    attrs = _direct_attrs(parts, device)
    _post(hub, parts, device, [encrypted], attrs)


def _to_group(hub: Hub, parts: _Parts) -> str:
    group = member_group(hub, parts.sender, parts.to)
    shared = parts.node.children("enc")
    single = parts.node.attrs.get("participant")
    attrs = group.message_attrs(parts.sender)
    if single is not None:
        device = _device(hub, parts, Jid.parse(single))
        _post(hub, parts, device, shared, attrs)
        return ""
    members = list(group.members)
    addressed = _addressed(hub, parts, members)
    for device in _devices(members, without=parts.sender):
        own = [addressed[device]] if device in addressed else []
        _post(hub, parts, device, [*own, *shared], attrs)
    return _group_hash(parts, members, group.server)


def _account(hub: Hub, parts: _Parts) -> Account:
    try:
        return hub.directory.account(parts.to)
    except NotFoundError as error:
        hub.record.violation(Rule.UNKNOWN_DEVICE, parts.sender.name, f"message to {parts.to}")
        raise RefusedError(REFUSED, "no such user") from error


def _device(hub: Hub, parts: _Parts, jid: Jid) -> Device:
    try:
        device = hub.directory.device(jid)
    except NotFoundError as error:
        if not hub.directory.existed(jid):
            hub.record.violation(Rule.UNKNOWN_DEVICE, parts.sender.name, f"message to {jid}")
        raise RefusedError(REFUSED, "no such device") from error
    if device is parts.sender:
        hub.record.violation(Rule.ECHO, device.name, f"message {parts.node.attrs['id']}")
        raise RefusedError(REFUSED, "to itself")
    return device


def _addressed(hub: Hub, parts: _Parts, accounts: list[Account]) -> dict[Device, Node]:
    """Return each named device's <enc>; devices that were unlinked meanwhile are left out.

    Raises:
        RefusedError: a device that never existed, or of somebody outside of the conversation.
    """
    found: dict[Device, Node] = {}
    participants = parts.node.child("participants")
    for entry in participants.children("to") if participants else []:
        jid, encrypted = entry.jid("jid"), entry.child("enc")
        if hub.directory.existed(jid):
            continue
        if _is_own_group_copy(hub, parts, jid):
            continue
        device = _device(hub, parts, jid)
        if device.account not in accounts or encrypted is None:
            hub.record.violation(Rule.UNKNOWN_DEVICE, parts.sender.name, f"{jid} is not addressed")
            raise RefusedError(REFUSED, "not in this conversation")
        found[device] = encrypted
    return found


def _is_own_group_copy(hub: Hub, parts: _Parts, jid: Jid) -> bool:
    """Baileys names its own device in the first message to a LID group; nothing is delivered."""
    named = hub.directory.account(jid).devices.get(jid.device)
    return parts.to.is_group and named is parts.sender


def _devices(accounts: list[Account], *, without: Device) -> list[Device]:
    found = [device for account in accounts for device in account.devices.values()]
    return [device for device in dict.fromkeys(found) if device is not without]


def _complete(
    hub: Hub, parts: _Parts, addressed: dict[Device, Node], expected: list[Device]
) -> str:
    missing = [device for device in expected if device not in addressed]
    named = parts.node.child("participants")
    if not missing and named is not None and len(named.children("to")) == len(addressed):
        return ""
    for device in missing:
        detail = f"message {parts.node.attrs['id']} leaves out {device.name}"
        hub.record.violation(Rule.INCOMPLETE_FANOUT, parts.sender.name, detail)
    everybody = [*expected, parts.sender]
    return participant_hash([device.jid(parts.server) for device in everybody])


def _group_hash(parts: _Parts, members: list[Account], server: str) -> str:
    """Compare the hash of the sender's list, if it sent one (whatsmeow does)."""
    sent = parts.node.attrs.get("phash")
    devices = [device for account in members for device in account.devices.values()]
    expected = participant_hash([device.jid(server) for device in devices])
    return "" if sent in (None, expected) else expected


def _direct_attrs(parts: _Parts, device: Device) -> dict[str, str]:
    """Return the address lines of a one-to-one message, as its receiver sees them."""
    sender, server = parts.sender, parts.server
    other = PN if server == LID else LID
    suffix = "pn" if server == LID else "lid"
    attrs = {"from": str(sender.jid(server)), "addressing_mode": "lid" if server == LID else "pn"}
    if device.account is not sender.account:
        return {**attrs, f"sender_{suffix}": str(sender.jid(other).bare)}
    if parts.node.attrs.get("category") == "peer":
        return attrs
    chat = parts.node.attrs.get("recipient", str(parts.to.bare))
    attrs["recipient"] = chat
    alternative = parts.node.attrs.get(f"peer_recipient_{suffix}")
    if alternative is not None:
        attrs[f"peer_recipient_{suffix}"] = alternative
    return attrs


def _post(
    hub: Hub, parts: _Parts, device: Device, encrypted: list[Node], address: dict[str, str]
) -> None:
    sender, node = parts.sender, parts.node
    attrs = {
        **address,
        "id": node.attrs["id"],
        "t": str(hub.now_s()),
        "type": node.attrs["type"],
        "notify": sender.account.name,
    }
    attrs.update({name: node.attrs[name] for name in COPIED_ATTRS if name in node.attrs})
    content = [_checked(hub, parts, device, enc) for enc in encrypted]
    content += _identity(hub, parts, encrypted)
    content += [child for child in node.children() if child.tag not in STRIPPED]
    device.mailbox.post(Node("message", attrs, content))


def _identity(hub: Hub, parts: _Parts, encrypted: list[Node]) -> list[Node]:
    """Return who a companion belongs to, as it shows beside each pre-key message.

    Raises:
        RefusedError: it does not show what it and its phone signed; a phone would not believe it.
    """
    if not any(enc.attrs.get("type") == "pkmsg" for enc in encrypted):
        return []
    shown = parts.node.children("device-identity")
    if parts.sender.number != PHONE and _proofs(shown) != [_proof(parts.sender.signed_identity)]:
        hub.record.violation(Rule.BAD_SIGNATURE, parts.sender.name, "a pkmsg without its proof")
        raise RefusedError(REFUSED, "no device-identity")
    return shown


def _proofs(shown: list[Node]) -> list[adv_pb2.ADVSignedDeviceIdentity]:
    return [_proof(node.bytes()) for node in shown]


def _proof(data: bytes) -> adv_pb2.ADVSignedDeviceIdentity:
    """Return an identity with its signatures; the phone's public key may be left out of it."""
    try:
        proof = adv_pb2.ADVSignedDeviceIdentity.FromString(data)
    except DecodeError:
        return adv_pb2.ADVSignedDeviceIdentity()
    proof.ClearField("account_signature_key")
    return proof


def _checked(hub: Hub, parts: _Parts, device: Device, enc: Node) -> Node:
    try:
        _check(hub, parts, device, enc)
    except SignalError as error:
        hub.record.violation(Rule.MALFORMED, parts.sender.name, f"<enc>: {error}")
        raise RefusedError(REFUSED, "malformed") from error
    account = device.account
    if hub.faults.take(FaultKind.CORRUPT_MESSAGE, account.phone, device.number):
        data = bytearray(enc.bytes())
        data[-1] ^= 1
        return Node("enc", enc.attrs, bytes(data))
    return enc


def _check(hub: Hub, parts: _Parts, device: Device, enc: Node) -> None:
    kind, data = enc.attrs.get("type"), enc.bytes()
    if kind == "pkmsg":
        start = PreKeySignalMessage.parse(data)
        _check_start(hub, parts, device, start)
        data = start.message
    if kind in ("pkmsg", "msg"):
        _check_key(hub, parts, device, SignalMessage.parse(data))


def _check_key(hub: Hub, parts: _Parts, device: Device, message: SignalMessage) -> None:
    """Note a message key that was used for two different messages: the second can't be read."""
    place = (parts.sender, device, message.ratchet_key, message.counter)
    if hub.message_keys.setdefault(place, message.mac) != message.mac:
        detail = f"message {parts.node.attrs['id']} to {device.name}, counter {message.counter}"
        hub.record.violation(Rule.MESSAGE_KEY_REUSED, parts.sender.name, detail)


def _check_start(hub: Hub, parts: _Parts, device: Device, start: PreKeySignalMessage) -> None:
    """Refuse a second session on one one-time pre-key."""
    if parts.sender.identity != start.identity_key:
        hub.record.violation(Rule.BAD_SIGNATURE, parts.sender.name, "another identity in a pkmsg")
        raise RefusedError(REFUSED, "another identity")
    if start.pre_key_id is None:
        return
    if not device.keys.use(start.pre_key_id, start.base_key):
        detail = f"pre-key {start.pre_key_id} of {device.name}"
        hub.record.violation(Rule.PRE_KEY_REUSED, parts.sender.name, detail)
        raise RefusedError(REFUSED, "pre-key used twice")
