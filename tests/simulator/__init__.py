"""A WhatsApp service and phones that speak the real wire protocol, for tests and for the demo.

    async with Simulator() as sim:
        ann, bob = await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")
        client = start_a_client(sim.url, sim.root_public_hex)
        device = await ann.scan(await client.qr())
        await sim.wait_online(device)
        bob.send(ann, "hello")                      # arrives at the client too
        await bob.wait_received("what the client wrote")
        sim.faults.plan("corrupt_message", phone=ann.number, device=device.number)
        assert sim.record.violations == [] and sim.record.retry_receipts() == []

Phones and the service are synchronous inside: what one says, the others' mailboxes have at once.
`sim.wait_for(look)` waits for anything else.
"""

from tests.simulator.errors import ScanRefusedError
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
    "ScanRefusedError",
    "Simulator",
]
