"""The whole walk of one account: pair, connect, receive, send, come back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared import link_pb2
from tests.simulator import Simulator

from .rig import rig


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


async def test_a_scanned_code_leads_to_a_connected_account(sim: Simulator, tmp_path: Path) -> None:
    ann = await sim.phone("15550000001", "Ann")
    async with rig(sim, tmp_path / "session.db") as ours:
        await ours.pair(ann)

        states = [state.state for state in ours.listener.states]
        assert states == [
            link_pb2.CONNECTING,
            link_pb2.AWAITING_SCAN,
            link_pb2.PAIRING,
            link_pb2.CONNECTING,
            link_pb2.CONNECTED,
        ]
        assert ours.listener.pairings[0].phone == "15550000001"
    assert sim.record.broken() == []


async def test_a_message_each_way_is_read_by_the_other(sim: Simulator, tmp_path: Path) -> None:
    ann, bob = await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")
    async with rig(sim, tmp_path / "session.db") as ours:
        await ours.pair(ann)
        bob.send(ann, "hello")
        first = (await ours.listener.wait_for(lambda: ours.listener.messages))[0]
        assert (first.text, first.chat, first.from_me) == (
            "hello",
            "15550000002@s.whatsapp.net",
            False,
        )

        result = await ours.send("15550000002@s.whatsapp.net", "hello yourself")
        assert result.outcome == link_pb2.SendResult.SENT
        received = await bob.wait_received("hello yourself")
        assert received.text == "hello yourself"
        copy = await ann.wait_received("hello yourself", from_me=True)
        assert copy.text == "hello yourself"
        await sim.wait_settled()
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []
