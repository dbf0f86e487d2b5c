"""A phone's own keys, and its Signal sessions with other devices."""

import os
from dataclasses import dataclass, field

from tests.simulator.prekeys import PublicPreKey
from worker.signal import (
    Address,
    EncryptedMessage,
    OwnIdentity,
    PreKeyBundle,
    SenderKeyRecord,
    SessionRecord,
    SignedPreKey,
    groups,
    padding,
    session,
)
from worker.wire.curve import KeyPair
from worker.wire.node import Node


@dataclass(slots=True)
class Keyring:
    """Everything a device needs to encrypt and decrypt.

    Attributes:
        shared: by group, the devices that were given the current sender key of ours.
    """

    ours: OwnIdentity
    signed: SignedPreKey
    one_time: dict[int, KeyPair] = field(default_factory=dict)
    sessions: dict[Address, SessionRecord] = field(default_factory=dict)
    sender_keys: dict[tuple[str, Address], SenderKeyRecord] = field(default_factory=dict)
    shared: dict[str, set[Address]] = field(default_factory=dict)
    _last_id: int = 0

    @classmethod
    def create(cls, identity: KeyPair) -> "Keyring":
        """Make the keys of a new phone."""
        ours = OwnIdentity(identity, int.from_bytes(os.urandom(2), "big") & 0x3FFF)
        return cls(ours, SignedPreKey.generate(identity, 1, os.urandom))

    def public_signed(self) -> PublicPreKey:
        """Return the signed pre-key as the service hands it out."""
        return PublicPreKey(self.signed.id, self.signed.key_pair.public, self.signed.signature)

    def more(self, count: int) -> list[PublicPreKey]:
        """Make `count` one-time keys; return what the service gets of them."""
        fresh = []
        for _ in range(count):
            self._last_id += 1
            pair = self.one_time[self._last_id] = KeyPair.generate()
            fresh.append(PublicPreKey(self._last_id, pair.public))
        return fresh

    def signed_pre_key(self, key_id: int) -> KeyPair | None:
        """Return the signed pre-key with this id."""
        return self.signed.key_pair if key_id == self.signed.id else None

    def pre_key(self, key_id: int) -> KeyPair | None:
        """Return the one-time pre-key with this id."""
        return self.one_time.get(key_id)

    def start(self, address: Address, user: Node) -> None:
        """Start a session from a <user> or <keys> node with a device's bundle."""
        record = self.sessions.get(address)
        self.sessions[address] = session.start(record, self.ours, _bundle(user))

    def encrypt(self, address: Address, plaintext: bytes) -> EncryptedMessage:
        """Encrypt for one device."""
        padded = padding.pad(plaintext, os.urandom)
        record = self.sessions.get(address)
        self.sessions[address], encrypted = session.encrypt(record, self.ours, padded)
        return encrypted

    def decrypt(self, address: Address, kind: str, data: bytes) -> bytes:
        """Decrypt a `pkmsg` or `msg` of one device.

        Raises:
            SignalError: a leaf of it, by cause; nothing was changed.
        """
        record = self.sessions.get(address)
        if kind == "pkmsg":
            changed, plaintext, used = session.decrypt_pre_key_message(
                record, self.ours, data, self
            )
            self.one_time.pop(used or 0, None)
        else:
            changed, plaintext = session.decrypt_message(record, self.ours, data)
        self.sessions[address] = changed
        return padding.unpad(plaintext)

    def sender_key(self, group: str, me: Address) -> bytes:
        """Return the distribution message of our key for a group; make the key if needed."""
        key = (group, me)
        if key not in self.sender_keys:
            self.sender_keys[key] = groups.create()
            self.shared[group] = set()
        return groups.distribution(self.sender_keys[key])

    def forget_sender_key(self, group: str, me: Address) -> None:
        """Throw our key for a group away: the next message makes a new one."""
        self.sender_keys.pop((group, me), None)
        self.shared.pop(group, None)

    def learn_sender_key(self, group: str, sender: Address, data: bytes) -> None:
        """Take another device's key for a group."""
        key = (group, sender)
        record = self.sender_keys.get(key)
        self.sender_keys[key] = groups.process_distribution(record, data)

    def encrypt_group(self, group: str, me: Address, plaintext: bytes) -> bytes:
        """Encrypt once for everybody who has our key."""
        padded = padding.pad(plaintext, os.urandom)
        record = self.sender_keys.get((group, me))
        self.sender_keys[group, me], data = groups.encrypt(record, padded)
        return data

    def decrypt_group(self, group: str, sender: Address, data: bytes) -> bytes:
        """Decrypt an `skmsg`; raises SignalError and changes nothing if it can't."""
        record = self.sender_keys.get((group, sender))
        self.sender_keys[group, sender], plaintext = groups.decrypt(record, data)
        return padding.unpad(plaintext)


def _bundle(user: Node) -> PreKeyBundle:
    keys = user.child("keys") or user
    registration, identity = user.child("registration"), keys.child("identity")
    signed, one_time = keys.child("skey"), keys.child("key")
    if registration is None or identity is None or signed is None:
        raise ValueError(f"a bundle without its keys: {user.outline}")
    spk = PublicPreKey.read(signed)
    opk = PublicPreKey.read(one_time) if one_time else None
    return PreKeyBundle(
        registration_id=int.from_bytes(registration.bytes(), "big"),
        identity_key=identity.bytes(),
        signed_pre_key_id=spk.key_id,
        signed_pre_key=spk.public,
        signature=spk.signature,
        pre_key_id=opk.key_id if opk else None,
        pre_key=opk.public if opk else None,
    )
