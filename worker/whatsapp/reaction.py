"""What follows from a stanza: decided inside the unit of work, carried out after its commit."""

from dataclasses import dataclass, field

from worker.wire import Jid, Node


@dataclass(frozen=True, slots=True)
class RefillPreKeys:
    """The server runs out of our one-time keys."""


@dataclass(frozen=True, slots=True)
class AnswerRetry:
    """Somebody could not read a message of ours and asks for it again."""

    receipt: Node


@dataclass(frozen=True, slots=True)
class AskGroup:
    """A group changed in a way that only its metadata tells."""

    group: Jid


Errand = RefillPreKeys | AnswerRetry | AskGroup


@dataclass(slots=True)
class Reaction:
    """What one stanza leads to.

    Attributes:
        replies: sent in this order; exactly one of them settles the stanza.
        waits_for: spool rows that the store should have before the replies go out; without any
            they go out as soon as the commit stands.
        errands: what takes questions to the server.
    """

    replies: list[Node] = field(default_factory=list)
    waits_for: list[int] = field(default_factory=list)
    errands: list[Errand] = field(default_factory=list)
