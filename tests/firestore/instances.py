"""Clients of one fresh project: through the proxy, or beside it to see what really stands there."""

import secrets
from contextlib import AsyncExitStack

from supervisor.store.firestore.access import Access
from supervisor.store.firestore.client import FirestoreClient


class Instances:
    def __init__(self, stack: AsyncExitStack, broken: str, whole: str) -> None:
        self._stack = stack
        self._broken, self._whole = broken, whole
        self.project = f"test-{secrets.token_hex(6)}"

    def through_proxy(self) -> FirestoreClient:
        return self.at(self._broken)

    def beside(self) -> FirestoreClient:
        return self.at(self._whole)

    def at(self, host: str) -> FirestoreClient:
        client = FirestoreClient(Access(self.project, target=host))
        self._stack.push_async_callback(client.close)
        return client
