"""The proof that a phone has scanned: what is checked, what is signed, what the server is told."""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass

import pytest

from shared.clock import SystemClock
from worker.proto import adv_pb2
from worker.session import Credentials
from worker.whatsapp import pairing
from worker.wire import Node, NodeError
from worker.wire.curve import KeyPair, verify

PHONE = KeyPair.generate(os.urandom)
ACCOUNT, DEVICE, HOSTED_ACCOUNT = b"\x06\x00", b"\x06\x01", b"\x06\x05"


def fresh() -> Credentials:
    return Credentials.generate(SystemClock(), os.urandom)


@dataclass(frozen=True)
class Scan:
    """What a phone signs, with a place for every lie."""

    account_type: adv_pb2.ADVEncryptionType = adv_pb2.E2EE
    device_type: adv_pb2.ADVEncryptionType = adv_pb2.E2EE
    prefix: bytes = ACCOUNT
    signer: KeyPair = PHONE
    key: bytes = PHONE.public
    hmac_secret: bytes | None = None
    details: bytes | None = None

    def stanza(self, ours: Credentials) -> Node:
        identity = adv_pb2.ADVDeviceIdentity(
            raw_id=1, timestamp=2, key_index=7, device_type=self.device_type
        )
        details = self.details if self.details is not None else identity.SerializeToString()
        signed = adv_pb2.ADVSignedDeviceIdentity(
            details=details,
            account_signature_key=self.key,
            account_signature=self.signer.sign(self.prefix + details + ours.identity_key.public),
        ).SerializeToString()
        covered = (HOSTED_ACCOUNT if self.account_type == adv_pb2.HOSTED else b"") + signed
        sealed = adv_pb2.ADVSignedDeviceIdentityHMAC(
            details=signed,
            hmac=hmac.digest(self.hmac_secret or ours.adv_secret, covered, hashlib.sha256),
            account_type=self.account_type,
        )
        content = [
            Node("device-identity", {}, sealed.SerializeToString()),
            Node("platform", {"name": "android"}),
            Node("device", {"jid": "15550000001:3@s.whatsapp.net", "lid": "1000000001:3@lid"}),
        ]
        attrs = {"from": "@s.whatsapp.net", "type": "set", "id": "p-1"}
        return Node("iq", attrs, [Node("pair-success", {}, content)])


def accept(stanza: Node, ours: Credentials, wanted: str = "") -> pairing.Paired:
    return pairing.accept(
        stanza, ours, wanted_phone=wanted, session_id="a new pairing", rng=os.urandom
    )


def told(paired: pairing.Paired) -> tuple[Node, adv_pb2.ADVSignedDeviceIdentity]:
    child = paired.answer.child("pair-device-sign")
    assert child is not None
    identity = child.child("device-identity")
    assert identity is not None
    return identity, adv_pb2.ADVSignedDeviceIdentity.FromString(identity.bytes())


def test_a_good_proof_is_kept_and_countersigned() -> None:
    ours = fresh()
    paired = accept(Scan().stanza(ours), ours)

    assert paired.credentials.jid == "15550000001:3@s.whatsapp.net"
    assert paired.credentials.lid == "1000000001:3@lid"
    assert paired.credentials.platform == "android"
    assert paired.credentials.session_id == "a new pairing"
    assert paired.credentials.account_signature_key == PHONE.public
    assert paired.credentials.identity_key == ours.identity_key

    identity, signed = told(paired)
    assert paired.answer.attrs == {"to": "@s.whatsapp.net", "type": "result", "id": "p-1"}
    assert identity.attrs == {"key-index": "7"}
    assert signed.account_signature_key == b""  # the server has it; whatsmeow pair.go
    message = DEVICE + signed.details + ours.identity_key.public + PHONE.public
    assert verify(ours.identity_key.public, message, signed.device_signature)


def test_what_goes_to_other_devices_keeps_the_account_s_key() -> None:
    ours = fresh()
    kept = accept(Scan().stanza(ours), ours).credentials.signed_device_identity
    assert kept is not None
    signed = adv_pb2.ADVSignedDeviceIdentity.FromString(kept)
    assert signed.account_signature_key == PHONE.public
    assert signed.device_signature


