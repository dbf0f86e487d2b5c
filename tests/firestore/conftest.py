from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from supervisor.store.firestore.access import Access
from supervisor.store.firestore.client import FirestoreClient
from tests.firestore import emulator
from tests.firestore.faults import FaultProxy
from tests.firestore.instances import Instances


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    async with FaultProxy(emulator.shared().host) as opened:
        yield opened


@pytest.fixture
async def instances(proxy: FaultProxy) -> AsyncIterator[Instances]:
    async with AsyncExitStack() as stack:
        yield Instances(stack, proxy.host, emulator.shared().host)


@pytest.fixture
def client(instances: Instances) -> FirestoreClient:
    """Return a client that goes through the proxy."""
    return instances.through_proxy()


@pytest.fixture
def access(client: FirestoreClient) -> Access:
    return client._access
