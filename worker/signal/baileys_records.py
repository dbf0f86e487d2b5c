"""Baileys' sessions and sender keys, as JSON, turned into our records.

The layout is libsignal-node's SessionRecord.serialize and Baileys' SenderKeyState. A
message key in either is the seed *before* the HKDF, as it is in ours.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from shared.errors import SessionError
from worker.signal.record import (
    MAX_ARCHIVED_STATES,
    MAX_RECEIVER_CHAINS,
    Chain,
    PendingPreKey,
    ReceiverChain,
    SessionRecord,
    SessionState,
)
from worker.signal.sender_record import SenderKeyRecord, SenderKeyState
from worker.signal.skipped import SkippedKeys
from worker.wire import curve
from worker.wire.curve import KeyPair

Json = Mapping[str, Any]

_OPEN: Final = -1
_RECEIVING: Final = 2
_Made = TypeVar("_Made")


class BaileysRecordError(SessionError):
    """A record of a Baileys folder is not of the layout that Baileys writes."""


def session_record(stored: Json) -> SessionRecord:
    """Return our record of a `session-*.json`.

    The open session becomes the current one; the closed ones are archived, the one used
    last first. A record with nothing but closed sessions can still decrypt.

    Raises:
        BaileysRecordError: a part is missing or has another form.
    """
    return _reading("session", lambda: _session_record(stored))


def sender_key_record(states: list[Json]) -> SenderKeyRecord:
    """Return our record of the list that a `sender-key-*.json` holds (Baileys: the newest last).

    Raises:
        BaileysRecordError: a part is missing or has another form.
    """
    newest_first = list(reversed(states))
    return _reading(
        "sender key", lambda: SenderKeyRecord(tuple(_sender_state(state) for state in newest_first))
    )


def _reading(what: str, make: Callable[[], _Made]) -> _Made:
    try:
        return make()
    except (KeyError, TypeError, ValueError, AttributeError, curve.CurveError) as error:
        raise BaileysRecordError(
            f"read a Baileys {what}: {type(error).__name__} in its JSON",
            hint="the folder may come from another program, or be cut short",
        ) from error


def _session_record(stored: Json) -> SessionRecord:
    entries = sorted(stored["_sessions"].values(), key=_last_use, reverse=True)
    opened = [entry for entry in entries if entry["indexInfo"]["closed"] == _OPEN]
    closed = [entry for entry in entries if entry["indexInfo"]["closed"] != _OPEN]
    former = [*opened[1:], *closed][:MAX_ARCHIVED_STATES]
    current = _session_state(opened[0]) if opened else None
    return SessionRecord(current, tuple(_session_state(entry).encode() for entry in former))


def _last_use(entry: Json) -> int:
    return int(entry["indexInfo"].get("used", 0))


def _session_state(entry: Json) -> SessionState:
    ratchet, info = entry["currentRatchet"], entry["indexInfo"]
    pair = _pair(ratchet["ephemeralKeyPair"])
    chains = {_public(name): chain for name, chain in entry["_chains"].items()}
    return SessionState(
        base_key=_public(info["baseKey"]),
        remote_identity=_public(info["remoteIdentityKey"]),
        remote_registration_id=int(entry.get("registrationId") or 0),
        root_key=_key(ratchet["rootKey"]),
        sender_ratchet=pair,
        sender_chain=_open_chain(chains[pair.public]["chainKey"]),
        previous_counter=max(int(ratchet["previousCounter"]), 0),
        receiver_chains=_receiver_chains(chains),
        pending=_pending(entry.get("pendingPreKey")),
    )


def _receiver_chains(chains: Mapping[bytes, Json]) -> tuple[ReceiverChain, ...]:
    """Keep the newest: Baileys writes them in the order of their making, and never prunes."""
    receiving = [
        _receiver_chain(public, chain)
        for public, chain in chains.items()
        if chain["chainType"] == _RECEIVING
    ]
    return tuple(receiving[-MAX_RECEIVER_CHAINS:])


def _receiver_chain(public: bytes, chain: Json) -> ReceiverChain:
    seeds = {int(counter): _key(seed) for counter, seed in chain["messageKeys"].items()}
    skipped = SkippedKeys().adding(sorted(seeds.items()))
    return ReceiverChain(public, _chain(chain["chainKey"]), skipped)


def _open_chain(chain_key: Json) -> Chain:
    return Chain(_key(chain_key["key"]), int(chain_key["counter"]) + 1)


def _chain(chain_key: Json) -> Chain:
    """Baileys counts the last message used (-1: none), and drops the key of a closed chain."""
    key = chain_key.get("key")
    return Chain(_key(key) if key else b"", int(chain_key["counter"]) + 1)


def _pending(stored: Json | None) -> PendingPreKey | None:
    if stored is None:
        return None
    return PendingPreKey(
        int(stored["signedKeyId"]), _public(stored["baseKey"]), _pre_key_id(stored)
    )


def _pre_key_id(stored: Json) -> int | None:
    pre_key_id = stored.get("preKeyId")
    return None if pre_key_id is None else int(pre_key_id)


def _sender_state(stored: Json) -> SenderKeyState:
    signing, chain = stored["senderSigningKey"], stored["senderChainKey"]
    private = _bytes(signing.get("private") or b"")
    passed = [(int(key["iteration"]), _key(key["seed"])) for key in stored["senderMessageKeys"]]
    return SenderKeyState(
        id=int(stored["senderKeyId"]),
        chain=Chain(_key(chain["seed"]), int(chain["iteration"])),
        signing_public=_public(signing["public"]),
        signing_private=private or None,
        skipped=SkippedKeys().adding(sorted(passed)),
    )


def _pair(stored: Json) -> KeyPair:
    return KeyPair(_key(stored["privKey"]), _public(stored["pubKey"]))


def _public(value: Any) -> bytes:
    return curve.untyped(_bytes(value))


def _key(value: Any) -> bytes:
    key = _bytes(value)
    if len(key) != curve.KEY_BYTES:
        raise ValueError(f"a key of {len(key)} bytes")
    return key


def _bytes(value: Any) -> bytes:
    """Read any of the ways in which Baileys' JSON holds bytes.

    Base64 text, {"type": "Buffer", "data": base64 or list}, or {"0": 1, "1": 2, ...}.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, Mapping):
        data = value["data"] if value.get("type") == "Buffer" else list(value.values())
        return bytes(data) if isinstance(data, list) else _bytes(data)
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("bytes that are no base64") from error
