"""1:1 sessions: start one, encrypt in it, and decrypt what the peer sends.

Pure: a record goes in and a new one comes out; the caller stores it in the transaction that
also stores what the message meant. Raising means that nothing has to be stored. Semantics
are libsignal's (session_cipher.rs): archived sessions are tried, the one that decrypts is
the one we answer in, and a repeated start reuses the session that it started.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from worker.proto import signal_pb2
from worker.signal import kdf, ratchet, x3dh
from worker.signal.errors import (
    InvalidKey,
    InvalidMac,
    MalformedMessage,
    NoSession,
    TooFarAhead,
)
from worker.signal.keys import OwnIdentity, PreKeyBundle, PreKeys
from worker.signal.messages import PreKeySignalMessage, SignalMessage, seal_signal_message
from worker.signal.record import PendingPreKey, ReceiverChain, SessionRecord, SessionState
from worker.wire import curve
from worker.wire.curve import Rng


class MessageType(StrEnum):
    """The `type` attribute of the <enc> node that a message travels in."""

    PRE_KEY = "pkmsg"
    NORMAL = "msg"


@dataclass(frozen=True, slots=True)
class EncryptedMessage:
    """The bytes for an <enc> node, and its type."""

    type: MessageType
    data: bytes


def start(
    record: SessionRecord | None, ours: OwnIdentity, bundle: PreKeyBundle, rng: Rng = os.urandom
) -> SessionRecord:
    """Return `record` with a new session from the peer's bundle; the former one is archived.

    Whether `bundle.identity_key` is the one we know is the caller's to decide.

    Raises:
        InvalidSignature: the signed pre-key is not by the bundle's identity key.
        InvalidKey: a key of the bundle is unfit.
    """
    return (record or SessionRecord()).starting(x3dh.initiate(ours, bundle, rng))


def encrypt(
    record: SessionRecord | None, ours: OwnIdentity, plaintext: bytes
) -> tuple[SessionRecord, EncryptedMessage]:
    """Return the record to store *before* the message is sent, and the message.

    Raises:
        NoSession: there is no current session; start one.
    """
    if record is None or record.current is None:
        raise NoSession("encrypt a message: no session with this device")
    state = record.current
    seed, chain = ratchet.next_seed(state.sender_chain)
    data = _seal(state, ours, kdf.message_keys(seed), plaintext)
    changed = record.replacing_current(replace(state, sender_chain=chain))
    if state.pending is None:
        return changed, EncryptedMessage(MessageType.NORMAL, data)
    return changed, _with_start(state.pending, ours, data)


def decrypt_message(
    record: SessionRecord | None, ours: OwnIdentity, data: bytes, rng: Rng = os.urandom
) -> tuple[SessionRecord, bytes]:
    """Return the changed record and the plaintext of a message of type "msg".

    An archived session may have been the one: `record.remote_identity` then is the identity
    it was started with, and the caller compares it with the one it knows.

    Raises:
        MalformedMessage: `data` is no Signal message.
        NoSession: there is none with this device at all.
        DuplicateMessage, StaleMessage, TooFarAhead: about its place in its chain.
        InvalidMac: it belongs to none of the sessions, or was changed on its way.
    """
    message = SignalMessage.parse(data)
    if record is None or (record.current is None and not record.archived):
        raise NoSession("decrypt a message: no session with this device")
    return _decrypted_by_any(record, ours, message, rng)


def decrypt_pre_key_message(
    record: SessionRecord | None,
    ours: OwnIdentity,
    data: bytes,
    pre_keys: PreKeys,
    rng: Rng = os.urandom,
) -> tuple[SessionRecord, bytes, int | None]:
    """Return the changed record, the plaintext, and the one-time pre-key used up (or None).

    The pre-key is to be removed in the transaction that stores the record. The peer's
    identity is `record.remote_identity` afterwards (`PreKeySignalMessage.parse(data)` tells
    it before): the caller compares it with the one it knows.

    Raises:
        MalformedMessage: `data` is no pre-key message.
        UnknownPreKey: it starts a session with a pre-key that we don't have.
        InvalidKey: a key in it is unfit.
        DuplicateMessage, StaleMessage, TooFarAhead, InvalidMac: as `decrypt_message`.
    """
    outer = PreKeySignalMessage.parse(data)
    inner = SignalMessage.parse(outer.message)
    record = record or SessionRecord()
    known = next((s for s in record.states() if s.base_key == outer.base_key), None)
    if known is not None:
        _check_same_starter(known, outer)
        changed, plaintext = _decrypted(record, known, ours, inner, rng)
        return changed, plaintext, None
    begun = x3dh.respond(ours, outer, pre_keys)
    state, plaintext = _decrypted_state(begun, ours, inner, rng)
    return record.starting(state), plaintext, outer.pre_key_id


def _seal(state: SessionState, ours: OwnIdentity, keys: kdf.MessageKeys, plaintext: bytes) -> bytes:
    body = signal_pb2.SignalMessageBody(
        ratchet_key=curve.typed(state.sender_ratchet.public),
        counter=state.sender_chain.index,
        previous_counter=state.previous_counter,
        ciphertext=kdf.encrypt(keys.cipher, keys.iv, plaintext),
    )
    return seal_signal_message(body, keys.mac, ours.key_pair.public, state.remote_identity)


def _with_start(pending: PendingPreKey, ours: OwnIdentity, data: bytes) -> EncryptedMessage:
    message = PreKeySignalMessage(
        registration_id=ours.registration_id,
        pre_key_id=pending.pre_key_id,
        signed_pre_key_id=pending.signed_pre_key_id,
        base_key=pending.base_key,
        identity_key=ours.key_pair.public,
        message=data,
    )
    return EncryptedMessage(MessageType.PRE_KEY, message.serialize())


def _check_same_starter(state: SessionState, message: PreKeySignalMessage) -> None:
    if state.remote_identity != message.identity_key:
        raise MalformedMessage("decrypt a start: its base key is known from another identity")


def _decrypted_by_any(
    record: SessionRecord, ours: OwnIdentity, message: SignalMessage, rng: Rng
) -> tuple[SessionRecord, bytes]:
    """Try the states in turn; a state that has the message's chain has the last word on it."""
    failure: InvalidMac | TooFarAhead = InvalidMac(
        "decrypt a message: it fits no session with this device"
    )
    for state in _candidates(record, message):
        try:
            return _decrypted(record, state, ours, message, rng)
        except (InvalidMac, TooFarAhead) as error:
            if state.receiver_chain(message.ratchet_key) is not None:
                raise
            failure = error
        except InvalidKey as error:
            raise MalformedMessage(error.message) from error
    raise failure


