"""Firestore for tests: the official emulator, and a proxy that breaks what goes through it."""

import os

os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # before anything imports grpc
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
