"""What the outbox decides, without I/O: ids, what a try led to, when to try again, when to give up.

A try that fails while the account has no connection says nothing of the message, and never ends
it; one that fails while the connection lasts does, and so many are the end of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from shared.link_pb2 import SendResult
from supervisor.store.records import OutboxRecord, OutboxState

FINAL: Final = (OutboxState.SENT, OutboxState.FAILED)
EXPIRED: Final = "it waited too long for a connection, and was not sent any more"


@dataclass(frozen=True, slots=True)
class OutboxPolicy:
    """The outbox's times and bounds; retries wait with full jitter, doubling up to `retry_max_s`.

    Attributes:
        answer_wait_s: the caller of `send` waits this long for the server's ack.
        send_timeout_s: one try, as the worker sees it.
        retry_min_s: the least wait between two tries.
        retry_max_s: the most.
        lease_s: a claim's; longer than a try and its bookkeeping take.
        max_failures: so many tries in vain over a connection that lasted, and it is given up.
        message_life_s: what has waited for longer is not sent any more.
    """

    answer_wait_s: float = 8.0
    send_timeout_s: float = 30.0
    retry_min_s: float = 1.0
    retry_max_s: float = 60.0
    lease_s: float = 90.0
    max_failures: int = 5
    message_life_s: float = 86_400.0

    @property
    def life_ms(self) -> int:
        """Return how long a message may wait, in milliseconds."""
        return int(self.message_life_s * 1000)


DEFAULT_POLICY: Final = OutboxPolicy()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a try led to."""

    state: OutboxState
    reason: str | None = None


def new_message_id(rng: Callable[[int], bytes]) -> str:
    """Return a WhatsApp message id as the web clients make them: `3EB0` and 18 hex digits.

    Source: whatsmeow send.go (GenerateMessageID), Baileys generics.ts.
    """
    return f"3EB0{rng(9).hex().upper()}"


def new_client_message_id(rng: Callable[[int], bytes]) -> str:
    """Return an id for a message whose sender did not choose one."""
    return f"msg_{rng(16).hex()}"


def verdict_of(result: SendResult) -> Verdict:
    """Return what to make of a worker's answer; what it does not say clearly is tried again."""
    if result.outcome == SendResult.SENT:
        return Verdict(OutboxState.SENT)
    reason = result.reason or "no reason was given"
    if result.outcome == SendResult.REFUSED:
        code = f" (code {result.code})" if result.code else ""
        return Verdict(OutboxState.FAILED, f"{reason}{code}")
    return Verdict(OutboxState.QUEUED, reason)


def settled(
    policy: OutboxPolicy, claim: OutboxRecord, verdict: Verdict, *, connected: bool
) -> OutboxRecord:
    """Return what a claimed message becomes.

    Args:
        policy: how many failures are too many.
        claim: as it was claimed.
        verdict: of the try.
        connected: whether one connection lasted from before the try until after it.
    """
    state, failures = verdict.state, claim.failures
    if state is OutboxState.QUEUED and connected:
        failures += 1
        if failures >= policy.max_failures:
            state = OutboxState.FAILED
    return replace(claim, state=state, error=verdict.reason, failures=failures)


def retry_delay_ms(policy: OutboxPolicy, attempts: int, rng: Callable[[int], bytes]) -> int:
    """Return how long to wait after the given number of tries in vain."""
    ceiling_s = min(policy.retry_max_s, policy.retry_min_s * 2 ** min(attempts, 30))
    share = int.from_bytes(rng(4)) / 2**32
    return int(max(policy.retry_min_s, share * ceiling_s) * 1000)


def earlier(one_ms: int | None, other_ms: int | None) -> int | None:
    """Return the earlier of two times, either of which may never come."""
    return min((each for each in (one_ms, other_ms) if each is not None), default=None)


def bare(jid: str | None) -> str:
    """Return `user@server` of a device's JID; empty while the account has none."""
    user, _, server = (jid or "").partition("@")
    return f"{user.split(':')[0]}@{server}" if server else ""
