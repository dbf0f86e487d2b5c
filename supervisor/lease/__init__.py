"""The lease: proof that of all instances only one runs the accounts. Decisions without I/O.

timing     the constants and the inequalities they must keep
document   what stands in the lease document, read strictly
decisions  free, held, new, or not to be touched: what a challenger concludes from a reading
modes      PASSIVE, FENCING, ACTIVE, DEMOTING; and how each way out is walked
guard      the choke point every act passes
crew       who starts and ends the workers, and how it must behave
tenure     one tenure: renewed, watched, and given up or lost in an orderly way
manager    waits for the lease and takes it; store, clock and everybody affected are handed in
force      the operator's way to end somebody else's tenure
"""

from supervisor.lease.crew import Crew, Unreaped
from supervisor.lease.document import Incarnation, LeaseDocument
from supervisor.lease.force import force_release
from supervisor.lease.guard import LeaseGuard, NotHolding
from supervisor.lease.manager import LeaseManager
from supervisor.lease.modes import Demotion, Mode, Standing
from supervisor.lease.timing import LeaseTiming

__all__ = [
    "Crew",
    "Demotion",
    "Incarnation",
    "LeaseDocument",
    "LeaseGuard",
    "LeaseManager",
    "LeaseTiming",
    "Mode",
    "NotHolding",
    "Standing",
    "Unreaped",
    "force_release",
]
