from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConnectionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONNECTION_STATE_UNSPECIFIED: _ClassVar[ConnectionState]
    CONNECTING: _ClassVar[ConnectionState]
    AWAITING_SCAN: _ClassVar[ConnectionState]
    PAIRING: _ClassVar[ConnectionState]
    CONNECTED: _ClassVar[ConnectionState]
    RECONNECTING: _ClassVar[ConnectionState]
    STOPPED: _ClassVar[ConnectionState]
CONNECTION_STATE_UNSPECIFIED: ConnectionState
CONNECTING: ConnectionState
AWAITING_SCAN: ConnectionState
PAIRING: ConnectionState
CONNECTED: ConnectionState
RECONNECTING: ConnectionState
STOPPED: ConnectionState

class ToSupervisor(_message.Message):
    __slots__ = ("hello", "state", "qr", "inbound", "send_result", "heartbeat", "paired")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    QR_FIELD_NUMBER: _ClassVar[int]
    INBOUND_FIELD_NUMBER: _ClassVar[int]
    SEND_RESULT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    PAIRED_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    state: State
    qr: Qr
    inbound: Inbound
    send_result: SendResult
    heartbeat: Heartbeat
    paired: Paired
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., state: _Optional[_Union[State, _Mapping]] = ..., qr: _Optional[_Union[Qr, _Mapping]] = ..., inbound: _Optional[_Union[Inbound, _Mapping]] = ..., send_result: _Optional[_Union[SendResult, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., paired: _Optional[_Union[Paired, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("version", "account_id", "token", "pid", "boot_ns")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    BOOT_NS_FIELD_NUMBER: _ClassVar[int]
    version: int
    account_id: str
    token: bytes
    pid: int
    boot_ns: int
    def __init__(self, version: _Optional[int] = ..., account_id: _Optional[str] = ..., token: _Optional[bytes] = ..., pid: _Optional[int] = ..., boot_ns: _Optional[int] = ...) -> None: ...

class State(_message.Message):
    __slots__ = ("state", "code", "reason", "retry_in_ms", "terminal")
    STATE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RETRY_IN_MS_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    state: ConnectionState
    code: int
    reason: str
    retry_in_ms: int
    terminal: bool
    def __init__(self, state: _Optional[_Union[ConnectionState, str]] = ..., code: _Optional[int] = ..., reason: _Optional[str] = ..., retry_in_ms: _Optional[int] = ..., terminal: bool = ...) -> None: ...

class Qr(_message.Message):
    __slots__ = ("payload", "expires_at_ms")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    payload: str
    expires_at_ms: int
    def __init__(self, payload: _Optional[str] = ..., expires_at_ms: _Optional[int] = ...) -> None: ...

class Paired(_message.Message):
    __slots__ = ("phone", "jid", "lid", "platform", "push_name", "session_id")
    PHONE_FIELD_NUMBER: _ClassVar[int]
    JID_FIELD_NUMBER: _ClassVar[int]
    LID_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    PUSH_NAME_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    phone: str
    jid: str
    lid: str
    platform: str
    push_name: str
    session_id: str
    def __init__(self, phone: _Optional[str] = ..., jid: _Optional[str] = ..., lid: _Optional[str] = ..., platform: _Optional[str] = ..., push_name: _Optional[str] = ..., session_id: _Optional[str] = ...) -> None: ...

class Inbound(_message.Message):
    __slots__ = ("batch_id", "events")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    batch_id: int
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, batch_id: _Optional[int] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("spool_id", "message", "receipt", "push_name", "group_subject", "undecryptable", "lid_pair")
    SPOOL_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    PUSH_NAME_FIELD_NUMBER: _ClassVar[int]
    GROUP_SUBJECT_FIELD_NUMBER: _ClassVar[int]
    UNDECRYPTABLE_FIELD_NUMBER: _ClassVar[int]
    LID_PAIR_FIELD_NUMBER: _ClassVar[int]
    spool_id: int
    message: Message
    receipt: Receipt
    push_name: PushName
    group_subject: GroupSubject
    undecryptable: Undecryptable
    lid_pair: LidPair
    def __init__(self, spool_id: _Optional[int] = ..., message: _Optional[_Union[Message, _Mapping]] = ..., receipt: _Optional[_Union[Receipt, _Mapping]] = ..., push_name: _Optional[_Union[PushName, _Mapping]] = ..., group_subject: _Optional[_Union[GroupSubject, _Mapping]] = ..., undecryptable: _Optional[_Union[Undecryptable, _Mapping]] = ..., lid_pair: _Optional[_Union[LidPair, _Mapping]] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("id", "chat", "chat_lid", "sender", "sender_lid", "sender_device", "from_me", "timestamp_ms", "push_name", "kind", "text", "content", "offline")
    ID_FIELD_NUMBER: _ClassVar[int]
    CHAT_FIELD_NUMBER: _ClassVar[int]
    CHAT_LID_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    SENDER_LID_FIELD_NUMBER: _ClassVar[int]
    SENDER_DEVICE_FIELD_NUMBER: _ClassVar[int]
    FROM_ME_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    PUSH_NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FIELD_NUMBER: _ClassVar[int]
    id: str
    chat: str
    chat_lid: str
    sender: str
    sender_lid: str
    sender_device: int
    from_me: bool
    timestamp_ms: int
    push_name: str
    kind: str
    text: str
    content: bytes
    offline: bool
    def __init__(self, id: _Optional[str] = ..., chat: _Optional[str] = ..., chat_lid: _Optional[str] = ..., sender: _Optional[str] = ..., sender_lid: _Optional[str] = ..., sender_device: _Optional[int] = ..., from_me: bool = ..., timestamp_ms: _Optional[int] = ..., push_name: _Optional[str] = ..., kind: _Optional[str] = ..., text: _Optional[str] = ..., content: _Optional[bytes] = ..., offline: bool = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("kind", "ids", "chat", "participant", "timestamp_ms")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSPECIFIED: _ClassVar[Receipt.Kind]
        DELIVERED: _ClassVar[Receipt.Kind]
        READ: _ClassVar[Receipt.Kind]
        PLAYED: _ClassVar[Receipt.Kind]
        READ_SELF: _ClassVar[Receipt.Kind]
        SENDER: _ClassVar[Receipt.Kind]
        SERVER_ERROR: _ClassVar[Receipt.Kind]
    UNSPECIFIED: Receipt.Kind
    DELIVERED: Receipt.Kind
    READ: Receipt.Kind
    PLAYED: Receipt.Kind
    READ_SELF: Receipt.Kind
    SENDER: Receipt.Kind
    SERVER_ERROR: Receipt.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    CHAT_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    kind: Receipt.Kind
    ids: _containers.RepeatedScalarFieldContainer[str]
    chat: str
    participant: str
    timestamp_ms: int
    def __init__(self, kind: _Optional[_Union[Receipt.Kind, str]] = ..., ids: _Optional[_Iterable[str]] = ..., chat: _Optional[str] = ..., participant: _Optional[str] = ..., timestamp_ms: _Optional[int] = ...) -> None: ...

class PushName(_message.Message):
    __slots__ = ("jid", "lid", "name")
    JID_FIELD_NUMBER: _ClassVar[int]
    LID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    jid: str
    lid: str
    name: str
    def __init__(self, jid: _Optional[str] = ..., lid: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class GroupSubject(_message.Message):
    __slots__ = ("chat", "subject")
    CHAT_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    chat: str
    subject: str
    def __init__(self, chat: _Optional[str] = ..., subject: _Optional[str] = ...) -> None: ...

class LidPair(_message.Message):
    __slots__ = ("lid", "pn")
    LID_FIELD_NUMBER: _ClassVar[int]
    PN_FIELD_NUMBER: _ClassVar[int]
    lid: str
    pn: str
    def __init__(self, lid: _Optional[str] = ..., pn: _Optional[str] = ...) -> None: ...

class Undecryptable(_message.Message):
    __slots__ = ("id", "chat", "sender", "from_me", "timestamp_ms", "push_name", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    CHAT_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    FROM_ME_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    PUSH_NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    chat: str
    sender: str
    from_me: bool
    timestamp_ms: int
    push_name: str
    reason: str
    def __init__(self, id: _Optional[str] = ..., chat: _Optional[str] = ..., sender: _Optional[str] = ..., from_me: bool = ..., timestamp_ms: _Optional[int] = ..., push_name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class SendResult(_message.Message):
    __slots__ = ("request_id", "message_id", "outcome", "code", "reason", "timestamp_ms", "chat")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSPECIFIED: _ClassVar[SendResult.Outcome]
        SENT: _ClassVar[SendResult.Outcome]
        REFUSED: _ClassVar[SendResult.Outcome]
        UNAVAILABLE: _ClassVar[SendResult.Outcome]
    UNSPECIFIED: SendResult.Outcome
    SENT: SendResult.Outcome
    REFUSED: SendResult.Outcome
    UNAVAILABLE: SendResult.Outcome
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    CHAT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    message_id: str
    outcome: SendResult.Outcome
    code: int
    reason: str
    timestamp_ms: int
    chat: str
    def __init__(self, request_id: _Optional[str] = ..., message_id: _Optional[str] = ..., outcome: _Optional[_Union[SendResult.Outcome, str]] = ..., code: _Optional[int] = ..., reason: _Optional[str] = ..., timestamp_ms: _Optional[int] = ..., chat: _Optional[str] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("boot_ns", "loop_lag_ms", "stanzas_handled", "oldest_unacked_ms", "last_frame_age_ms", "spooled")
    BOOT_NS_FIELD_NUMBER: _ClassVar[int]
    LOOP_LAG_MS_FIELD_NUMBER: _ClassVar[int]
    STANZAS_HANDLED_FIELD_NUMBER: _ClassVar[int]
    OLDEST_UNACKED_MS_FIELD_NUMBER: _ClassVar[int]
    LAST_FRAME_AGE_MS_FIELD_NUMBER: _ClassVar[int]
    SPOOLED_FIELD_NUMBER: _ClassVar[int]
    boot_ns: int
    loop_lag_ms: int
    stanzas_handled: int
    oldest_unacked_ms: int
    last_frame_age_ms: int
    spooled: int
    def __init__(self, boot_ns: _Optional[int] = ..., loop_lag_ms: _Optional[int] = ..., stanzas_handled: _Optional[int] = ..., oldest_unacked_ms: _Optional[int] = ..., last_frame_age_ms: _Optional[int] = ..., spooled: _Optional[int] = ...) -> None: ...

class ToWorker(_message.Message):
    __slots__ = ("welcome", "batch_ack", "send", "stop", "deadline", "mark_read")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    BATCH_ACK_FIELD_NUMBER: _ClassVar[int]
    SEND_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    MARK_READ_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    batch_ack: BatchAck
    send: Send
    stop: Stop
    deadline: Deadline
    mark_read: MarkRead
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., batch_ack: _Optional[_Union[BatchAck, _Mapping]] = ..., send: _Optional[_Union[Send, _Mapping]] = ..., stop: _Optional[_Union[Stop, _Mapping]] = ..., deadline: _Optional[_Union[Deadline, _Mapping]] = ..., mark_read: _Optional[_Union[MarkRead, _Mapping]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("version", "phone", "deadline_boot_ns")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_BOOT_NS_FIELD_NUMBER: _ClassVar[int]
    version: int
    phone: str
    deadline_boot_ns: int
    def __init__(self, version: _Optional[int] = ..., phone: _Optional[str] = ..., deadline_boot_ns: _Optional[int] = ...) -> None: ...

class BatchAck(_message.Message):
    __slots__ = ("batch_id",)
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    batch_id: int
    def __init__(self, batch_id: _Optional[int] = ...) -> None: ...

class Deadline(_message.Message):
    __slots__ = ("deadline_boot_ns",)
    DEADLINE_BOOT_NS_FIELD_NUMBER: _ClassVar[int]
    deadline_boot_ns: int
    def __init__(self, deadline_boot_ns: _Optional[int] = ...) -> None: ...

class Send(_message.Message):
    __slots__ = ("request_id", "message_id", "to", "text")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    message_id: str
    to: str
    text: str
    def __init__(self, request_id: _Optional[str] = ..., message_id: _Optional[str] = ..., to: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class MarkRead(_message.Message):
    __slots__ = ("chat", "participant", "ids")
    CHAT_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    chat: str
    participant: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, chat: _Optional[str] = ..., participant: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Stop(_message.Message):
    __slots__ = ("reason", "unlink")
    REASON_FIELD_NUMBER: _ClassVar[int]
    UNLINK_FIELD_NUMBER: _ClassVar[int]
    reason: str
    unlink: bool
    def __init__(self, reason: _Optional[str] = ..., unlink: bool = ...) -> None: ...
