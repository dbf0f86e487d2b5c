"""What follows when a worker ended: a table of meanings, and a memory of how often. Pure.

Times are nanoseconds on CLOCK_BOOTTIME. A worker that came up and held its connection for
two minutes starts with a clean slate; a brief open window does not clean it, because a loop of
brief windows is what must be slowed down.
"""

import enum
import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from shared.accounts import AccountStatus
from shared.disconnects import Backoff
from shared.exit_codes import ExitCode
from supervisor.processes import ExitStatus

Rng = Callable[[int], bytes]


class Next(enum.Enum):
    """What is done after a worker ended."""

    REST = "rest"  # nothing, until somebody asks
    BACK_OFF = "back_off"  # again after the backoff, unless it happens too often
    PROBATION = "probation"  # again once; a second time within a day it is a log-out
    WAIT = "wait"  # again after the time that WhatsApp named
    TRY_LOCK = "try_lock"  # again a few times, soon: the former holder may still be ending
    PARK = "park"  # again after the long cool-off
    SET_ASIDE = "set_aside"  # the session is dead: quarantine, and nothing until somebody asks
    PROVE = "prove"  # again once, if the lease is proven to be ours first
    HOLD = "hold"  # nothing, and no other account is started either


@dataclass(frozen=True, slots=True)
class Consequence:
    """What one kind of end means for the account.

    Attributes:
        next: what is done.
        status: what the account becomes; None leaves it.
        reason: for people, where the worker itself gave none.
    """

    next: Next
    status: AccountStatus | None
    reason: str


CRASHED: Final = Consequence(Next.BACK_OFF, AccountStatus.RECONNECTING, "the worker crashed")
UNASKED: Final = Consequence(
    Next.BACK_OFF, AccountStatus.RECONNECTING, "the worker stopped by itself"
)
PARKED: Final = Consequence(
    Next.PARK, AccountStatus.DISCONNECTED, "the worker ended too often; it is tried again later"
)
GONE: Final = Consequence(
    Next.SET_ASIDE, AccountStatus.NEEDS_QR, "the phone removed this device; scan a new QR code"
)
TWICE_REFUSED: Final = Consequence(
    Next.SET_ASIDE,
    AccountStatus.NEEDS_QR,
    "WhatsApp refused the login again without saying why; scan a new QR code",
)
TAKEN: Final = Consequence(
    Next.REST,
    AccountStatus.DISCONNECTED,
    "another client uses the keys of this account: find it and stop it, then reconnect",
)
BANNED: Final = Consequence(
    Next.WAIT, AccountStatus.DISCONNECTED, "WhatsApp banned the account for a while"
)
OUTDATED: Final = Consequence(
    Next.HOLD,
    AccountStatus.DISCONNECTED,
    "WhatsApp no longer accepts our version: set WHATSAPP_VERSION to a newer one and restart",
)

