"""What is kept about the sessions with one peer device, in memory and in storage.

Everything here is immutable: a message is decrypted "on a copy" because nothing can be
changed in place, and a failed attempt leaves nothing behind.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Self

from google.protobuf.message import DecodeError

from worker.proto import signal_pb2
from worker.signal.errors import MalformedRecord
from worker.signal.skipped import SkippedKeys
from worker.wire.curve import KEY_BYTES, KeyPair

MAX_ARCHIVED_STATES: Final = 40  # libsignal consts.rs, ARCHIVED_STATES_MAX_LENGTH
MAX_RECEIVER_CHAINS: Final = 5  # libsignal consts.rs, MAX_RECEIVER_CHAINS


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain key (32 bytes; empty once closed) and the counter of the next message."""

    key: bytes = field(repr=False)
    index: int = 0

    @property
    def closed(self) -> bool:
        """Whether no further message key can be made of it."""
        return not self.key


@dataclass(frozen=True, slots=True)
class ReceiverChain:
    """The chain of one ratchet key of the peer, and its messages that have not arrived yet."""

    ratchet_key: bytes
    chain: Chain
    skipped: SkippedKeys = field(default=SkippedKeys(), repr=False)


@dataclass(frozen=True, slots=True)
class PendingPreKey:
    """What every message of ours repeats until the peer's first answer."""

    signed_pre_key_id: int
    base_key: bytes
    pre_key_id: int | None


