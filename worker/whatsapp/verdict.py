"""What follows from the end of a connection: again after a pause, or not at all. Pure."""

from dataclasses import dataclass

from shared.disconnects import Backoff, Disconnect, Reaction
from shared.errors import SessionError, WhatsAppError, WireError
from shared.exit_codes import ExitCode
from worker.session import SessionCorrupt
from worker.wire.curve import Rng

from .connection import ConnectionEnded
from .pairing import PairingRefused

# After a refused pairing the next QR should be there while the person still holds the phone.
AFTER_REFUSAL_S = 1.0


@dataclass(frozen=True, slots=True)
class Again:
    """Connect again after a pause."""

    delay_s: float
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Over:
    """Do not connect again by ourselves; the process ends with a code that says why."""

    exit_code: ExitCode
    code: int
    reason: str
    terminal: bool = False
    wait_s: float = 0.0


_EXITS = {
    Reaction.LOGGED_OUT: ExitCode.LOGGED_OUT,
    Reaction.PROBATION: ExitCode.LOGGED_OUT_UNCONFIRMED,
    Reaction.REPLACED: ExitCode.REPLACED,
    Reaction.WAIT: ExitCode.TEMP_BANNED,
    Reaction.OUTDATED: ExitCode.CLIENT_OUTDATED,
}


def is_restart(error: Exception) -> bool:
    """Tell whether the server asked for a new connection at once (515)."""
    return (
        isinstance(error, ConnectionEnded) and error.disconnect.reaction is Reaction.RECONNECT_NOW
    )


def verdict(
    error: Exception, failures: int, restarts: int, rng: Rng, backoff: Backoff
) -> Again | Over:
    """Decide what follows when a connection ended with this error.

    Args:
        error: why it ended.
        failures: connections that ended in a row, this one included.
        restarts: how many of the last ones in a row were restarts that the server asked for: the
            first is followed at once, a server that asks for nothing else is not.
        rng: for the jitter of the pause.
        backoff: the policy of pauses.
    """
    if isinstance(error, SessionCorrupt):
        return Over(ExitCode.CREDS_CORRUPT, 0, str(error))
    if isinstance(error, ConnectionEnded):
        if is_restart(error) and restarts == 1:
            return Again(0.0, error.disconnect.code, error.message)
        return _after_code(error, failures, rng, backoff)
    delay_s = AFTER_REFUSAL_S if isinstance(error, PairingRefused) else None
    return Again(delay_s or backoff.delay_s(failures, rng), 0, str(error))


def _after_code(ended: ConnectionEnded, failures: int, rng: Rng, backoff: Backoff) -> Again | Over:
    disconnect = ended.disconnect
    if disconnect.reaction in (Reaction.RECONNECT, Reaction.RECONNECT_NOW):
        pause_s = max(backoff.delay_s(failures, rng), disconnect.min_delay_s)
        return Again(pause_s, disconnect.code, ended.message)
    return Over(
        _exit_code(disconnect),
        disconnect.code,
        str(ended),
        terminal=disconnect.terminal,
        wait_s=ended.wait_s,
    )


def _exit_code(disconnect: Disconnect) -> ExitCode:
    if disconnect.name == "qr_exhausted":
        return ExitCode.QR_EXPIRED
    if disconnect.terminal:
        return ExitCode.LOGGED_OUT
    return _EXITS.get(disconnect.reaction, ExitCode.REFUSED)


# What connections end with; everything else is a bug of ours, and ends the process.
EXPECTED = (WhatsAppError, WireError, SessionError)
