"""Hears of changes through Firestore's Listen stream; when in doubt, it says something changed.

The official library's asynchronous client has no listener. This one does not rebuild a document's
state from the stream, it only tells that reading again is worthwhile: so everything that can go
wrong with a stream (resets, resume tokens, gaps) costs one reading, and polling covers the rest.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

from google.cloud.firestore_v1 import types

from shared.errors import StoreError
from shared.logs import get_logger
from supervisor.store.contract import Refused
from supervisor.store.firestore.client import FirestoreClient

log = get_logger(__name__)

LISTEN_S: Final = 600.0  # then anew: a stream that died unnoticed is deaf no longer than this
RETRY_S: Final = 1.0
REFUSED_RETRY_S: Final = 30.0  # it is not allowed, or there is no quota: polling must do
_Target: Final = types.Target.pb()
_REMOVED: Final = int(types.TargetChange.TargetChangeType.REMOVE)
_CURRENT: Final = int(types.TargetChange.TargetChangeType.CURRENT)
_CHANGES: Final = frozenset({"document_change", "document_delete", "document_remove", "filter"})


def documents(client: FirestoreClient, paths: Sequence[str], target_id: int) -> Any:
    """Return a target that hears of these documents."""
    names = [client.name(path) for path in paths]
    return _Target(target_id=target_id, documents={"documents": names})


def collection(client: FirestoreClient, parent: str, collection_id: str, target_id: int) -> Any:
    """Return a target that hears of all documents of a small collection."""
    query = {"from_": [{"collection_id": collection_id}]}
    target = {"parent": client.name(parent).rstrip("/"), "structured_query": query}
    return _Target(target_id=target_id, query=target)


async def changes(
    client: FirestoreClient, targets: Callable[[], Sequence[Any]]
) -> AsyncIterator[None]:
    """Yield when something among the targets may have changed; ends by cancellation alone.

    It also yields each time the stream is opened: what happened before that was not heard.
    """
    changed = asyncio.Event()
    hearing = asyncio.create_task(_hear_for_ever(client, targets, changed.set))
    hearing.add_done_callback(lambda _: changed.set())
    try:
        while True:
            await changed.wait()
            changed.clear()
            if hearing.done():
                hearing.result()  # only a bug of ours ends it
            yield
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)


async def _hear_for_ever(
    client: FirestoreClient, targets: Callable[[], Sequence[Any]], heard: Callable[[], None]
) -> None:
    while True:
        try:
            async with asyncio.timeout(LISTEN_S), client.listen(targets()) as stream:
                async for answer in stream:
                    if _tells(answer):
                        heard()
        except TimeoutError:
            continue
        except StoreError as error:
            pause_s = REFUSED_RETRY_S if isinstance(error, Refused) else RETRY_S
            log.debug("listen_broken", error=error, retry_in_s=pause_s)
            await asyncio.sleep(pause_s)
        else:
            await asyncio.sleep(RETRY_S)  # the server ended the stream in good order


def _tells(answer: Any) -> bool:
    """Tell whether an answer means that reading is worthwhile.

    Raises:
        Refused: the server does not listen (any more) to what was asked for.
    """
    kind = answer.WhichOneof("response_type")
    if kind != "target_change":
        return kind in _CHANGES
    change = answer.target_change
    if change.target_change_type == _REMOVED:
        raise Refused(f"listen: the server gave up: {change.cause.message[:200]}")
    return bool(change.target_change_type == _CURRENT)
