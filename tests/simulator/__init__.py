"""A WhatsApp service and phones that speak the real wire protocol, for tests and for the demo."""

from tests.simulator.faults import Fault, FaultKind, Faults
from tests.simulator.groups import Group
from tests.simulator.handshake import CertificateDefect
from tests.simulator.hub import Options
from tests.simulator.phone import Phone
from tests.simulator.phone_inbox import Received
from tests.simulator.record import Direction, Record, Rule
from tests.simulator.server import Simulator

__all__ = [
    "CertificateDefect",
    "Direction",
    "Fault",
    "FaultKind",
    "Faults",
    "Group",
    "Options",
    "Phone",
    "Received",
    "Record",
    "Rule",
    "Simulator",
]
