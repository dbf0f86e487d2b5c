"""A Signal peer on our own code, with the commands of the foreign ones in the interop tests."""

import os
from dataclasses import dataclass, field

from worker.signal import (
    OwnIdentity,
    PreKeyBundle,
    SenderKeyRecord,
    SessionRecord,
    SignedPreKey,
    groups,
    session,
)
from worker.wire.curve import KeyPair

SIGNED_ID = 1
FIRST_PRE_KEY_ID = 100


@dataclass
class OurPeer:
    """Keeps encoded records by peer name, so every step passes through storage."""

    ours: OwnIdentity = field(default_factory=lambda: OwnIdentity(KeyPair.generate(), 77))
    sessions: dict[str, bytes] = field(default_factory=dict)
    sender_keys: dict[tuple[str, str], bytes] = field(default_factory=dict)
    pre_keys: dict[int, KeyPair] = field(default_factory=dict)
    made_pre_keys: int = 0

    def __post_init__(self) -> None:
        self.signed = SignedPreKey.generate(self.ours.key_pair, SIGNED_ID, os.urandom)

    def signed_pre_key(self, key_id: int) -> KeyPair | None:
        return self.signed.key_pair if key_id == SIGNED_ID else None

    def pre_key(self, key_id: int) -> KeyPair | None:
        return self.pre_keys.get(key_id)

    def bundle(self, *, one_time: bool = True) -> PreKeyBundle:
        key_id = self._new_pre_key() if one_time else None
        return PreKeyBundle(
            registration_id=self.ours.registration_id,
            identity_key=self.ours.key_pair.public,
            signed_pre_key_id=SIGNED_ID,
            signed_pre_key=self.signed.key_pair.public,
            signature=self.signed.signature,
            pre_key_id=key_id,
            pre_key=None if key_id is None else self.pre_keys[key_id].public,
        )

    def _new_pre_key(self) -> int:
        key_id = FIRST_PRE_KEY_ID + self.made_pre_keys
        self.made_pre_keys += 1
        self.pre_keys[key_id] = KeyPair.generate()
        return key_id

    def record(self, name: str) -> SessionRecord | None:
        stored = self.sessions.get(name)
        return None if stored is None else SessionRecord.decode(stored)

    def start(self, name: str, bundle: PreKeyBundle) -> None:
        self.sessions[name] = session.start(self.record(name), self.ours, bundle).encode()

    def encrypt(self, name: str, plaintext: bytes) -> tuple[str, bytes]:
        record, message = session.encrypt(self.record(name), self.ours, plaintext)
        self.sessions[name] = record.encode()
        return message.type, message.data

    def decrypt(self, name: str, kind: str, data: bytes) -> bytes:
        record, used = self.record(name), None
        if kind == "pkmsg":
            record, plaintext, used = session.decrypt_pre_key_message(record, self.ours, data, self)
        else:
            record, plaintext = session.decrypt_message(record, self.ours, data)
        self.sessions[name] = record.encode()
        if used is not None:
            del self.pre_keys[used]
        return plaintext

    def pre_key_ids(self) -> list[int]:
        return list(self.pre_keys)

    def sender_key(self, group: str, sender: str) -> SenderKeyRecord | None:
        stored = self.sender_keys.get((group, sender))
        return None if stored is None else SenderKeyRecord.decode(stored)

    def create_group(self, group: str, own: str) -> bytes:
        record = self.sender_key(group, own) or groups.create()
        self.sender_keys[group, own] = record.encode()
        return groups.distribution(record)

    def leave_group(self) -> None:
        self.sender_keys.clear()

    def process_group(self, group: str, sender: str, data: bytes) -> None:
        record = groups.process_distribution(self.sender_key(group, sender), data)
        self.sender_keys[group, sender] = record.encode()

    def encrypt_group(self, group: str, own: str, plaintext: bytes) -> bytes:
        record, data = groups.encrypt(self.sender_key(group, own), plaintext)
        self.sender_keys[group, own] = record.encode()
        return data

    def decrypt_group(self, group: str, sender: str, data: bytes) -> bytes:
        record, plaintext = groups.decrypt(self.sender_key(group, sender), data)
        self.sender_keys[group, sender] = record.encode()
        return plaintext