@dataclass(frozen=True, slots=True)
class SessionState:
    """One session. Keys are 32 raw bytes; `receiver_chains` are the oldest first.

    Attributes:
        base_key: of the session's starter; a repeated start is known by it.
        previous_counter: the last counter of our sending chain before this one.
    """

    base_key: bytes
    remote_identity: bytes
    remote_registration_id: int
    root_key: bytes = field(repr=False)
    sender_ratchet: KeyPair
    sender_chain: Chain
    previous_counter: int = 0
    receiver_chains: tuple[ReceiverChain, ...] = ()
    pending: PendingPreKey | None = None

    def receiver_chain(self, ratchet_key: bytes) -> ReceiverChain | None:
        """Return the chain of the peer's ratchet key, if it is still kept."""
        for chain in reversed(self.receiver_chains):
            if chain.ratchet_key == ratchet_key:
                return chain
        return None

    def with_receiver_chain(self, changed: ReceiverChain) -> Self:
        """Return the state with this chain in its place, or as the newest one."""
        chains = self.receiver_chains
        if self.receiver_chain(changed.ratchet_key) is None:
            kept = (*chains, changed)[-MAX_RECEIVER_CHAINS:]
        else:
            same = changed.ratchet_key
            kept = tuple(changed if chain.ratchet_key == same else chain for chain in chains)
        return replace(self, receiver_chains=kept)

    def encode(self) -> bytes:
        """Return the stored form (StoredSessionState)."""
        stored = signal_pb2.StoredSessionState(
            base_key=self.base_key,
            remote_identity=self.remote_identity,
            remote_registration_id=self.remote_registration_id,
            root_key=self.root_key,
            sender_ratchet_private=self.sender_ratchet.private,
            sender_ratchet_public=self.sender_ratchet.public,
            sender_chain_key=self.sender_chain.key,
            sender_chain_index=self.sender_chain.index,
            previous_counter=self.previous_counter,
        )
        for chain in self.receiver_chains:
            _store_chain(stored, chain)
        if self.pending is not None:
            _store_pending(stored, self.pending)
        return stored.SerializeToString()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the stored form; raises MalformedRecord."""
        try:
            stored = signal_pb2.StoredSessionState.FromString(data)
        except DecodeError as error:
            raise MalformedRecord("read a stored session: it is no valid protobuf") from error
        pair = KeyPair(stored.sender_ratchet_private, stored.sender_ratchet_public)
        _check_keys(stored.base_key, stored.remote_identity, stored.root_key)
        _check_keys(pair.private, pair.public, stored.sender_chain_key)
        return cls(
            base_key=stored.base_key,
            remote_identity=stored.remote_identity,
            remote_registration_id=stored.remote_registration_id,
            root_key=stored.root_key,
            sender_ratchet=pair,
            sender_chain=Chain(stored.sender_chain_key, stored.sender_chain_index),
            previous_counter=stored.previous_counter,
            receiver_chains=tuple(_load_chain(chain) for chain in stored.receiver_chains),
            pending=_load_pending(stored.pending) if stored.HasField("pending") else None,
        )


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """All sessions with one peer device: the one we send in, and the archived ones.

    The archived ones stay in their stored form (the newest first): they are read only when
    a message fits no other, which is rare, while every message reads and writes the record.
    """

    current: SessionState | None = None
    archived: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def remote_identity(self) -> bytes | None:
        """The identity key (32 bytes) of the peer of the current session, or None without one."""
        return self.current.remote_identity if self.current else None

    def states(self) -> Iterator[SessionState]:
        """Yield the current state, then the archived ones, the newest first."""
        if self.current is not None:
            yield self.current
        for data in self.archived:
            yield SessionState.decode(data)

    def replacing_current(self, state: SessionState) -> Self:
        """Return a record whose current state is `state`; the former one is forgotten."""
        return replace(self, current=state)

    def starting(self, state: SessionState) -> Self:
        """Return a record with a new session as the current one, the former one archived."""
        return replace(self.archiving_current(), current=state)

    def archiving_current(self) -> Self:
        """Return a record that still reads the peer's messages, but needs a new start to send."""
        if self.current is None:
            return self
        return type(self)(None, (self.current.encode(), *self.archived)[:MAX_ARCHIVED_STATES])

    def promoting(self, former: SessionState, state: SessionState) -> Self:
        """Return a record where `former` became `state`, and that is the current one."""
        if former is self.current:
            return self.replacing_current(state)
        # Stored forms are compared by base key: another release may have encoded them.
        rest = (data for data in self.archived if _base_key(data) != former.base_key)
        return replace(self, archived=tuple(rest)).starting(state)

    def encode(self) -> bytes:
        """Return the stored form (StoredSession)."""
        current = self.current.encode() if self.current else None
        stored = signal_pb2.StoredSession(current=current, archived=self.archived)
        return stored.SerializeToString()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the stored form; raises MalformedRecord."""
        try:
            stored = signal_pb2.StoredSession.FromString(data)
        except DecodeError as error:
            raise MalformedRecord("read a stored session: it is no valid protobuf") from error
        current = SessionState.decode(stored.current) if stored.HasField("current") else None
        return cls(current, tuple(stored.archived))


def _store_chain(stored: signal_pb2.StoredSessionState, chain: ReceiverChain) -> None:
    stored.receiver_chains.add(
        ratchet_key=chain.ratchet_key,
        chain_key=chain.chain.key,
        index=chain.chain.index,
        skipped=chain.skipped.packed,
    )


def _load_chain(stored: signal_pb2.StoredReceiverChain) -> ReceiverChain:
    chain = Chain(stored.chain_key, stored.index)
    return ReceiverChain(stored.ratchet_key, chain, SkippedKeys.load(stored.skipped))


def _store_pending(stored: signal_pb2.StoredSessionState, pending: PendingPreKey) -> None:
    stored.pending.signed_pre_key_id = pending.signed_pre_key_id
    stored.pending.base_key = pending.base_key
    if pending.pre_key_id is not None:
        stored.pending.pre_key_id = pending.pre_key_id


def _load_pending(stored: signal_pb2.StoredPendingPreKey) -> PendingPreKey:
    pre_key_id = stored.pre_key_id if stored.HasField("pre_key_id") else None
    return PendingPreKey(stored.signed_pre_key_id, stored.base_key, pre_key_id)


def _check_keys(*keys: bytes) -> None:
    if any(len(key) != KEY_BYTES for key in keys):
        raise MalformedRecord("read a stored session: a key is missing or has another length")


def _base_key(data: bytes) -> bytes:
    return SessionState.decode(data).base_key
