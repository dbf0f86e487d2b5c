"""Learning that a LID and a phone number are one person: kept for us, and told to the store.

The store has to hear of every pair, from wherever it was learned: until then it may hold two
conversations with the same person, and it is the only one that can join them.
"""

from collections.abc import Iterable

from shared import link_pb2
from worker.session import UnitOfWork
from worker.session.spool import Key
from worker.wire import Jid

from . import identity


def learn(unit: UnitOfWork, pairs: Iterable[tuple[Jid, Jid]]) -> None:
    """Keep (LID, phone number) pairs, move sessions over, and put what is new into the spool."""
    for lid, pn in identity.learn(unit, pairs):
        event = link_pb2.Event(lid_pair=link_pb2.LidPair(lid=str(lid), pn=str(pn)))
        unit.spool.add(Key("lid_pair", str(lid), str(pn), str(lid)), event.SerializeToString())
