"""What the real service would refuse, the simulated one refuses too, and it writes it down."""

import pytest

from tests.simulator import Rule, Simulator, bundles
from tests.simulator.directory import Device
from tests.simulator.errors import ScanRefusedError
from tests.simulator.keyring import Keyring
from tests.simulator.phone_outbox import address_of
from tests.simulator.raw_client import Identity, RawClient, login, pair
from worker.proto import e2e_pb2
from worker.wire.curve import KeyPair
from worker.wire.node import Node

ANN, BOB, CAT = "15550000001", "15550000002", "15550000003"


async def test_a_registration_with_a_bad_signature_gets_no_qr_code(sim: Simulator) -> None:
    identity = Identity()
    payload = identity.registration()
    payload.device_pairing_data.e_skey_sig = bytes(64)

    async with RawClient.connected(sim, identity, payload) as client:
        answer = await client.next()

    assert (answer.tag, answer.attrs["reason"]) == ("failure", "400")
    assert len(sim.record.broken(Rule.BAD_SIGNATURE)) == 1


async def test_a_device_that_nobody_linked_can_not_log_in(sim: Simulator) -> None:
    phone, identity = await sim.phone(ANN), Identity()
    device = await pair(sim, phone, identity)
    other = Identity()

    async with RawClient.connected(sim, other, login(device)) as client:
        answer = await client.next()

    assert (answer.tag, answer.attrs["reason"]) == ("failure", "401")


async def test_an_unlinked_device_can_not_log_in_again(sim: Simulator) -> None:
    phone, identity = await sim.phone(ANN), Identity()
    device = await pair(sim, phone, identity)
    phone.unlink(device)

    async with RawClient.connected(sim, identity, login(device)) as client:
        answer = await client.next()

    assert (answer.tag, answer.attrs["reason"]) == ("failure", "401")


@pytest.mark.parametrize(
    "qr",
    [
        "2@ref,AAAA,BBBB,CCCC",
        "https://wa.me/settings/linked_devices#ref,AAAA",
        "https://wa.me/settings/linked_devices#ref,AAAA,BBBB,CCCC,1",
    ],
)
async def test_a_malformed_qr_code_is_not_scanned(qr: str, sim: Simulator) -> None:
    phone = await sim.phone(ANN)

    with pytest.raises(ScanRefusedError):
        await phone.scan(qr)

    assert phone.companions == []


async def test_a_qr_code_that_is_not_shown_any_more_links_nothing(sim: Simulator) -> None:
    phone = await sim.phone(ANN)

    with pytest.raises(ScanRefusedError, match="not shown"):
        await phone.scan(Identity().qr("2@gone"))

    assert phone.companions == []


async def test_a_device_signature_that_does_not_verify_links_nothing(sim: Simulator) -> None:
    phone, identity = await sim.phone(ANN), Identity()
    forged = Identity(identity.noise, Keyring.create(KeyPair.generate()), identity.adv_secret)

    with pytest.raises(ScanRefusedError, match="does not verify"):
        await pair(sim, phone, identity, forged)

    assert phone.companions == []
    assert len(sim.record.broken(Rule.BAD_SIGNATURE)) == 1


async def test_an_upload_with_a_bad_signature_changes_nothing(sim: Simulator) -> None:
    identity = Identity()
    device = await pair(sim, await sim.phone(ANN), identity)
    before = device.keys.signed

    async with RawClient.connected(sim, identity, login(device)) as client:
        answer = await client.ask("encrypt", "set", *_upload(identity, device, bytes(64)))

    assert answer.attrs["type"] == "error"
    assert (device.keys.signed, device.keys.one_time) == (before, {})
    assert len(sim.record.broken(Rule.BAD_SIGNATURE)) == 1


def _upload(identity: Identity, device: Device, signature: bytes) -> list[Node]:
    signed = identity.keyring.public_signed().node("skey")
    signed.children("signature")[0].content = signature
    keys = [key.node("key") for key in identity.keyring.more(3)]
    return [Node("identity", {}, device.identity), Node("list", {}, keys), signed]


async def test_a_message_to_a_device_that_never_existed_is_nacked(sim: Simulator) -> None:
    identity = Identity()
    device = await pair(sim, await sim.phone(ANN), identity)
    bob = await sim.phone(BOB)
    entry = Node("to", {"jid": f"{BOB}:9@s.whatsapp.net"}, [Node("enc", {"type": "msg"}, b"x")])

    async with RawClient.connected(sim, identity, login(device)) as client:
        ack = await client.send_message(str(bob.jid), entry)

    assert ack.attrs["error"] == "479"
    assert len(sim.record.broken(Rule.UNKNOWN_DEVICE)) == 1


async def test_a_message_that_leaves_devices_out_is_told_the_right_hash(sim: Simulator) -> None:
    identity = Identity()
    phone, bob = await sim.phone(ANN), await sim.phone(BOB)
    device = await pair(sim, phone, identity)
    entry = _first_message(sim, identity, bob.account.devices[0])

    async with RawClient.connected(sim, identity, login(device)) as client:
        proof = device.signed_identity
        ack = await client.send_message(str(bob.jid), entry, proof=proof)
    await bob.wait_received("hello")

    assert ack.attrs["phash"].startswith("2:")
    (left_out,) = sim.record.broken(Rule.INCOMPLETE_FANOUT)
    assert left_out.detail.endswith(f"leaves out {phone.jid}")


