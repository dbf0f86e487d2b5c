"""What is kept about one sender's keys in one group: immutable, like a session's record."""

from dataclasses import dataclass, field, replace
from typing import Final, Self

from google.protobuf.message import DecodeError

from worker.proto import signal_pb2
from worker.signal.errors import MalformedRecord
from worker.signal.record import Chain
from worker.signal.skipped import SkippedKeys
from worker.wire.curve import KEY_BYTES, KeyPair

MAX_SENDER_KEY_STATES: Final = 5  # libsignal consts.rs, MAX_SENDER_KEY_STATES


@dataclass(frozen=True, slots=True)
class SenderKeyState:
    """One sender key.

    Attributes:
        id: 31 bits, chosen by the sender.
        chain: `index` is the iteration of the next message.
        signing_public: 32 bytes.
        signing_private: 32 bytes for our own key; None for another sender's.
    """

    id: int
    chain: Chain
    signing_public: bytes
    signing_private: bytes | None = field(default=None, repr=False)
    skipped: SkippedKeys = field(default=SkippedKeys(), repr=False)

    @property
    def signing(self) -> KeyPair | None:
        """The key pair that signs our own messages, or None for another sender's key."""
        if self.signing_private is None:
            return None
        return KeyPair(self.signing_private, self.signing_public)


@dataclass(frozen=True, slots=True)
class SenderKeyRecord:
    """The sender's last keys, the newest first, at most MAX_SENDER_KEY_STATES."""

    states: tuple[SenderKeyState, ...] = ()

    def state(self, key_id: int) -> SenderKeyState | None:
        """Return the state with this id, or None."""
        return next((state for state in self.states if state.id == key_id), None)

    def with_newest(self, state: SenderKeyState) -> Self:
        """Return a record whose newest state is `state`; another with its id is dropped."""
        others = (other for other in self.states if other.id != state.id)
        return type(self)((state, *others)[:MAX_SENDER_KEY_STATES])

    def with_changed(self, state: SenderKeyState) -> Self:
        """Return a record with `state` in the place of the one with its id."""
        changed = (state if other.id == state.id else other for other in self.states)
        return replace(self, states=tuple(changed))

    def encode(self) -> bytes:
        """Return the stored form (StoredSenderKey)."""
        stored = signal_pb2.StoredSenderKey(states=[_store(state) for state in self.states])
        return stored.SerializeToString()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the stored form; raises MalformedRecord."""
        try:
            stored = signal_pb2.StoredSenderKey.FromString(data)
        except DecodeError as error:
            raise MalformedRecord("read a stored sender key: no valid protobuf") from error
        return cls(tuple(_load(state) for state in stored.states))


def _store(state: SenderKeyState) -> signal_pb2.StoredSenderKeyState:
    return signal_pb2.StoredSenderKeyState(
        id=state.id,
        chain_key=state.chain.key,
        iteration=state.chain.index,
        signing_public=state.signing_public,
        signing_private=state.signing_private,
        skipped=state.skipped.packed,
    )


def _load(stored: signal_pb2.StoredSenderKeyState) -> SenderKeyState:
    if len(stored.signing_public) != KEY_BYTES or len(stored.chain_key) != KEY_BYTES:
        raise MalformedRecord("read a stored sender key: a key is missing")
    return SenderKeyState(
        id=stored.id,
        chain=Chain(stored.chain_key, stored.iteration),
        signing_public=stored.signing_public,
        signing_private=stored.signing_private if stored.HasField("signing_private") else None,
        skipped=SkippedKeys.load(stored.skipped),
    )
