"""The list of an account's devices: it grows, shrinks, and others are told."""

from tests.simulator.directory import PHONE, Account, Device, participant_hash
from tests.simulator.hub import Hub, stream_error
from worker.wire.jid import LID, PN
from worker.wire.node import Node

REMOVED = "401"


def add(hub: Hub, device: Device) -> None:
    """Enter a linked device and tell those who know the account's devices."""
    device.account.devices[device.number] = device
    device.account.list_s = hub.now_s()
    _announce(hub, device, "add")
    hub.watch.changed()


def remove(hub: Hub, device: Device) -> None:
    """Unlink a device: it is disconnected for good, and others are told."""
    account = device.account
    account.devices.pop(device.number, None)
    account.removed.add(device.number)
    account.list_s = hub.now_s()
    device.mailbox.clear()
    line = hub.lines.get(device)
    if line is not None:
        line.finish(stream_error(REMOVED, "device_removed"), "device removed")
    _announce(hub, device, "remove")
    hub.watch.changed()


def list_nodes(account: Account) -> list[Node]:
    """Return the <device-list> and <key-index-list> of an account."""
    listed = [_listed(device, id=str(number)) for number, device in account.devices.items()]
    key_list = Node("key-index-list", {"ts": str(account.list_s)}, account.key_index_list())
    return [Node("device-list", {}, listed), key_list]


def _listed(device: Device, **attrs: str) -> Node:
    if device.number != PHONE:
        attrs["key-index"] = str(device.key_index)
    return Node("device", attrs)


def _announce(hub: Hub, changed: Device, verb: str) -> None:
    account = changed.account
    for other in dict.fromkeys([account, *hub.interested.get(account, {})]):
        for device in other.companions():
            if device is not changed:
                device.mailbox.post(_by_phone(hub, changed, verb))
                device.mailbox.post(_by_lid(hub, changed, verb))
    for own in account.companions():
        if own is not changed:
            own.mailbox.post(_to_own(hub, account))


def _by_phone(hub: Hub, changed: Device, verb: str) -> Node:
    account = changed.account
    device = {"jid": str(changed.jid(PN)), "lid": str(changed.jid(LID))}
    change = {"device_hash": _hash(account, PN), "device_lid_hash": _hash(account, LID)}
    body = _change(changed, verb, device, change)
    return _notification(hub, "devices", account, PN, [body], lid=str(account.jid(LID)))


def _by_lid(hub: Hub, changed: Device, verb: str) -> Node:
    """Tell the same to those who know the account by its hidden identity only."""
    account = changed.account
    change = {"device_hash": _hash(account, LID)}
    body = _change(changed, verb, {"jid": str(changed.jid(LID))}, change)
    return _notification(hub, "devices", account, LID, [body])


def _change(changed: Device, verb: str, device: dict[str, str], attrs: dict[str, str]) -> Node:
    if verb == "remove":
        return Node(verb, attrs, [Node("device", device)])
    key_list = list_nodes(changed.account)[1]
    listed = Node("device", {**device, "key-index": str(changed.key_index)})
    return Node(verb, attrs, [listed, key_list])


def _to_own(hub: Hub, account: Account) -> Node:
    listed = [_listed(device, jid=str(device.jid(PN))) for device in account.devices.values()]
    body = Node("devices", {"dhash": _hash(account, PN)}, listed)
    return _notification(hub, "account_sync", account, PN, [body])


def _notification(
    hub: Hub, kind: str, account: Account, server: str, content: list[Node], **attrs: str
) -> Node:
    head = {"from": str(account.jid(server)), "type": kind, "id": hub.next_id()}
    return Node("notification", {**head, "t": str(hub.now_s()), **attrs}, content)


def _hash(account: Account, server: str) -> str:
    return participant_hash([device.jid(server) for device in account.devices.values()])
