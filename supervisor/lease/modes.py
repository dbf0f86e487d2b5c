"""The modes of an instance, and the ways out of ACTIVE, as tables."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Mode(Enum):
    """What an instance is."""

    PASSIVE = "passive"  # holds nothing: serves reads, refuses writes, keeps trying
    FENCING = "fencing"  # holds the lease; raises every account's fence before anything runs
    ACTIVE = "active"  # holds the lease; its workers run
    DEMOTING = "demoting"  # on the way down: no new work, workers end


TRANSITIONS: Final = {
    Mode.PASSIVE: frozenset({Mode.FENCING}),
    Mode.FENCING: frozenset({Mode.ACTIVE, Mode.DEMOTING}),
    Mode.ACTIVE: frozenset({Mode.DEMOTING}),
    Mode.DEMOTING: frozenset({Mode.PASSIVE}),
}


class Demotion(Enum):
    """Why an instance goes down; the less time is left, the harder."""

    GRACEFUL = "graceful"  # asked to: SIGTERM, step-down, hand-over
    UNCERTAIN = "uncertain"  # no renewal has succeeded for too long
    LOST = "lost"  # the document shows another incarnation or epoch, or a fence refused us
    EXPIRED = "expired"  # the hard deadline has passed: we were paused


@dataclass(frozen=True, slots=True)
class Standing:
    """How this instance stands, for people and for `/ready`.

    Attributes:
        mode: what it is.
        why: a sentence; the same one that is logged.
        epoch: of the lease, as last seen.
        held_by: the holder's incarnation, empty where nobody or nobody known holds it.
        holder_name: its instance id.
        left_s: seconds until it expires, as far as known; None where that makes no sense.
    """

    mode: Mode
    why: str
    epoch: int = 0
    held_by: str = ""
    holder_name: str = ""
    left_s: float | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """How one demotion is walked.

    Attributes:
        kill_now: workers get SIGKILL at once; else SIGTERM, and SIGKILL when the time is up.
        keep_renewing: the lease is renewed while workers end.
        release: it is given back once the last worker is reaped.
    """

    kill_now: bool
    keep_renewing: bool
    release: bool


DEMOTIONS: Final = {
    Demotion.GRACEFUL: Way(kill_now=False, keep_renewing=True, release=True),
    Demotion.UNCERTAIN: Way(kill_now=False, keep_renewing=True, release=False),
    Demotion.LOST: Way(kill_now=True, keep_renewing=False, release=False),
    Demotion.EXPIRED: Way(kill_now=True, keep_renewing=False, release=False),
}

# A harder reason overtakes a softer one that is under way.
SEVERITY: Final = {
    Demotion.GRACEFUL: 0,
    Demotion.UNCERTAIN: 1,
    Demotion.LOST: 2,
    Demotion.EXPIRED: 3,
}