def _candidates(record: SessionRecord, message: SignalMessage) -> Iterator[SessionState]:
    """Yield the current state, then the archived ones: first those that know the ratchet key."""
    if record.current is not None:
        yield record.current
    archived = [SessionState.decode(data) for data in record.archived]
    yield from sorted(archived, key=lambda s: s.receiver_chain(message.ratchet_key) is None)


def _decrypted(
    record: SessionRecord, state: SessionState, ours: OwnIdentity, message: SignalMessage, rng: Rng
) -> tuple[SessionRecord, bytes]:
    changed, plaintext = _decrypted_state(state, ours, message, rng)
    return record.promoting(state, changed), plaintext


def _decrypted_state(
    state: SessionState, ours: OwnIdentity, message: SignalMessage, rng: Rng
) -> tuple[SessionState, bytes]:
    receiver = state.receiver_chain(message.ratchet_key)
    if receiver is not None:
        receiver, plaintext = _opened(receiver, state, ours, message)
        return replace(state.with_receiver_chain(receiver), pending=None), plaintext
    root_key, receiver = ratchet.opened(state, message.ratchet_key)
    receiver, plaintext = _opened(receiver, state, ours, message)
    answered = ratchet.answered(state, root_key, message.ratchet_key, rng)
    return replace(answered.with_receiver_chain(receiver), pending=None), plaintext


def _opened(
    receiver: ReceiverChain, state: SessionState, ours: OwnIdentity, message: SignalMessage
) -> tuple[ReceiverChain, bytes]:
    """Return the chain behind the message, and its plaintext once the MAC was found right."""
    seed, chain, skipped = ratchet.seed_at(receiver.chain, receiver.skipped, message.counter)
    keys = kdf.message_keys(seed)
    if not message.is_authentic(keys.mac, state.remote_identity, ours.key_pair.public):
        raise InvalidMac("decrypt a message: it is not the one that its sender made")
    plaintext = kdf.decrypt(keys.cipher, keys.iv, message.ciphertext)
    return ReceiverChain(receiver.ratchet_key, chain, skipped), plaintext
