"""After `<success>`: what must be in order before the account counts as connected.

Source: whatsmeow connectionevents.go (handleConnectSuccess), Baileys socket.ts.
"""

from shared.clock import Clock
from shared.logs import get_logger
from worker.session import SessionFile
from worker.wire import Jid, Node, NodeError
from worker.wire.curve import Rng

from . import identity, prekeys
from .queries import Queries

log = get_logger(__name__)

ACTIVE = Node("iq", {"xmlns": "passive", "type": "set", "to": "@s.whatsapp.net"}, [Node("active")])


def remember_login(file: SessionFile, success: Node, clock: Clock) -> None:
    """Keep what `<success>` tells: our LID, and how the server's clock differs from ours."""
    lid = _lid(success)
    offset_s = _offset_s(success, clock)
    with file.unit() as unit:
        changes: dict[str, object] = {"server_time_offset_s": offset_s}
        if lid is not None:
            changes["lid"] = str(lid)
        credentials = unit.credentials.update(**changes)
        if credentials.lid and credentials.jid:
            pair = (Jid.parse(credentials.lid).bare, Jid.parse(credentials.jid).bare)
            identity.learn(unit, [pair])


def _lid(success: Node) -> Jid | None:
    if not success.attrs.get("lid"):
        return None
    try:
        return success.jid("lid")
    except NodeError as error:
        log.warning("login_lid_malformed", error=error)
        return None


def _offset_s(success: Node, clock: Clock) -> int:
    try:
        return success.int("t") - int(clock.wall_s())
    except NodeError:
        return 0  # told for information only; our own clock has to do


async def stock_pre_keys(file: SessionFile, queries: Queries, rng: Rng) -> None:
    """See that the server can hand out one-time keys of ours, and that we hold those it has.

    Raises:
        ConnectionLost, QueryRefused: the server could not be asked.
        SessionError: the session file failed.
    """
    on_server = prekeys.count_in(await queries.ask(prekeys.count_query()))
    with file.unit() as unit:
        ours = len(unit.pre_keys.ids())
    if on_server >= prekeys.LOW_STOCK and ours >= prekeys.LOW_STOCK:
        return
    first = on_server == 0 and ours == 0
    await upload_pre_keys(file, queries, rng, prekeys.FIRST_UPLOAD if first else prekeys.REFILL)


async def upload_pre_keys(file: SessionFile, queries: Queries, rng: Rng, count: int) -> None:
    """Hand `count` one-time keys to the server: those it never got first, then new ones.

    The keys are durable, and count as handed over, before the server hears of them: if its answer
    is lost it may have them all the same, and a key that is offered twice is used twice.
    """
    with file.unit() as unit:
        credentials = unit.credentials.get()
        keys = unit.pre_keys.waiting(count)
        keys += unit.pre_keys.generate(count - len(keys), rng)
        unit.pre_keys.mark_uploaded(key.key_id for key in keys)
    public = [prekeys.PublicPreKey(key.key_id, key.pair.public) for key in keys]
    await queries.ask(prekeys.upload(credentials, public))
    log.info("pre_keys_uploaded", count=len(keys))


async def become_active(queries: Queries) -> None:
    """Tell the server that it may send what it holds for us."""
    await queries.ask(ACTIVE)
