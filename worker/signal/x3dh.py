"""X3DH: the first keys of a session, for the one who starts it and the one who answers.

The order of the agreements is the Signal specification's; 32 bytes 0xFF come first.
"""

from typing import Final

from worker.signal import kdf
from worker.signal.errors import InvalidSignature, UnknownPreKey
from worker.signal.keys import OwnIdentity, PreKeyBundle, PreKeys, agree, typed
from worker.signal.messages import PreKeySignalMessage
from worker.signal.record import Chain, PendingPreKey, SessionState
from worker.wire import curve
from worker.wire.curve import KeyPair, Rng

_DISCONTINUITY: Final = b"\xff" * 32


def initiate(ours: OwnIdentity, bundle: PreKeyBundle, rng: Rng) -> SessionState:
    """Return a session started from a peer's bundle; our messages carry it until answered.

    Raises:
        InvalidSignature: the signed pre-key is not signed by the identity key.
        InvalidKey: a key of the bundle is unfit.
    """
    _check_signature(bundle)
    base = KeyPair.generate(rng)
    secret = _DISCONTINUITY + agree(ours.key_pair, bundle.signed_pre_key)
    secret += agree(base, bundle.identity_key) + agree(base, bundle.signed_pre_key)
    if bundle.pre_key is not None:
        secret += agree(base, bundle.pre_key)
    root_key, _ = kdf.first_keys(secret)
    ratchet = KeyPair.generate(rng)
    root_key, chain_key = kdf.next_root(root_key, agree(ratchet, bundle.signed_pre_key))
    return SessionState(
        base_key=base.public,
        remote_identity=bundle.identity_key,
        remote_registration_id=bundle.registration_id,
        root_key=root_key,
        sender_ratchet=ratchet,
        sender_chain=Chain(chain_key),
        pending=_pending(base.public, bundle),
    )


def respond(ours: OwnIdentity, message: PreKeySignalMessage, pre_keys: PreKeys) -> SessionState:
    """Return the session that a peer's message starts, before any ratchet step.

    Raises:
        UnknownPreKey: it names a pre-key that we don't have.
        InvalidKey: a key of the message is unfit.
    """
    signed, one_time = _our_pre_keys(message, pre_keys)
    secret = _DISCONTINUITY + agree(signed, message.identity_key)
    secret += agree(ours.key_pair, message.base_key) + agree(signed, message.base_key)
    if one_time is not None:
        secret += agree(one_time, message.base_key)
    root_key, chain_key = kdf.first_keys(secret)
    return SessionState(
        base_key=message.base_key,
        remote_identity=message.identity_key,
        remote_registration_id=message.registration_id,
        root_key=root_key,
        sender_ratchet=signed,
        sender_chain=Chain(chain_key),
    )


def _check_signature(bundle: PreKeyBundle) -> None:
    signed = typed(bundle.signed_pre_key)
    if not curve.verify(bundle.identity_key, signed, bundle.signature):
        raise InvalidSignature(
            f"start a session: signed pre-key {bundle.signed_pre_key_id} is not signed by its"
            " owner's identity key"
        )


def _pending(base_key: bytes, bundle: PreKeyBundle) -> PendingPreKey:
    pre_key_id = bundle.pre_key_id if bundle.pre_key is not None else None
    return PendingPreKey(bundle.signed_pre_key_id, base_key, pre_key_id)


def _our_pre_keys(
    message: PreKeySignalMessage, pre_keys: PreKeys
) -> tuple[KeyPair, KeyPair | None]:
    signed = pre_keys.signed_pre_key(message.signed_pre_key_id)
    if signed is None:
        raise UnknownPreKey(f"answer a start: no signed pre-key {message.signed_pre_key_id}")
    if message.pre_key_id is None:
        return signed, None
    one_time = pre_keys.pre_key(message.pre_key_id)
    if one_time is None:
        raise UnknownPreKey(f"answer a start: no one-time pre-key {message.pre_key_id}")
    return signed, one_time
