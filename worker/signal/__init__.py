"""End-to-end encryption as WhatsApp uses it: Signal sessions and sender keys, without I/O.

Records go in and come out; the caller keeps their `encode()`d bytes, and stores them in the
same transaction as what a message meant. An error (all derive from SignalError) means that
nothing changed. Public keys are 32 raw bytes.

- `session.start(record, ours, bundle, rng) -> record`
- `session.encrypt(record, ours, plaintext) -> (record, EncryptedMessage(type, data))`
- `session.decrypt_message(record, ours, data, rng) -> (record, plaintext)`
- `session.decrypt_pre_key_message(record, ours, data, pre_keys, rng)
  -> (record, plaintext, consumed_pre_key_id)`; `record.remote_identity` is the peer's
- `groups.create(rng) -> record`, `groups.distribution(record) -> bytes`,
  `groups.process_distribution(record, data) -> record`,
  `groups.encrypt(record, plaintext, rng) -> (record, bytes)`,
  `groups.decrypt(record, data) -> (record, plaintext)`
- `padding.pad`, `padding.unpad`: around every plaintext of <enc v="2">
"""

from worker.signal import groups, padding, session
from worker.signal.address import Address
from worker.signal.keys import OwnIdentity, PreKeyBundle, PreKeys, SignedPreKey
from worker.signal.messages import PreKeySignalMessage
from worker.signal.record import SessionRecord
from worker.signal.sender_record import SenderKeyRecord
from worker.signal.session import EncryptedMessage, MessageType

__all__ = [
    "Address",
    "EncryptedMessage",
    "MessageType",
    "OwnIdentity",
    "PreKeyBundle",
    "PreKeySignalMessage",
    "PreKeys",
    "SenderKeyRecord",
    "SessionRecord",
    "SignedPreKey",
    "groups",
    "padding",
    "session",
]
