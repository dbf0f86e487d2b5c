"""What a heartbeat says of the work, and when that means that a worker hangs."""

import pytest

from shared.link_pb2 import Heartbeat
from supervisor.liveness import Bounds, Pulse

BOUNDS = Bounds(unacked_ms=60_000, stalled_ms=10_000, stalled_beats=3)


def trouble_after(*beats: tuple[int, int]) -> str | None:
    """Return the trouble after beats of (stanzas handled, age of the oldest that waits)."""
    pulse = Pulse(BOUNDS)
    for handled, unacked_ms in beats:
        pulse.heard(Heartbeat(stanzas_handled=handled, oldest_unacked_ms=unacked_ms))
    return pulse.trouble


@pytest.mark.parametrize(
    "beats",
    [
        pytest.param([(5, 0)] * 99, id="nothing to do"),
        pytest.param([(n, 20_000) for n in range(99)], id="busy"),
        pytest.param([(5, 60_000)], id="just within the bound"),
        pytest.param([(5, 10_000)] * 99, id="waits for the store"),
        pytest.param([(5, 20_000)] * 3 + [(6, 20_000)], id="goes on again"),
        pytest.param([(5, 70_000), (5, 0)], id="has recovered"),
    ],
)
def test_work_that_goes_on_is_left_alone(beats: list[tuple[int, int]]) -> None:
    assert trouble_after(*beats) is None


def test_a_stanza_that_waits_for_too_long_is_trouble() -> None:
    trouble = trouble_after((5, 0), (6, 60_001))

    assert trouble == "a stanza has waited 60 s for its ack"


def test_a_backlog_that_nothing_is_done_about_is_trouble() -> None:
    assert trouble_after(*[(5, 10_001)] * 3) is None
    assert trouble_after(*[(5, 10_001)] * 4) == (
        "nothing was handled for 10 s, and a stanza waits for its ack"
    )


async def test_silence_counts_in_intervals_and_trouble_at_once() -> None:
    pulse = Pulse(BOUNDS)
    assert await pulse.until_hanging(0.01, lambda: 0.03) == "no heartbeat for 0 s"

    pulse.heard(Heartbeat(oldest_unacked_ms=99_000))
    assert "99 s" in await pulse.until_hanging(600, lambda: 600)
