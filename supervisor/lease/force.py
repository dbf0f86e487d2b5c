"""The operator's way to end a tenure that nobody else ends."""

from supervisor.lease.document import Garbled, LeaseDocument, NodeLock, parse
from supervisor.store.contract import LeaseStore, Refused


async def force_release(store: LeaseStore, *, timeout_s: float) -> LeaseDocument | None:
    """Take the lease from whoever holds it and leave it free; the epoch stays.

    **The risk**: the holder is not asked. If it lives, its workers stay connected until its next
    renewal is refused (seconds), or, if it is frozen or cut off from the store, until their own
    deadline. Whoever takes the lease meanwhile connects the same accounts a second time: WhatsApp
    closes the older connections, messages in flight may be lost or sent twice, and two processes
    may advance the same ratchets. The fences still refuse every write of the old holder. Safe
    only when the holder is known to be dead or stopped; otherwise ask for the lease, or wait a TTL.

    Returns:
        What stood there; None when nobody held it.

    Raises:
        Refused: the document is missing, garbled, or a Node instance's.
        PreconditionFailed: it changed meanwhile, so that the holder lives; look again.
        StoreError: the store can't be reached; the lease may have been released or not.
    """
    seen = await store.read(timeout_s=timeout_s)
    document = parse(seen.stored) if seen.stored is not None else None
    if not isinstance(document, LeaseDocument):
        raise Refused(f"release the lease by force: {_why_not(document)}")
    if document.holder is None:
        return None
    # What is released carries no time, so that the server's need not be known.
    await store.replace(document.released().to_fields(0), seen.version, timeout_s=timeout_s)
    return document


def _why_not(document: NodeLock | Garbled | None) -> str:
    match document:
        case None:
            return "there is no document; an instance that waits puts one there"
        case Garbled(reason):
            return f"the document is garbled: {reason}"
        case NodeLock():
            return "a Node instance wrote it last; stop Node, then set NODE_STOPPED=true"
