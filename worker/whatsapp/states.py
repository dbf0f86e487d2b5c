"""The states of an account's connection, and which may follow which."""

from enum import Enum

from shared import link_pb2
from shared.errors import WhatsAppError


class State(Enum):
    """What the worker tells the supervisor about its connection; values are the link's."""

    CONNECTING = link_pb2.CONNECTING
    """Dialling, or in the handshake."""
    AWAITING_SCAN = link_pb2.AWAITING_SCAN
    """A QR code is out."""
    PAIRING = link_pb2.PAIRING
    """A phone scanned; the server will end the stream (515) and we come back logged in."""
    CONNECTED = link_pb2.CONNECTED
    """Logged in, and ready to send."""
    RECONNECTING = link_pb2.RECONNECTING
    """The connection is lost and will be made again, after a pause."""
    STOPPED = link_pb2.STOPPED
    """No further try: the code and the reason say why."""


TRANSITIONS: dict[State | None, frozenset[State]] = {
    None: frozenset({State.CONNECTING, State.STOPPED}),
    # Itself: the server may ask for a restart (515) before it has said anything else.
    State.CONNECTING: frozenset(
        {
            State.CONNECTING,
            State.AWAITING_SCAN,
            State.CONNECTED,
            State.RECONNECTING,
            State.STOPPED,
        }
    ),
    State.AWAITING_SCAN: frozenset(
        {State.AWAITING_SCAN, State.PAIRING, State.CONNECTING, State.RECONNECTING, State.STOPPED}
    ),
    State.PAIRING: frozenset({State.CONNECTING, State.RECONNECTING, State.STOPPED}),
    State.CONNECTED: frozenset({State.CONNECTING, State.RECONNECTING, State.STOPPED}),
    State.RECONNECTING: frozenset({State.CONNECTING, State.RECONNECTING, State.STOPPED}),
    State.STOPPED: frozenset(),
}


class IllegalState(WhatsAppError):
    """A state was to follow one that it cannot follow: a bug of ours."""


def check(old: State | None, new: State) -> State:
    """Return `new` if it may follow `old`.

    Raises:
        IllegalState: it may not.
    """
    if new not in TRANSITIONS[old]:
        before = old.name if old is not None else "nothing"
        raise IllegalState(f"go from {before} to {new.name}: no such transition")
    return new
