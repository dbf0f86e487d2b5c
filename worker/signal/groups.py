"""Sender keys: a group's message is encrypted once, with a chain that all members were given.

Pure like `session`: records go in and new ones come out. libsignal group_cipher.rs.
"""

import os
from dataclasses import replace
from typing import Final

from worker.proto import signal_pb2
from worker.signal import kdf, ratchet
from worker.signal.errors import InvalidSignature, NoSenderKey
from worker.signal.messages import (
    CHAIN_KEY_BYTES,
    SenderKeyDistributionMessage,
    SenderKeyMessage,
    seal_sender_key_message,
)
from worker.signal.record import Chain
from worker.signal.sender_record import SenderKeyRecord, SenderKeyState
from worker.signal.skipped import MAX_SKIPPED_KEYS
from worker.wire import curve
from worker.wire.curve import KeyPair, Rng

_KEY_ID_MASK: Final = 0x7FFFFFFF


def create(rng: Rng = os.urandom) -> SenderKeyRecord:
    """Return a new sender key of our own: for a group's first message, or as a rotation.

    It replaces the record of the former key when a participant leaves, so that the one who
    left can't read on; it has to be distributed to all members before its first message.
    """
    signing = KeyPair.generate(rng)
    key_id = int.from_bytes(rng(4)) & _KEY_ID_MASK
    chain = Chain(rng(CHAIN_KEY_BYTES))
    return SenderKeyRecord((SenderKeyState(key_id, chain, signing.public, signing.private),))


def distribution(record: SenderKeyRecord | None) -> bytes:
    """Return the message that gives a member our key, from its next message on.

    Raises:
        NoSenderKey: the record holds no key of our own; create one.
    """
    state, _ = _own(record)
    message = SenderKeyDistributionMessage(
        id=state.id,
        iteration=state.chain.index,
        chain_key=state.chain.key,
        signing_key=state.signing_public,
    )
    return message.serialize()


def process_distribution(record: SenderKeyRecord | None, data: bytes) -> SenderKeyRecord:
    """Return the sender's record with the key that a distribution message brings.

    A key that we have already keeps its place in the chain, so that messages that were
    decrypted stay known as such; it is only moved on where we could not follow otherwise.

    Raises:
        MalformedMessage: `data` is no distribution message.
    """
    message = SenderKeyDistributionMessage.parse(data)
    record = record or SenderKeyRecord()
    state = record.state(message.id)
    if state is None or state.signing_public != message.signing_key:
        state = SenderKeyState(message.id, _chain(message), message.signing_key)
    elif message.iteration - state.chain.index > MAX_SKIPPED_KEYS:
        state = replace(state, chain=_chain(message))
    return record.with_newest(state)


def encrypt(
    record: SenderKeyRecord | None, plaintext: bytes, rng: Rng = os.urandom
) -> tuple[SenderKeyRecord, bytes]:
    """Return the record to store *before* the message is sent, and the message.

    Raises:
        NoSenderKey: the record holds no key of our own; create one.
    """
    state, signing = _own(record)
    seed, chain = ratchet.next_seed(state.chain)
    keys = kdf.group_message_keys(seed)
    body = signal_pb2.SenderKeyMessageBody(
        id=state.id,
        iteration=state.chain.index,
        ciphertext=kdf.encrypt(keys.cipher, keys.iv, plaintext),
    )
    data = seal_sender_key_message(body, signing, rng)
    return SenderKeyRecord((replace(state, chain=chain),)), data


def decrypt(record: SenderKeyRecord | None, data: bytes) -> tuple[SenderKeyRecord, bytes]:
    """Return the sender's changed record and the plaintext of its message.

    Raises:
        MalformedMessage: `data` is no group message.
        NoSenderKey: the key that it names was not distributed to us.
        InvalidSignature: it is not by the owner of that key, or was changed on its way.
        DuplicateMessage, TooFarAhead: about its place in the chain.
    """
    message = SenderKeyMessage.parse(data)
    record = record or SenderKeyRecord()
    state = record.state(message.id)
    if state is None:
        raise NoSenderKey(f"decrypt a group message: no sender key with the id {message.id}")
    if not curve.verify(state.signing_public, message.signed, message.signature):
        raise InvalidSignature("decrypt a group message: its signature is not by its sender's key")
    seed, chain, skipped = ratchet.seed_at(state.chain, state.skipped, message.iteration)
    keys = kdf.group_message_keys(seed)
    plaintext = kdf.decrypt(keys.cipher, keys.iv, message.ciphertext)
    return record.with_changed(replace(state, chain=chain, skipped=skipped)), plaintext


def _chain(message: SenderKeyDistributionMessage) -> Chain:
    return Chain(message.chain_key, message.iteration)


def _own(record: SenderKeyRecord | None) -> tuple[SenderKeyState, KeyPair]:
    state = record.states[0] if record and record.states else None
    if state is None or state.signing is None:
        raise NoSenderKey("encrypt for a group: there is no sender key of our own")
    return state, state.signing
