"""Every fault that can be ordered happens as ordered, as often as ordered."""

import aiohttp
import pytest

from shared.errors import WireError
from tests.simulator import CertificateDefect, Simulator
from tests.simulator.directory import Device
from tests.simulator.phone import Phone
from tests.simulator.raw_client import Identity, RawClient, login, pair
from worker.wire.node import Node, NodeError

ANN, BOB = "15550000001", "15550000002"


@pytest.fixture
def identity() -> Identity:
    return Identity()


@pytest.fixture
async def bob(sim: Simulator) -> Phone:
    return await sim.phone(BOB, "Bob")


@pytest.fixture
async def device(sim: Simulator, identity: Identity, bob: Phone) -> Device:
    device = await pair(sim, await sim.phone(ANN, "Ann"), identity)
    device.keys.add(identity.keyring.more(50))
    return device


async def active(client: RawClient) -> None:
    await client.ask("passive", "set", Node("active"))


@pytest.mark.parametrize("defect", CertificateDefect)
async def test_a_bad_certificate_is_seen_by_our_own_client(
    defect: CertificateDefect, sim: Simulator, identity: Identity
) -> None:
    sim.faults.plan("certificate", defect.value)

    with pytest.raises(WireError):
        async with RawClient.connected(sim, identity, identity.registration()):
            pass
    async with RawClient.connected(sim, identity, identity.registration()) as client:
        assert (await client.next()).child("pair-device") is not None


async def test_a_login_fails_with_the_code_that_was_ordered(
    sim: Simulator, identity: Identity, device: Device
) -> None:
    sim.faults.plan("login_failure", 402, phone=ANN, attrs={"code": "101", "expire": "60"})

    async with RawClient.connected(sim, identity, login(device)) as client:
        failure = await client.next()
    async with RawClient.connected(sim, identity, login(device)) as client:
        success = await client.next()

    assert (failure.tag, failure.attrs["reason"], failure.attrs["expire"]) == (
        "failure",
        "402",
        "60",
    )
    assert success.tag == "success"


async def test_a_login_gets_a_stream_error_or_is_closed_without_a_word(
    sim: Simulator, identity: Identity, device: Device
) -> None:
    sim.faults.plan("login_stream_error", 503)
    async with RawClient.connected(sim, identity, login(device)) as client:
        error = await client.next()
    sim.faults.plan("login_close", 1011)

    async with RawClient.connected(sim, identity, login(device)) as client:
        with pytest.raises((TypeError, aiohttp.ClientError)):  # a close frame is no bytes
            await client.next()

    assert (error.tag, error.attrs["code"]) == ("stream:error", "503")
    assert sim.record.connections[-1].success_s is None


async def test_an_ack_is_kept_back_or_says_no(
    sim: Simulator, identity: Identity, device: Device, bob: Phone
) -> None:
    sim.faults.plan("drop_ack", "message", phone=ANN)
    sim.faults.plan("nack", 463, phone=ANN)
    group = bob.create_group("Two", [await sim.phone(ANN)])
    message = {"to": str(group.jid), "type": "text"}

    async with RawClient.connected(sim, identity, login(device)) as client:
        await client.send(Node("message", {**message, "id": "one"}))
        await client.send(Node("message", {**message, "id": "two"}))
        await client.send(Node("message", {**message, "id": "three"}))
        first, second = await client.next_named("ack"), await client.next_named("ack")

    assert (first.attrs["id"], first.attrs["error"]) == ("one", "463")
    assert (second.attrs["id"], second.attrs.get("error")) == ("three", None)


async def test_a_stanza_is_delivered_twice(
    sim: Simulator, identity: Identity, device: Device, bob: Phone
) -> None:
    sim.faults.plan("duplicate", phone=ANN)

    async with RawClient.connected(sim, identity, login(device)) as client:
        await active(client)
        bob.send(ANN, "once")
        first, second = await client.next_named("message"), await client.next_named("message")

    assert first == second


async def test_a_connection_is_cut_after_some_stanzas(
    sim: Simulator, identity: Identity, device: Device
) -> None:
    sim.faults.plan("drop_after", 2, phone=ANN)

    async with RawClient.connected(sim, identity, login(device)) as client:
        await client.ask("w:p", "get")
        await client.send(Node("iq", {"id": "x", "xmlns": "w:p", "type": "get"}))
        await sim.wait_for(lambda: sim.record.connections[-1].closed_s)

    assert "planned" in sim.record.connections[-1].close_reason


async def test_a_message_stays_where_the_connection_broke_before_it(
    sim: Simulator, identity: Identity, device: Device, bob: Phone
) -> None:
    sim.faults.plan("drop_before_delivery", phone=ANN)

    async with RawClient.connected(sim, identity, login(device)) as client:
        await active(client)
        bob.send(ANN, "late")
        await sim.wait_for(lambda: not sim.online(device))
    async with RawClient.connected(sim, identity, login(device)) as client:
        await active(client)
        message = await client.next_named("message")

    assert message.attrs["offline"] == "0"


async def test_frames_are_held_back_until_they_are_released(
    sim: Simulator, identity: Identity, device: Device
) -> None:
    async with RawClient.connected(sim, identity, login(device)) as client:
        await client.next_named("success")
        sim.faults.hold(ANN)
        with pytest.raises(TimeoutError):
            await client.ask("w:p", "get", timeout_s=0.3)
        sim.faults.release(ANN)

        assert (await client.next_named("iq")).attrs["type"] == "result"


async def test_a_frame_can_hold_something_that_is_no_node(
    sim: Simulator, identity: Identity, device: Device
) -> None:
    async with RawClient.connected(sim, identity, login(device)) as client:
        await client.next_named("success")
        await client.next_named("ib")
        sim.faults.plan("garbage", "00f8ff", phone=ANN)
        with pytest.raises(NodeError):
            await client.ask("w:p", "get")


async def test_a_request_is_not_answered_or_fails(
    sim: Simulator, identity: Identity, device: Device
) -> None:
    sim.faults.plan("mute_iq", "w:p")
    sim.faults.plan("fail_iq", "abt")

    async with RawClient.connected(sim, identity, login(device)) as client:
        with pytest.raises(TimeoutError):
            await client.ask("w:p", "get", timeout_s=0.3)
        failed = await client.ask("abt", "get")
        again = await client.ask("w:p", "get")

    assert (failed.attrs["type"], again.attrs["type"]) == ("error", "result")


async def test_a_cut_connection_ends_without_a_close_frame(
    sim: Simulator, identity: Identity, device: Device
) -> None:
    async with RawClient.connected(sim, identity, login(device)) as client:
        await client.next_named("success")
        sim.cut(device)
        await sim.wait_for(lambda: sim.record.connections[-1].closed_s)

    assert sim.record.connections[-1].close_reason == "cut"
    assert not sim.online(device)
