"""The lease: proof that of all instances only one runs the accounts. Decisions without I/O.

timing     the constants and the inequalities they must keep
document   what stands in the lease document, read strictly
decisions  free, held, new, or not to be touched: what a challenger concludes from a reading
modes      PASSIVE, FENCING, ACTIVE, DEMOTING; and how each way out is walked
guard      the choke point every act passes
manager    takes, renews, loses; store, clock and everybody affected are handed in
"""

from supervisor.lease.document import Incarnation, LeaseDocument
from supervisor.lease.guard import LeaseGuard, NotHolding
from supervisor.lease.manager import LeaseManager
from supervisor.lease.modes import Demotion, Mode
from supervisor.lease.timing import LeaseTiming

__all__ = [
    "Demotion",
    "Incarnation",
    "LeaseDocument",
    "LeaseGuard",
    "LeaseManager",
    "LeaseTiming",
    "Mode",
    "NotHolding",
]
