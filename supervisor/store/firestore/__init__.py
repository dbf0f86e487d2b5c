"""The store in Firestore: how to reach it, and its leases, fences and accounts.

access    project, database and credentials, from the settings
client    one channel of our own; every call is one attempt with a deadline
values    fields to protobuf and back
writes    one write of a batch, with what it expects
listener  hears of changes, best effort
leases    the lease document, beside the Node backend's own fields
fences    the accounts' epochs, and batches that they guard
accounts  `accounts/{accountId}`

Only the supervisor imports this. gRPC's fork handlers are turned off before it is imported: with
them, one in fifteen processes forked beside a busy channel crashed when we measured it.
"""

import os

os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
# Its own lines on stderr are in no format of ours; what matters comes as an error.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
