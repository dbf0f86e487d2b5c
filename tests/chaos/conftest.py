"""Faults against whole supervisors, at the lease's production constants: `make chaos` runs them.

Each takes a minute or more, so `make test` leaves them out.
"""

import os

collect_ignore_glob = [] if os.environ.get("CHAOS") == "1" else ["test_*.py"]
