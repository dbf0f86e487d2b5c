import pytest

from shared import link_pb2 as pb
from supervisor.outbox_policy import (
    OutboxPolicy,
    Verdict,
    new_message_id,
    retry_delay_ms,
    verdict_of,
)
from supervisor.store.records import OutboxState

POLICY = OutboxPolicy(retry_min_s=1, retry_max_s=60)


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (pb.SendResult(outcome=pb.SendResult.SENT), Verdict(OutboxState.SENT)),
        (
            pb.SendResult(outcome=pb.SendResult.REFUSED, reason="no", code=479),
            Verdict(OutboxState.FAILED, "no (code 479)"),
        ),
        (
            pb.SendResult(outcome=pb.SendResult.UNAVAILABLE, reason="away"),
            Verdict(OutboxState.QUEUED, "away"),
        ),
        (pb.SendResult(), Verdict(OutboxState.QUEUED, "no reason was given")),
    ],
)
def test_only_a_clear_word_is_final(result: pb.SendResult, verdict: Verdict) -> None:
    assert verdict_of(result) == verdict


def test_retries_wait_longer_and_longer_up_to_a_bound() -> None:
    longest = [retry_delay_ms(POLICY, tries, lambda size: b"\xff" * size) for tries in range(1, 99)]

    assert longest[:3] == [1999, 3999, 7999]
    assert max(longest) < 60_000


def test_jitter_never_goes_below_the_least_wait() -> None:
    assert retry_delay_ms(POLICY, 20, bytes) == 1000


def test_message_ids_look_like_a_web_clients() -> None:
    assert new_message_id(lambda size: b"\xab" * size) == "3EB0" + "AB" * 9