def _first_message(sim: Simulator, identity: Identity, target: Device) -> Node:
    address, jid = address_of(target), str(target.jid())
    identity.keyring.start(address, bundles.bundle(sim.hub, Node("user", {"jid": jid})))
    plaintext = e2e_pb2.Message(conversation="hello").SerializeToString()
    encrypted = identity.keyring.encrypt(address, plaintext)
    return Node("to", {"jid": jid}, [Node("enc", {"v": "2", "type": "pkmsg"}, encrypted.data)])


async def test_a_one_time_key_serves_one_session_only(sim: Simulator) -> None:
    identity = Identity()
    device = await pair(sim, await sim.phone(ANN), identity)
    bob = await sim.phone(BOB)
    stock = bob.account.devices[0].keys
    first_key = next(iter(stock.one_time.values()))

    async with RawClient.connected(sim, identity, login(device)) as client:
        entry, proof = _first_message(sim, identity, bob.account.devices[0]), device.signed_identity
        await client.send_message(str(bob.jid), entry, proof=proof)
        stock.one_time = {first_key.key_id: first_key, **stock.one_time}
        entry = _first_message(sim, identity, bob.account.devices[0])
        again = await client.send_message(str(bob.jid), entry, proof=proof)

    assert again.attrs["error"] == "479"
    assert len(sim.record.broken(Rule.PRE_KEY_REUSED)) == 1


async def test_a_first_message_shows_who_linked_the_device(sim: Simulator) -> None:
    identity = Identity()
    device = await pair(sim, await sim.phone(ANN), identity)
    bob = await sim.phone(BOB)

    async with RawClient.connected(sim, identity, login(device)) as client:
        entry = _first_message(sim, identity, bob.account.devices[0])
        ack = await client.send_message(str(bob.jid), entry)

    assert ack.attrs["error"] == "479"
    assert len(sim.record.broken(Rule.BAD_SIGNATURE)) == 1
    assert bob.received == []


async def test_somebody_outside_a_group_can_not_write_to_it(sim: Simulator) -> None:
    identity = Identity()
    device = await pair(sim, await sim.phone(ANN), identity)
    group = (await sim.phone(BOB)).create_group("without Ann", [await sim.phone(CAT)])

    async with RawClient.connected(sim, identity, login(device)) as client:
        ack = await client.send_message(str(group.jid))

    assert ack.attrs["error"] == "403"
    assert len(sim.record.broken(Rule.NOT_A_MEMBER)) == 1


async def test_an_unknown_request_is_refused_and_recorded(sim: Simulator) -> None:
    identity = Identity()
    device = await pair(sim, await sim.phone(ANN), identity)

    async with RawClient.connected(sim, identity, login(device)) as client:
        answer = await client.ask("w:time-travel", "get", Node("yesterday"))

    error = answer.child("error")
    assert error is not None
    assert error.attrs["text"] == "feature-not-implemented"
    assert len(sim.record.broken(Rule.UNKNOWN_IQ)) == 1


async def test_bytes_of_a_replaced_connection_are_flagged(sim: Simulator) -> None:
    identity = Identity()
    device = await pair(sim, await sim.phone(ANN), identity)

    async with RawClient.connected(sim, identity, login(device)) as older:
        await older.next_named("success")
        async with RawClient.connected(sim, identity, login(device)) as newer:
            await newer.next_named("success")
            await older.send(Node("presence", {"type": "available"}))
            error = await older.next_named("stream:error")
            await sim.wait_for(lambda: sim.record.broken(Rule.STALE_BYTES))

    assert error.children("conflict")[0].attrs["type"] == "replaced"
    assert sim.record.connections[-2].stale_bytes > 0


async def test_a_stanza_comes_again_until_it_is_acked_and_a_second_ack_is_noted(
    sim: Simulator,
) -> None:
    identity = Identity()
    phone, bob = await sim.phone(ANN), await sim.phone(BOB)
    device = await pair(sim, phone, identity)
    device.keys.add(identity.keyring.more(9))
    bob.send(ANN, "read me")

    async with RawClient.connected(sim, identity, login(device)) as client:
        await client.ask("passive", "set", Node("active"))
        first = await client.next_named("message")
    async with RawClient.connected(sim, identity, login(device)) as client:
        await client.ask("passive", "set", Node("active"))
        second = await client.next_named("message")
        ack = {"class": "message", "id": second.attrs["id"], "to": second.attrs["from"]}
        await client.send(Node("ack", ack))
        await sim.wait_for(lambda: not device.mailbox.pending)
        await client.send(Node("ack", ack))
        await sim.wait_for(lambda: sim.record.broken(Rule.ACKED_TWICE))

    assert first.attrs["id"] == second.attrs["id"]
    assert second.attrs["offline"] == "0"
