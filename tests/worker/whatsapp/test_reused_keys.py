"""A key that was used before: a repeat is known by its id; anything else is asked for again."""

from pathlib import Path

from tests.simulator import Rule, Simulator
from tests.simulator.phone_outbox import address_of
from worker.proto import e2e_pb2

from .rig import rig, seal


async def test_a_second_message_under_a_used_key_is_asked_for_and_not_lost(
    sim: Simulator, session: Path
) -> None:
    """What whatsmeow and Baileys do with traffic both ways at once."""
    ann, bob = await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        sessions, at = bob._outbox.keyring.sessions, address_of(ann.companions[0])
        bob.send(ann, "warm")
        await ours.listener.wait_for(lambda: ours.listener.texts == ["warm"])
        before = sessions[at]
        bob.send(ann, "first")
        sessions[at] = before
        message_id = bob.send(ann, "under the same key")

        await ours.listener.wait_for(lambda: "under the same key" in ours.listener.texts)
        await sim.wait_settled()
        assert ours.listener.texts == ["warm", "first", "under the same key"]
        assert bob.retried == [message_id]
    assert [broken.rule for broken in sim.record.broken()] == [Rule.MESSAGE_KEY_REUSED]


async def test_what_nobody_is_shown_is_known_when_it_comes_again(
    sim: Simulator, session: Path
) -> None:
    ann, bob = await sim.phone("15550000001", "Ann"), await sim.phone("15550000002", "Bob")
    async with rig(sim, session) as ours:
        await ours.pair(ann)
        (device,) = ann.companions
        silent = e2e_pb2.Message()
        silent.message_context_info.message_secret = bytes(32)
        stanza = seal(bob, device, silent)
        device.mailbox.post(stanza)
        await sim.wait_settled()
        device.mailbox.post(stanza)
        await sim.wait_settled()
        bob.send(ann, "after")
        await ours.listener.wait_for(lambda: ours.listener.texts == ["after"])
    assert sim.record.retry_receipts() == []
    assert sim.record.broken() == []