@pytest.mark.parametrize(
    "scan",
    [
        Scan(account_type=adv_pb2.HOSTED),
        Scan(device_type=adv_pb2.HOSTED, prefix=HOSTED_ACCOUNT),
        Scan(account_type=adv_pb2.HOSTED, device_type=adv_pb2.HOSTED, prefix=HOSTED_ACCOUNT),
    ],
    ids=["hosted account", "hosted device", "both"],
)
def test_hosted_forms_are_accepted_and_signed_as_a_device(scan: Scan) -> None:
    ours = fresh()
    _, signed = told(accept(scan.stanza(ours), ours))
    message = DEVICE + signed.details + ours.identity_key.public + PHONE.public
    assert verify(ours.identity_key.public, message, signed.device_signature)


OTHER = KeyPair.generate(os.urandom)


@pytest.mark.parametrize(
    ("scan", "code", "text"),
    [
        (Scan(hmac_secret=os.urandom(32)), 401, "hmac-mismatch"),
        (Scan(signer=OTHER), 401, "signature-mismatch"),
        (Scan(prefix=DEVICE), 401, "signature-mismatch"),
        (Scan(prefix=HOSTED_ACCOUNT), 401, "signature-mismatch"),
        (Scan(device_type=adv_pb2.HOSTED), 401, "signature-mismatch"),
        (Scan(key=PHONE.public[:31]), 401, "signature-mismatch"),
        (Scan(key=b""), 401, "signature-mismatch"),
        (Scan(details=b"\xff\xff\xff"), 500, "internal-error"),
    ],
)
def test_a_wrong_proof_is_refused_in_the_protocol_s_words(scan: Scan, code: int, text: str) -> None:
    ours = fresh()
    stanza = scan.stanza(ours)
    with pytest.raises(pairing.PairingRefused) as caught:
        accept(stanza, ours)
    assert (caught.value.code, caught.value.text) == (code, text)

    refusal = pairing.refusal(stanza, caught.value)
    assert refusal.attrs == {"to": "@s.whatsapp.net", "type": "error", "id": "p-1"}
    error = refusal.child("error")
    assert error is not None
    assert error.attrs == {"code": str(code), "text": text}


def test_an_hmac_without_the_hosted_prefix_does_not_do_for_a_hosted_account() -> None:
    ours = fresh()
    stanza = Scan().stanza(ours)
    success = stanza.child("pair-success")
    assert success is not None
    node = success.child("device-identity")
    assert node is not None
    sealed = adv_pb2.ADVSignedDeviceIdentityHMAC.FromString(node.bytes())
    sealed.account_type = adv_pb2.HOSTED
    node.content = sealed.SerializeToString()
    with pytest.raises(pairing.PairingRefused, match="proof that the phone saw"):
        accept(stanza, ours)


def test_garbage_instead_of_a_proof_is_refused() -> None:
    ours = fresh()
    stanza = Scan().stanza(ours)
    success = stanza.child("pair-success")
    assert success is not None
    node = success.child("device-identity")
    assert node is not None
    node.content = b"\x0a\xff"
    with pytest.raises(pairing.PairingRefused) as caught:
        accept(stanza, ours)
    assert caught.value.text == "internal-error"


@pytest.mark.parametrize("missing", ["device-identity", "device"])
def test_a_proof_without_its_parts_is_a_named_error(missing: str) -> None:
    ours = fresh()
    stanza = Scan().stanza(ours)
    success = stanza.child("pair-success")
    assert success is not None
    success.content = [child for child in success.children() if child.tag != missing]
    with pytest.raises(NodeError, match=missing):
        accept(stanza, ours)


def test_another_number_is_refused_without_naming_either() -> None:
    ours = fresh()
    with pytest.raises(pairing.PairingRefused) as caught:
        accept(Scan().stanza(ours), ours, wanted="15550000042")
    assert "…01" in str(caught.value)
    assert "…42" in str(caught.value)
    assert "15550000" not in str(caught.value)


def test_the_number_asked_for_is_accepted() -> None:
    ours = fresh()
    assert accept(Scan().stanza(ours), ours, wanted="15550000001").credentials.paired


def test_codes_carry_the_reference_three_keys_and_the_client_type() -> None:
    ours = fresh()
    pair_device = Node("pair-device", {}, [Node("ref", {}, b"2@one"), Node("ref", {}, b"2@two")])
    codes = pairing.qr_payloads(pair_device, ours)
    keys = ",".join(
        base64.b64encode(key).decode()
        for key in (ours.noise_key.public, ours.identity_key.public, ours.adv_secret)
    )
    assert codes == [
        f"https://wa.me/settings/linked_devices#2@one,{keys},1",
        f"https://wa.me/settings/linked_devices#2@two,{keys},1",
    ]


def test_no_reference_is_a_named_error() -> None:
    with pytest.raises(NodeError, match="no reference"):
        pairing.qr_payloads(Node("pair-device", {}, []), fresh())