# processes.md's table of exit codes, as far as it does not need the lease.
CONSEQUENCES: Final[Mapping[ExitCode, Consequence]] = {
    ExitCode.STOPPED: Consequence(Next.REST, None, "stopped"),
    ExitCode.BOOT_ERROR: Consequence(
        Next.PARK, AccountStatus.DISCONNECTED, "the worker could not begin; see its log lines"
    ),
    ExitCode.LOGGED_OUT: GONE,
    ExitCode.REPLACED: Consequence(
        Next.PROVE, AccountStatus.RECONNECTING, "another connection with the same keys took over"
    ),
    ExitCode.TEMP_BANNED: BANNED,
    ExitCode.CLIENT_OUTDATED: OUTDATED,
    ExitCode.CREDS_CORRUPT: Consequence(
        Next.REST, AccountStatus.DISCONNECTED, "the session file is damaged; it was left untouched"
    ),
    ExitCode.LOGGED_OUT_UNCONFIRMED: Consequence(
        Next.PROBATION, AccountStatus.RECONNECTING, "WhatsApp refused the login; one more try"
    ),
    ExitCode.QR_EXPIRED: Consequence(
        Next.REST, AccountStatus.NEEDS_QR, "nobody scanned the QR code in time"
    ),
    ExitCode.REFUSED: Consequence(
        Next.REST, AccountStatus.DISCONNECTED, "WhatsApp refuses the login"
    ),
    # While we hold the lease, it just was not told in time; when we don't, nothing is started.
    ExitCode.LEASE_EXPIRED: Consequence(
        Next.BACK_OFF, AccountStatus.RECONNECTING, "the worker did not hear of the lease in time"
    ),
    ExitCode.FENCED: Consequence(Next.REST, None, "another instance runs this account"),
    ExitCode.LOCKED: Consequence(
        Next.TRY_LOCK, AccountStatus.RECONNECTING, "another process still holds this account"
    ),
    ExitCode.CONFIG: Consequence(
        Next.PARK, AccountStatus.DISCONNECTED, "the worker refused its settings"
    ),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The numbers of the restart policy."""

    backoff: Backoff = field(default_factory=Backoff)
    max_crashes: int = 5  # within the window; one more parks the account
    window_s: float = 600.0
    cool_off_s: float = 3600.0
    probation_delay_s: float = 5.0
    probation_reset_s: float = 86_400.0  # an unconfirmed log-out counts for so long
    replaced_delay_s: float = 5.0
    replaced_window_s: float = 600.0  # one retry in it
    lock_delay_s: float = 5.0
    lock_tries: int = 10  # a predecessor's worker may live until its lease's hard stop, 36 s
    ban_default_s: float = 3600.0  # where WhatsApp named no time


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now: start again in `delay_s`, or never by itself when that is None.

    `next` is what was decided, for what goes with it: the quarantine, the proof, the hold.
    `outweighs`: its reason says more than the worker's own last word.
    """

    delay_s: float | None
    status: AccountStatus | None
    reason: str
    next: Next = Next.REST
    outweighs: bool = False


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """Log-outs of an account that were not confirmed, as its record has them.

    Attributes:
        count: how many.
        since_ms: the wall clock at the last one.
    """

    count: int = 0
    since_ms: int = 0

    def counts(self, at_ms: int, reset_s: float) -> bool:
        """Tell whether they still count; a clock that went back makes them count longer."""
        return self.count > 0 and at_ms - self.since_ms < reset_s * 1000


NONE_UNCONFIRMED: Final = Unconfirmed()


class RestartHistory:
    """How one account's workers have ended so far, and what that leads to."""

    def __init__(self, policy: Policy | None = None, rng: Rng = os.urandom) -> None:
        self._policy = policy or Policy()
        self._rng = rng
        self._failures = 0
        self._crashes_boot_ns: deque[int] = deque()
        self._replaced_boot_ns: int | None = None
        self._locked = 0

    def after(
        self,
        exit_status: ExitStatus,
        *,
        at_boot_ns: int,
        connected_s: float = 0.0,
        wait_s: float = 0.0,
        asked: bool = False,
        unconfirmed: Unconfirmed = NONE_UNCONFIRMED,
        at_ms: int = 0,
    ) -> Decision:
        """Decide what follows.

        Args:
            exit_status: how the worker ended.
            at_boot_ns: now.
            connected_s: how long its last connection had been open; 0 when it had none.
            wait_s: what WhatsApp asked to wait, 0 when it did not.
            asked: we told it to end; a worker that stops unasked is started again.
            unconfirmed: earlier log-outs without a confirmation; another one is the last.
            at_ms: now, on the wall clock that those are dated by.
        """
        consequence = _consequence(exit_status.meaning, asked=asked)
        self._failures = self._policy.backoff.failures_after(self._failures, connected_s)
        if connected_s > 0:
            self._locked = 0
        match consequence.next:
            case Next.REST | Next.SET_ASIDE | Next.HOLD:
                return self._rest(consequence)
            case Next.PROBATION:
                return self._probation(consequence, unconfirmed, at_ms)
            case Next.PROVE:
                return self._prove(consequence, at_boot_ns)
            case Next.WAIT:
                return _decide(consequence, wait_s or self._policy.ban_default_s)
            case Next.TRY_LOCK:
                return self._try_lock(consequence)
            case Next.PARK:
                return _decide(consequence, self._policy.cool_off_s)
            case Next.BACK_OFF:
                return self._back_off(consequence, at_boot_ns)

    def forget(self) -> None:
        """Begin with a clean slate: a person asked for a start."""
        self._failures = self._locked = 0
        self._crashes_boot_ns.clear()

    def _rest(self, consequence: Consequence) -> Decision:
        self.forget()
        return _decide(consequence, None)

    def _probation(
        self, consequence: Consequence, unconfirmed: Unconfirmed, at_ms: int
    ) -> Decision:
        if unconfirmed.counts(at_ms, self._policy.probation_reset_s):
            return replace(self._rest(TWICE_REFUSED), outweighs=True)
        return _decide(consequence, self._policy.probation_delay_s)

    def _prove(self, consequence: Consequence, at_boot_ns: int) -> Decision:
        last_ns, self._replaced_boot_ns = self._replaced_boot_ns, at_boot_ns
        if last_ns is not None and at_boot_ns - last_ns < self._policy.replaced_window_s * 1e9:
            return self.unproven()
        return _decide(consequence, self._policy.replaced_delay_s)

    def unproven(self) -> Decision:
        """Decide what follows when the lease could not be proven."""
        return replace(self._rest(TAKEN), outweighs=True)

    def _try_lock(self, consequence: Consequence) -> Decision:
        self._locked += 1
        if self._locked > self._policy.lock_tries:
            self._locked = 0
            return _decide(PARKED, self._policy.cool_off_s, consequence.reason)
        return _decide(consequence, self._policy.lock_delay_s)

    def _back_off(self, consequence: Consequence, at_boot_ns: int) -> Decision:
        self._crashes_boot_ns.append(at_boot_ns)
        begin_ns = at_boot_ns - int(self._policy.window_s * 1e9)
        while self._crashes_boot_ns[0] < begin_ns:
            self._crashes_boot_ns.popleft()
        if len(self._crashes_boot_ns) > self._policy.max_crashes:
            self._crashes_boot_ns.clear()
            return _decide(PARKED, self._policy.cool_off_s)
        return _decide(consequence, self._policy.backoff.delay_s(self._failures, self._rng))


def _consequence(meaning: ExitCode | None, *, asked: bool) -> Consequence:
    if meaning is ExitCode.STOPPED and not asked:
        return UNASKED
    return CRASHED if meaning is None else CONSEQUENCES[meaning]


def _decide(consequence: Consequence, delay_s: float | None, reason: str = "") -> Decision:
    return Decision(delay_s, consequence.status, reason or consequence.reason, consequence.next)
