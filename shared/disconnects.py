"""What to do when WhatsApp closes or refuses a connection: one table, data instead of ifs.

Codes and meanings: whatsmeow connectionevents.go and types/events/events.go, Baileys
Types/index.ts, WhatsApp Web by way of whatsapp-rust. A code that nobody knows is answered with
a patient reconnect: no unknown number ever costs a session (Baileys turns every one into 500
"bad session", and people then delete credentials that were fine).
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final


class Reaction(enum.Enum):
    """What the worker, and after it the fleet, does about a disconnect."""

    RECONNECT = "reconnect"  # by itself, after the backoff
    RECONNECT_NOW = "reconnect_now"  # at once, with the same credentials: not a failure at all
    STOP = "stop"  # trying again will not help; a person must look at it
    WAIT = "wait"  # banned for a while: keep everything, connect after the time WhatsApp named
    OUTDATED = "outdated"  # our client version is refused: every account is affected
    REPLACED = "replaced"  # somebody connected with the same keys: check the lease first
    LOGGED_OUT = "logged_out"  # the device is gone: quarantine the session, a person scans again
    PROBATION = "probation"  # may be logged out: exactly one more try before it counts as such


@dataclass(frozen=True, slots=True)
class Disconnect:
    """One way a connection ends.

    Attributes:
        code: WhatsApp's number, or the one Baileys made customary (408, 411, 428, 440).
        name: stable, for logs, documents and clients.
        meaning: a sentence for the operator.
        reaction: what happens next without anybody's help.
        terminal: the session is dead, and only a new QR brings the account back.
        hint: what a person can do; empty where nothing is needed.
        min_delay_s: the next try is not before this, whatever the backoff says.
    """

    code: int
    name: str
    meaning: str
    reaction: Reaction
    terminal: bool = False
    hint: str = ""
    min_delay_s: float = 0.0


_SCAN: Final = "scan a new QR code with the phone"
_REPORT: Final = "look for a newer release; if there is none, report the code"

LOST: Final = Disconnect(
    428, "connection_lost", "the connection was closed without a reason", Reaction.RECONNECT
)
TIMED_OUT: Final = Disconnect(
    408, "timed_out", "WhatsApp stopped answering", Reaction.RECONNECT,
    hint="if it stays like this, check the network, DNS and proxy of this host",
)  # fmt: skip
QR_EXHAUSTED: Final = Disconnect(
    408, "qr_exhausted", "nobody scanned the QR code in time", Reaction.STOP,
    hint="ask for a new QR code when the phone is at hand",
)  # fmt: skip
NOT_MULTI_DEVICE: Final = Disconnect(
    411, "multi_device_missing", "the phone that scanned can't link devices", Reaction.STOP,
    hint="update WhatsApp on the phone, then scan again",
)  # fmt: skip
REPLACED: Final = Disconnect(
    440, "replaced", "another connection with the same keys took over", Reaction.REPLACED,
    hint="find the second instance that runs this session, and stop it",
)  # fmt: skip
DEVICE_REMOVED: Final = Disconnect(
    401, "logged_out", "the linked device was removed", Reaction.LOGGED_OUT, terminal=True,
    hint=_SCAN,
)  # fmt: skip
BARE_401: Final = Disconnect(
    401, "unauthorized", "WhatsApp refused the login without saying why", Reaction.PROBATION,
    hint="nothing yet: one more try is made before the session counts as logged out",
    min_delay_s=5.0,
)  # fmt: skip
ACK_MISSING: Final = Disconnect(
    0, "ack_missing", "WhatsApp closed the stream because an ack was owed", Reaction.RECONNECT
)

TABLE: Final[tuple[Disconnect, ...]] = (
    Disconnect(400, "refused", "WhatsApp refused the login", Reaction.STOP, hint=_REPORT),
    BARE_401,
    Disconnect(
        402, "temporarily_banned", "the account is banned for a while", Reaction.WAIT,
        hint="send less, and only to people who know this number; the session is kept",
    ),
    Disconnect(
        403, "locked", "the account is locked, or its phone was logged out", Reaction.STOP,
        terminal=True, hint="open WhatsApp on the phone; appeal there if it asks to, then " + _SCAN,
    ),
    Disconnect(
        405, "client_outdated", "WhatsApp no longer accepts our client version", Reaction.OUTDATED,
        hint="set WHATSAPP_VERSION to the version of web.whatsapp.com; no QR is needed",
    ),
    Disconnect(
        406, "banned", "the account is banned", Reaction.STOP, terminal=True,
        hint="open WhatsApp on the phone and appeal there, then " + _SCAN,
    ),
    TIMED_OUT,
    Disconnect(
        409, "bad_user_agent", "WhatsApp refused how we introduce ourselves", Reaction.STOP,
        hint=_REPORT,
    ),
    NOT_MULTI_DEVICE,
    Disconnect(413, "cat_expired", "a Messenger token has expired", Reaction.STOP, hint=_REPORT),
    Disconnect(414, "cat_invalid", "a Messenger token is not valid", Reaction.STOP, hint=_REPORT),
    Disconnect(415, "not_found", "WhatsApp does not find the account", Reaction.STOP, hint=_REPORT),
    Disconnect(
        418, "client_unknown", "WhatsApp does not know this client", Reaction.STOP, hint=_REPORT
    ),
    LOST,
    Disconnect(
        429, "rate_limited", "too many connections in a short time", Reaction.RECONNECT,
        min_delay_s=60.0, hint="check that no account reconnects in a loop",
    ),
    REPLACED,
    Disconnect(500, "server_error", "WhatsApp had an internal error", Reaction.RECONNECT),
    Disconnect(
        501, "experimental", "WhatsApp refused an experimental feature", Reaction.STOP, hint=_REPORT
    ),
    Disconnect(503, "unavailable", "WhatsApp is restarting or busy", Reaction.RECONNECT),
    Disconnect(
        515, "restart_required", "WhatsApp asks for a new connection", Reaction.RECONNECT_NOW
    ),
    Disconnect(
        516, "logged_out", "the linked device was removed", Reaction.LOGGED_OUT, terminal=True,
        hint=_SCAN,
    ),
)  # fmt: skip

_BY_CODE: Final = {disconnect.code: disconnect for disconnect in TABLE}

# Why an account was banned for a while: `code` of a 402 failure (whatsmeow events.go).
BAN_REASONS: Final = {
    101: "too many messages to people who don't have this number in their address books",
    102: "too many people blocked this number",
    103: "too many groups with people who don't have this number in their address books",
    104: "the same message to too many people",
    106: "too many messages to a broadcast list",
}


def for_failure(code: int, *, conflict: str = "", on_probation: bool = False) -> Disconnect:
    """Return what a `<failure reason=…>` at login means.

    Args:
        code: its `reason` attribute.
        conflict: the `type` of a `<conflict>` inside, where there is one.
        on_probation: this connection was the one further try after a bare 401.
    """
    if conflict == "device_removed":
        return DEVICE_REMOVED
    return _settle(_BY_CODE.get(code) or _unknown(code), on_probation=on_probation)


def for_stream_error(code: int, conflict: str = "", *, on_probation: bool = False) -> Disconnect:
    """Return what a `<stream:error>` on an open connection means.

    Args:
        code: its `code` attribute, 0 where it has none.
        conflict: the `type` of a `<conflict>` inside, where there is one.
        on_probation: this connection was the one further try after a bare 401.
    """
    if conflict == "device_removed":
        return DEVICE_REMOVED
    if conflict == "replaced" or code == 409:  # 409 has another meaning in a <failure>
        return REPLACED
    if conflict and code == 0:
        return REPLACED
    return _settle(_BY_CODE.get(code) or _unknown(code), on_probation=on_probation)


def ban_reason(code: int) -> str:
    """Return why WhatsApp banned an account for a while, by the `code` beside a 402."""
    return BAN_REASONS.get(code, "a breach of WhatsApp's terms that it does not name")


def _settle(found: Disconnect, *, on_probation: bool) -> Disconnect:
    return DEVICE_REMOVED if on_probation and found is BARE_401 else found


def _unknown(code: int) -> Disconnect:
    if code == 0:
        return LOST
    return replace(
        LOST, code=code, name="unknown", meaning=f"WhatsApp closed the connection with code {code}"
    )


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before another try: full jitter, doubling, with a floor and a cap.

    WhatsApp Web walks Fibonacci numbers, 1 to 900 s, with 10 % jitter; full jitter spreads a
    fleet better, and 300 s bounds how long an account is deaf after an outage.
    """

    floor_s: float = 1.0
    base_s: float = 1.0
    cap_s: float = 300.0
    # A brief open window must not reset the counter: that is how a 440 loop escaped its guard.
    stable_after_s: float = 120.0

    def delay_s(self, failures: int, rng: Callable[[int], bytes]) -> float:
        """Return the wait after so many failures in a row, the first being 1."""
        ceiling_s = min(self.cap_s, self.base_s * 2.0 ** min(failures, 32))
        return max(self.floor_s, ceiling_s * _fraction(rng))

    def failures_after(self, failures: int, connected_s: float) -> int:
        """Return the count for a connection that has just ended after so many seconds."""
        return 1 if connected_s >= self.stable_after_s else failures + 1


def _fraction(rng: Callable[[int], bytes]) -> float:
    """Return a number in [0, 1)."""
    return int.from_bytes(rng(6), "big") / 2.0**48
