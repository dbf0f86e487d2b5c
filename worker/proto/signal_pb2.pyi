from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SignalMessageBody(_message.Message):
    __slots__ = ("ratchet_key", "counter", "previous_counter", "ciphertext")
    RATCHET_KEY_FIELD_NUMBER: _ClassVar[int]
    COUNTER_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_COUNTER_FIELD_NUMBER: _ClassVar[int]
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    ratchet_key: bytes
    counter: int
    previous_counter: int
    ciphertext: bytes
    def __init__(self, ratchet_key: _Optional[bytes] = ..., counter: _Optional[int] = ..., previous_counter: _Optional[int] = ..., ciphertext: _Optional[bytes] = ...) -> None: ...

class PreKeySignalMessageBody(_message.Message):
    __slots__ = ("pre_key_id", "base_key", "identity_key", "message", "registration_id", "signed_pre_key_id")
    PRE_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    BASE_KEY_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_KEY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REGISTRATION_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNED_PRE_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    pre_key_id: int
    base_key: bytes
    identity_key: bytes
    message: bytes
    registration_id: int
    signed_pre_key_id: int
    def __init__(self, pre_key_id: _Optional[int] = ..., base_key: _Optional[bytes] = ..., identity_key: _Optional[bytes] = ..., message: _Optional[bytes] = ..., registration_id: _Optional[int] = ..., signed_pre_key_id: _Optional[int] = ...) -> None: ...

class SenderKeyMessageBody(_message.Message):
    __slots__ = ("id", "iteration", "ciphertext")
    ID_FIELD_NUMBER: _ClassVar[int]
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    id: int
    iteration: int
    ciphertext: bytes
    def __init__(self, id: _Optional[int] = ..., iteration: _Optional[int] = ..., ciphertext: _Optional[bytes] = ...) -> None: ...

class SenderKeyDistributionBody(_message.Message):
    __slots__ = ("id", "iteration", "chain_key", "signing_key")
    ID_FIELD_NUMBER: _ClassVar[int]
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    CHAIN_KEY_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FIELD_NUMBER: _ClassVar[int]
    id: int
    iteration: int
    chain_key: bytes
    signing_key: bytes
    def __init__(self, id: _Optional[int] = ..., iteration: _Optional[int] = ..., chain_key: _Optional[bytes] = ..., signing_key: _Optional[bytes] = ...) -> None: ...

class StoredReceiverChain(_message.Message):
    __slots__ = ("ratchet_key", "chain_key", "index", "skipped")
    RATCHET_KEY_FIELD_NUMBER: _ClassVar[int]
    CHAIN_KEY_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    ratchet_key: bytes
    chain_key: bytes
    index: int
    skipped: bytes
    def __init__(self, ratchet_key: _Optional[bytes] = ..., chain_key: _Optional[bytes] = ..., index: _Optional[int] = ..., skipped: _Optional[bytes] = ...) -> None: ...

class StoredPendingPreKey(_message.Message):
    __slots__ = ("signed_pre_key_id", "base_key", "pre_key_id")
    SIGNED_PRE_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    BASE_KEY_FIELD_NUMBER: _ClassVar[int]
    PRE_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    signed_pre_key_id: int
    base_key: bytes
    pre_key_id: int
    def __init__(self, signed_pre_key_id: _Optional[int] = ..., base_key: _Optional[bytes] = ..., pre_key_id: _Optional[int] = ...) -> None: ...

class StoredSessionState(_message.Message):
    __slots__ = ("base_key", "remote_identity", "remote_registration_id", "root_key", "sender_ratchet_private", "sender_ratchet_public", "sender_chain_key", "sender_chain_index", "previous_counter", "receiver_chains", "pending")
    BASE_KEY_FIELD_NUMBER: _ClassVar[int]
    REMOTE_IDENTITY_FIELD_NUMBER: _ClassVar[int]
    REMOTE_REGISTRATION_ID_FIELD_NUMBER: _ClassVar[int]
    ROOT_KEY_FIELD_NUMBER: _ClassVar[int]
    SENDER_RATCHET_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    SENDER_RATCHET_PUBLIC_FIELD_NUMBER: _ClassVar[int]
    SENDER_CHAIN_KEY_FIELD_NUMBER: _ClassVar[int]
    SENDER_CHAIN_INDEX_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_COUNTER_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_CHAINS_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    base_key: bytes
    remote_identity: bytes
    remote_registration_id: int
    root_key: bytes
    sender_ratchet_private: bytes
    sender_ratchet_public: bytes
    sender_chain_key: bytes
    sender_chain_index: int
    previous_counter: int
    receiver_chains: _containers.RepeatedCompositeFieldContainer[StoredReceiverChain]
    pending: StoredPendingPreKey
    def __init__(self, base_key: _Optional[bytes] = ..., remote_identity: _Optional[bytes] = ..., remote_registration_id: _Optional[int] = ..., root_key: _Optional[bytes] = ..., sender_ratchet_private: _Optional[bytes] = ..., sender_ratchet_public: _Optional[bytes] = ..., sender_chain_key: _Optional[bytes] = ..., sender_chain_index: _Optional[int] = ..., previous_counter: _Optional[int] = ..., receiver_chains: _Optional[_Iterable[_Union[StoredReceiverChain, _Mapping]]] = ..., pending: _Optional[_Union[StoredPendingPreKey, _Mapping]] = ...) -> None: ...

class StoredSession(_message.Message):
    __slots__ = ("current", "archived")
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    current: bytes
    archived: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, current: _Optional[bytes] = ..., archived: _Optional[_Iterable[bytes]] = ...) -> None: ...

class StoredSenderKeyState(_message.Message):
    __slots__ = ("id", "chain_key", "iteration", "signing_public", "signing_private", "skipped")
    ID_FIELD_NUMBER: _ClassVar[int]
    CHAIN_KEY_FIELD_NUMBER: _ClassVar[int]
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    SIGNING_PUBLIC_FIELD_NUMBER: _ClassVar[int]
    SIGNING_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    id: int
    chain_key: bytes
    iteration: int
    signing_public: bytes
    signing_private: bytes
    skipped: bytes
    def __init__(self, id: _Optional[int] = ..., chain_key: _Optional[bytes] = ..., iteration: _Optional[int] = ..., signing_public: _Optional[bytes] = ..., signing_private: _Optional[bytes] = ..., skipped: _Optional[bytes] = ...) -> None: ...

class StoredSenderKey(_message.Message):
    __slots__ = ("states",)
    STATES_FIELD_NUMBER: _ClassVar[int]
    states: _containers.RepeatedCompositeFieldContainer[StoredSenderKeyState]
    def __init__(self, states: _Optional[_Iterable[_Union[StoredSenderKeyState, _Mapping]]] = ...) -> None: ...
