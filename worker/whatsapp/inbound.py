"""The inbound walk: stanzas become durable in batches, and each is settled exactly once.

A batch is one unit of work. If a handler fails on one stanza, the batch is undone and its
stanzas are taken one by one, so that only the one that fails is refused. If the disk fails,
nothing is acknowledged and the error goes up: the connection closes, and WhatsApp delivers
again.
"""

from collections.abc import Callable

from shared.clock import Clock
from shared.errors import SessionError
from shared.logs import get_logger
from worker.session import Credentials, SessionFile, SessionRejected, UnitMisused, UnitOfWork
from worker.wire import Jid, Node
from worker.wire.curve import Rng

from .acks import Nack, ack
from .notice import take_notification, take_receipt
from .reaction import Reaction
from .receive import receive
from .source import Own

log = get_logger(__name__)

# These are wrong statements of ours about one stanza; every other SessionError is the disk's.
_BUGS = (SessionRejected, UnitMisused)


def own_addresses(credentials: Credentials) -> Own:
    """Return the addresses of this very device; it must be paired."""
    assert credentials.jid is not None
    lid = Jid.parse(credentials.lid) if credentials.lid else None
    return Own(Jid.parse(credentials.jid), lid)


class Inbound:
    """Takes stanzas for one account."""

    def __init__(self, file: SessionFile, clock: Clock, rng: Rng) -> None:
        self._file = file
        self._clock = clock
        self._rng = rng
        self.handled = 0

    def take(self, stanzas: list[Node]) -> list[Reaction]:
        """Commit what a batch of stanzas brings, and return how each is settled.

        Raises:
            SessionError: nothing could be made durable; none of them may be acknowledged.
        """
        try:
            reactions = self._commit(stanzas)
        except SessionError as error:
            if not isinstance(error, _BUGS):
                raise
            reactions = self._one_by_one(stanzas)
        except Exception:  # noqa: BLE001 - the one that fails is found, logged and refused below
            reactions = self._one_by_one(stanzas)
        self.handled += len(stanzas)
        return reactions

    def _commit(self, stanzas: list[Node]) -> list[Reaction]:
        with self._file.unit() as unit:
            credentials = unit.credentials.get()
            own = own_addresses(credentials)
            return [self._react(unit, stanza, credentials, own) for stanza in stanzas]

    def _one_by_one(self, stanzas: list[Node]) -> list[Reaction]:
        return [self._alone(stanza) for stanza in stanzas]

    def _alone(self, stanza: Node) -> Reaction:
        try:
            return self._commit([stanza])[0]
        except SessionError as error:
            if not isinstance(error, _BUGS):
                raise
            return _refused(stanza, error)
        except Exception as error:  # noqa: BLE001 - a bug must not make WhatsApp repeat for ever
            return _refused(stanza, error)

    def _react(
        self, unit: UnitOfWork, stanza: Node, credentials: Credentials, own: Own
    ) -> Reaction:
        if stanza.tag == "message":
            return receive(unit, stanza, credentials, own, self._rng)
        take = _TAKERS.get(stanza.tag)
        return take(unit, stanza, own) if take is not None else Reaction([ack(stanza)])


_TAKERS: dict[str, Callable[[UnitOfWork, Node, Own], Reaction]] = {
    "receipt": take_receipt,
    "notification": take_notification,
}


def _refused(stanza: Node, error: Exception) -> Reaction:
    log.error("stanza_refused", stanza=stanza.outline, exc_info=error)
    return Reaction([ack(stanza, Nack.UNHANDLED_ERROR)])
