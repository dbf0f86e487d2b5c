"""The codec, Signal in memory and on disk, and signatures: the acts that every message costs."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.clock import SystemClock
from tests.bench.figures import measure_us
from worker.session import Credentials, SessionFile
from worker.session.spool import Key
from worker.signal import OwnIdentity, PreKeyBundle, SessionRecord, session
from worker.whatsapp.cipher import Cipher
from worker.wire import Jid, Node, decode, encode
from worker.wire.curve import KeyPair, sign, verify

BODY = os.urandom(100)


def codec() -> list[float]:
    """Encode and decode an outgoing message to two devices."""
    node = Node(
        "message",
        {
            "id": "3EB0AABBCCDDEEFF0011",
            "to": "15551234567@s.whatsapp.net",
            "type": "text",
            "phash": "2:Lz4jCu",
        },
        [
            Node("participants", {}, [_to("15551234567"), _to("15551234567:3")]),
            Node("device-identity", {}, os.urandom(150)),
        ],
    )
    return measure_us(4000, lambda: decode(encode(node)))


def _to(user: str) -> Node:
    enc = Node("enc", {"v": "2", "type": "msg"}, os.urandom(160))
    return Node("to", {"jid": f"{user}@s.whatsapp.net"}, [enc])


def signing() -> list[float]:
    """Sign 33 bytes."""
    pair, text = KeyPair.generate(), os.urandom(33)
    return measure_us(1000, lambda: sign(pair.private, text, os.urandom(64)))


def verifying() -> list[float]:
    """Verify that signature."""
    pair, text = KeyPair.generate(), os.urandom(33)
    signature = pair.sign(text)
    return measure_us(1000, lambda: verify(pair.public, text, signature))


@dataclass
class _Keys:
    signed: KeyPair
    one_time: KeyPair

    def signed_pre_key(self, _: int) -> KeyPair:
        return self.signed

    def pre_key(self, _: int) -> KeyPair:
        return self.one_time


def signal_in_memory() -> list[float]:
    """Encrypt and decrypt 100 bytes in one chain; records are encoded and decoded each time."""
    ann, bob = OwnIdentity(KeyPair.generate(), 1), OwnIdentity(KeyPair.generate(), 2)
    keys = _Keys(KeyPair.generate(), KeyPair.generate())
    theirs = _bundle(bob, keys)
    sender = session.start(None, ann, theirs).encode()
    record, message = session.encrypt(SessionRecord.decode(sender), ann, BODY)
    got, _, _ = session.decrypt_pre_key_message(None, bob, message.data, keys)
    answer_record, answer = session.encrypt(got, bob, BODY)
    record, _ = session.decrypt_message(record, ann, answer.data)
    kept = {"ann": record.encode(), "bob": answer_record.encode()}

    def relay() -> None:
        ours, sealed = session.encrypt(SessionRecord.decode(kept["ann"]), ann, BODY)
        kept["ann"] = ours.encode()
        other, _ = session.decrypt_message(SessionRecord.decode(kept["bob"]), bob, sealed.data)
        kept["bob"] = other.encode()

    return measure_us(1000, relay)


def _bundle(owner: OwnIdentity, keys: _Keys) -> PreKeyBundle:
    return PreKeyBundle(
        registration_id=owner.registration_id,
        identity_key=owner.key_pair.public,
        signed_pre_key_id=1,
        signed_pre_key=keys.signed.public,
        signature=owner.key_pair.sign(b"\x05" + keys.signed.public),
        pre_key_id=1,
        pre_key=keys.one_time.public,
    )


def signal_durable() -> list[float]:
    """Encrypt and decrypt 100 bytes, each step committed to a session file with an fsync."""
    with _parties() as relay:
        return measure_us(300, relay)


@contextmanager
def _parties() -> Iterator[Callable[[], None]]:
    with tempfile.TemporaryDirectory() as folder:
        ann = _file(Path(folder) / "ann" / "session.db", "9111:1@lid")
        bob = _file(Path(folder) / "bob" / "session.db", "9222:1@lid")
        ann_jid, bob_jid = Jid.parse("9111:1@lid"), Jid.parse("9222:1@lid")
        with bob.unit() as unit:
            (key,) = unit.pre_keys.generate(1)
            them = unit.credentials.get()
        bundle = PreKeyBundle(
            registration_id=them.registration_id,
            identity_key=them.identity_key.public,
            signed_pre_key_id=them.signed_pre_key.key_id,
            signed_pre_key=them.signed_pre_key.pair.public,
            signature=them.signed_pre_key.signature,
            pre_key_id=key.key_id,
            pre_key=key.pair.public,
        )
        with ann.unit() as unit:
            Cipher(unit, unit.credentials.get(), os.urandom).start(bob_jid, bundle)
        serial = 0

        def pass_on(one: SessionFile, other: SessionFile, sender: Jid, receiver: Jid) -> None:
            nonlocal serial
            serial += 1
            with one.unit() as unit:
                us = unit.credentials.get()
                sealed = Cipher(unit, us, os.urandom).encrypt(receiver, BODY)
            with other.unit() as unit:
                cipher = Cipher(unit, unit.credentials.get(), os.urandom)
                plain = cipher.decrypt(sender, str(sealed.type), sealed.data)
                unit.spool.add(Key("message", str(sender), f"{serial:X}", str(sender)), plain)

        pass_on(ann, bob, ann_jid, bob_jid)
        pass_on(bob, ann, bob_jid, ann_jid)
        try:
            yield lambda: pass_on(ann, bob, ann_jid, bob_jid)
        finally:
            ann.close()
            bob.close()


def _file(path: Path, lid: str) -> SessionFile:
    clock = SystemClock()
    credentials = Credentials.generate(clock).replace(
        jid=lid.replace("lid", "s.whatsapp.net"), lid=lid
    )
    return SessionFile.create(path, clock, lambda unit: unit.credentials.put(credentials))
