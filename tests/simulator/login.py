"""Who may come in: the client payload of a registration or of a login, and <success>."""

import base64

from tests.simulator import pairing
from tests.simulator.directory import Device
from tests.simulator.errors import NotFoundError
from tests.simulator.faults import Fault, FaultKind
from tests.simulator.handshake import Established
from tests.simulator.hub import SERVER, Hub, Line, failure, stream_error
from worker.wire.jid import LID, PN, Jid
from worker.wire.node import Node

OUTDATED = 405
LOGGED_OUT = 401


def admit(hub: Hub, line: Line, established: Established) -> None:
    """Answer the client payload: QR codes for a new device, <success> or <failure> for others."""
    payload = established.payload
    if payload.user_agent.app_version.tertiary < hub.options.minimum_revision:
        line.finish(failure(OUTDATED), "client outdated")
    elif payload.HasField("device_pairing_data"):
        _register(hub, line, established)
    else:
        _log_in(hub, line, established)


def _register(hub: Hub, line: Line, established: Established) -> None:
    if not _faulty(hub, line, None):
        pairing.begin(hub, line, established)


def _log_in(hub: Hub, line: Line, established: Established) -> None:
    device = _known(hub, established)
    if device is None:
        line.finish(failure(LOGGED_OUT), "no such device")
        return
    line.device, line.log.device = device, device.name
    if _faulty(hub, line, device):
        return
    _replace(hub, device)
    hub.lines[device] = line
    _welcome(hub, line, device)
    hub.record.succeeded(line.log)


def _known(hub: Hub, established: Established) -> Device | None:
    payload = established.payload
    try:
        device = hub.directory.device(Jid(str(payload.username), PN, payload.device))
    except NotFoundError:
        return None
    return device if device.noise_public == established.client_static else None


def _replace(hub: Hub, device: Device) -> None:
    older = hub.lines.get(device)
    if older is not None:
        older.finish(stream_error("", "replaced"), "replaced")


def _welcome(hub: Hub, line: Line, device: Device) -> None:
    static = base64.b64encode(hub.authority.static.public).decode()
    attrs = {
        "t": str(hub.now_s()),
        "creation": str(device.account.list_s),
        "location": "sim",
        "props": "27",
        "abprops": "1",
        "group_abprops": "0",
        "companion_enc_static": static,
        "lid": str(device.jid(LID)),
        "display_name": device.account.name,
    }
    line.push(Node("success", attrs))
    if hub.options.routing_info:
        info = Node("routing_info", {}, hub.options.routing_info)
        line.push(Node("ib", {"from": SERVER}, [Node("edge_routing", {}, [info])]))


def _faulty(hub: Hub, line: Line, device: Device | None) -> bool:
    """Play the fault that was planned for this login, if any."""
    for kind in _LOGIN_FAULTS:
        phone, number = (device.account.phone, device.number) if device else ("", None)
        fault = hub.faults.take(kind, phone, number)
        if fault is not None:
            _play(line, fault)
            return True
    return False


def _play(line: Line, fault: Fault) -> None:
    reason = f"{fault.kind.value} {fault.value}, as planned"
    if fault.kind is FaultKind.LOGIN_FAILURE:
        line.finish(failure(int(fault.value or 500), **fault.attrs), reason)
    elif fault.kind is FaultKind.LOGIN_STREAM_ERROR:
        line.finish(stream_error(fault.value, fault.attrs.get("conflict", "")), reason)
    elif fault.kind is FaultKind.LOGIN_CLOSE:
        line.finish(None, reason, int(fault.value or 1011))


_LOGIN_FAULTS = (
    FaultKind.LOGIN_FAILURE,
    FaultKind.LOGIN_STREAM_ERROR,
    FaultKind.LOGIN_CLOSE,
    FaultKind.NO_SUCCESS,
)
