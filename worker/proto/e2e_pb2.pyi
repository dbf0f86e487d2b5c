from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DisappearingInitiator(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INITIATOR_CHANGED_IN_CHAT: _ClassVar[DisappearingInitiator]
    INITIATOR_INITIATED_BY_ME: _ClassVar[DisappearingInitiator]
    INITIATOR_INITIATED_BY_OTHER: _ClassVar[DisappearingInitiator]
    INITIATOR_BIZ_UPGRADE_FB_HOSTING: _ClassVar[DisappearingInitiator]

class DisappearingTrigger(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRIGGER_UNKNOWN: _ClassVar[DisappearingTrigger]
    TRIGGER_CHAT_SETTING: _ClassVar[DisappearingTrigger]
    TRIGGER_ACCOUNT_SETTING: _ClassVar[DisappearingTrigger]
    TRIGGER_BULK_CHANGE: _ClassVar[DisappearingTrigger]
    TRIGGER_BIZ_SUPPORTS_FB_HOSTING: _ClassVar[DisappearingTrigger]
    TRIGGER_UNKNOWN_GROUPS: _ClassVar[DisappearingTrigger]

class HistorySyncType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HISTORY_INITIAL_BOOTSTRAP: _ClassVar[HistorySyncType]
    HISTORY_INITIAL_STATUS_V3: _ClassVar[HistorySyncType]
    HISTORY_FULL: _ClassVar[HistorySyncType]
    HISTORY_RECENT: _ClassVar[HistorySyncType]
    HISTORY_PUSH_NAME: _ClassVar[HistorySyncType]
    HISTORY_NON_BLOCKING_DATA: _ClassVar[HistorySyncType]
    HISTORY_ON_DEMAND: _ClassVar[HistorySyncType]
    HISTORY_NO_HISTORY: _ClassVar[HistorySyncType]
    HISTORY_MESSAGE_ACCESS_STATUS: _ClassVar[HistorySyncType]

class PeerDataOperationRequestType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PEER_UPLOAD_STICKER: _ClassVar[PeerDataOperationRequestType]
    PEER_SEND_RECENT_STICKER_BOOTSTRAP: _ClassVar[PeerDataOperationRequestType]
    PEER_GENERATE_LINK_PREVIEW: _ClassVar[PeerDataOperationRequestType]
    PEER_HISTORY_SYNC_ON_DEMAND: _ClassVar[PeerDataOperationRequestType]
    PEER_PLACEHOLDER_MESSAGE_RESEND: _ClassVar[PeerDataOperationRequestType]
    PEER_WAFFLE_LINKING_NONCE_FETCH: _ClassVar[PeerDataOperationRequestType]
    PEER_FULL_HISTORY_SYNC_ON_DEMAND: _ClassVar[PeerDataOperationRequestType]
    PEER_COMPANION_META_NONCE_FETCH: _ClassVar[PeerDataOperationRequestType]
    PEER_COMPANION_SYNCD_SNAPSHOT_FATAL_RECOVERY: _ClassVar[PeerDataOperationRequestType]
    PEER_COMPANION_CANONICAL_USER_NONCE_FETCH: _ClassVar[PeerDataOperationRequestType]
    PEER_HISTORY_SYNC_CHUNK_RETRY: _ClassVar[PeerDataOperationRequestType]
    PEER_GALAXY_FLOW_ACTION: _ClassVar[PeerDataOperationRequestType]

class ProtocolMessageType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVOKE: _ClassVar[ProtocolMessageType]
    EPHEMERAL_SETTING: _ClassVar[ProtocolMessageType]
    EPHEMERAL_SYNC_RESPONSE: _ClassVar[ProtocolMessageType]
    HISTORY_SYNC_NOTIFICATION: _ClassVar[ProtocolMessageType]
    APP_STATE_SYNC_KEY_SHARE: _ClassVar[ProtocolMessageType]
    APP_STATE_SYNC_KEY_REQUEST: _ClassVar[ProtocolMessageType]
    MSG_FANOUT_BACKFILL_REQUEST: _ClassVar[ProtocolMessageType]
    INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC: _ClassVar[ProtocolMessageType]
    APP_STATE_FATAL_EXCEPTION_NOTIFICATION: _ClassVar[ProtocolMessageType]
    SHARE_PHONE_NUMBER: _ClassVar[ProtocolMessageType]
    MESSAGE_EDIT: _ClassVar[ProtocolMessageType]
    PEER_DATA_OPERATION_REQUEST_MESSAGE: _ClassVar[ProtocolMessageType]
    PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE: _ClassVar[ProtocolMessageType]
    REQUEST_WELCOME_MESSAGE: _ClassVar[ProtocolMessageType]
    BOT_FEEDBACK_MESSAGE: _ClassVar[ProtocolMessageType]
    MEDIA_NOTIFY_MESSAGE: _ClassVar[ProtocolMessageType]
    CLOUD_API_THREAD_CONTROL_NOTIFICATION: _ClassVar[ProtocolMessageType]
    LID_MIGRATION_MAPPING_SYNC: _ClassVar[ProtocolMessageType]
    REMINDER_MESSAGE: _ClassVar[ProtocolMessageType]
    BOT_MEMU_ONBOARDING_MESSAGE: _ClassVar[ProtocolMessageType]
    STATUS_MENTION_MESSAGE: _ClassVar[ProtocolMessageType]
    STOP_GENERATION_MESSAGE: _ClassVar[ProtocolMessageType]
    LIMIT_SHARING: _ClassVar[ProtocolMessageType]
    AI_PSI_METADATA: _ClassVar[ProtocolMessageType]
    AI_QUERY_FANOUT: _ClassVar[ProtocolMessageType]
    GROUP_MEMBER_LABEL_CHANGE: _ClassVar[ProtocolMessageType]
INITIATOR_CHANGED_IN_CHAT: DisappearingInitiator
INITIATOR_INITIATED_BY_ME: DisappearingInitiator
INITIATOR_INITIATED_BY_OTHER: DisappearingInitiator
INITIATOR_BIZ_UPGRADE_FB_HOSTING: DisappearingInitiator
TRIGGER_UNKNOWN: DisappearingTrigger
TRIGGER_CHAT_SETTING: DisappearingTrigger
TRIGGER_ACCOUNT_SETTING: DisappearingTrigger
TRIGGER_BULK_CHANGE: DisappearingTrigger
TRIGGER_BIZ_SUPPORTS_FB_HOSTING: DisappearingTrigger
TRIGGER_UNKNOWN_GROUPS: DisappearingTrigger
HISTORY_INITIAL_BOOTSTRAP: HistorySyncType
HISTORY_INITIAL_STATUS_V3: HistorySyncType
HISTORY_FULL: HistorySyncType
HISTORY_RECENT: HistorySyncType
HISTORY_PUSH_NAME: HistorySyncType
HISTORY_NON_BLOCKING_DATA: HistorySyncType
HISTORY_ON_DEMAND: HistorySyncType
HISTORY_NO_HISTORY: HistorySyncType
HISTORY_MESSAGE_ACCESS_STATUS: HistorySyncType
PEER_UPLOAD_STICKER: PeerDataOperationRequestType
PEER_SEND_RECENT_STICKER_BOOTSTRAP: PeerDataOperationRequestType
PEER_GENERATE_LINK_PREVIEW: PeerDataOperationRequestType
PEER_HISTORY_SYNC_ON_DEMAND: PeerDataOperationRequestType
PEER_PLACEHOLDER_MESSAGE_RESEND: PeerDataOperationRequestType
PEER_WAFFLE_LINKING_NONCE_FETCH: PeerDataOperationRequestType
PEER_FULL_HISTORY_SYNC_ON_DEMAND: PeerDataOperationRequestType
PEER_COMPANION_META_NONCE_FETCH: PeerDataOperationRequestType
PEER_COMPANION_SYNCD_SNAPSHOT_FATAL_RECOVERY: PeerDataOperationRequestType
PEER_COMPANION_CANONICAL_USER_NONCE_FETCH: PeerDataOperationRequestType
PEER_HISTORY_SYNC_CHUNK_RETRY: PeerDataOperationRequestType
PEER_GALAXY_FLOW_ACTION: PeerDataOperationRequestType
REVOKE: ProtocolMessageType
EPHEMERAL_SETTING: ProtocolMessageType
EPHEMERAL_SYNC_RESPONSE: ProtocolMessageType
HISTORY_SYNC_NOTIFICATION: ProtocolMessageType
APP_STATE_SYNC_KEY_SHARE: ProtocolMessageType
APP_STATE_SYNC_KEY_REQUEST: ProtocolMessageType
MSG_FANOUT_BACKFILL_REQUEST: ProtocolMessageType
INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC: ProtocolMessageType
APP_STATE_FATAL_EXCEPTION_NOTIFICATION: ProtocolMessageType
SHARE_PHONE_NUMBER: ProtocolMessageType
MESSAGE_EDIT: ProtocolMessageType
PEER_DATA_OPERATION_REQUEST_MESSAGE: ProtocolMessageType
PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE: ProtocolMessageType
REQUEST_WELCOME_MESSAGE: ProtocolMessageType
BOT_FEEDBACK_MESSAGE: ProtocolMessageType
MEDIA_NOTIFY_MESSAGE: ProtocolMessageType
CLOUD_API_THREAD_CONTROL_NOTIFICATION: ProtocolMessageType
LID_MIGRATION_MAPPING_SYNC: ProtocolMessageType
REMINDER_MESSAGE: ProtocolMessageType
BOT_MEMU_ONBOARDING_MESSAGE: ProtocolMessageType
STATUS_MENTION_MESSAGE: ProtocolMessageType
STOP_GENERATION_MESSAGE: ProtocolMessageType
LIMIT_SHARING: ProtocolMessageType
AI_PSI_METADATA: ProtocolMessageType
AI_QUERY_FANOUT: ProtocolMessageType
GROUP_MEMBER_LABEL_CHANGE: ProtocolMessageType

class MessageKey(_message.Message):
    __slots__ = ("remote_jid", "from_me", "id", "participant")
    REMOTE_JID_FIELD_NUMBER: _ClassVar[int]
    FROM_ME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    remote_jid: str
    from_me: bool
    id: str
    participant: str
    def __init__(self, remote_jid: _Optional[str] = ..., from_me: bool = ..., id: _Optional[str] = ..., participant: _Optional[str] = ...) -> None: ...

class ContextInfo(_message.Message):
    __slots__ = ("stanza_id", "participant", "quoted_message", "remote_jid", "mentioned_jid", "forwarding_score", "is_forwarded", "expiration", "ephemeral_setting_timestamp", "disappearing_mode", "group_mentions")
    STANZA_ID_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    QUOTED_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REMOTE_JID_FIELD_NUMBER: _ClassVar[int]
    MENTIONED_JID_FIELD_NUMBER: _ClassVar[int]
    FORWARDING_SCORE_FIELD_NUMBER: _ClassVar[int]
    IS_FORWARDED_FIELD_NUMBER: _ClassVar[int]
    EXPIRATION_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_SETTING_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    DISAPPEARING_MODE_FIELD_NUMBER: _ClassVar[int]
    GROUP_MENTIONS_FIELD_NUMBER: _ClassVar[int]
    stanza_id: str
    participant: str
    quoted_message: Message
    remote_jid: str
    mentioned_jid: _containers.RepeatedScalarFieldContainer[str]
    forwarding_score: int
    is_forwarded: bool
    expiration: int
    ephemeral_setting_timestamp: int
    disappearing_mode: DisappearingMode
    group_mentions: _containers.RepeatedCompositeFieldContainer[GroupMention]
    def __init__(self, stanza_id: _Optional[str] = ..., participant: _Optional[str] = ..., quoted_message: _Optional[_Union[Message, _Mapping]] = ..., remote_jid: _Optional[str] = ..., mentioned_jid: _Optional[_Iterable[str]] = ..., forwarding_score: _Optional[int] = ..., is_forwarded: bool = ..., expiration: _Optional[int] = ..., ephemeral_setting_timestamp: _Optional[int] = ..., disappearing_mode: _Optional[_Union[DisappearingMode, _Mapping]] = ..., group_mentions: _Optional[_Iterable[_Union[GroupMention, _Mapping]]] = ...) -> None: ...

class DisappearingMode(_message.Message):
    __slots__ = ("initiator", "trigger", "initiator_device_jid", "initiated_by_me")
    INITIATOR_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    INITIATOR_DEVICE_JID_FIELD_NUMBER: _ClassVar[int]
    INITIATED_BY_ME_FIELD_NUMBER: _ClassVar[int]
    initiator: DisappearingInitiator
    trigger: DisappearingTrigger
    initiator_device_jid: str
    initiated_by_me: bool
    def __init__(self, initiator: _Optional[_Union[DisappearingInitiator, str]] = ..., trigger: _Optional[_Union[DisappearingTrigger, str]] = ..., initiator_device_jid: _Optional[str] = ..., initiated_by_me: bool = ...) -> None: ...

class GroupMention(_message.Message):
    __slots__ = ("group_jid", "group_subject")
    GROUP_JID_FIELD_NUMBER: _ClassVar[int]
    GROUP_SUBJECT_FIELD_NUMBER: _ClassVar[int]
    group_jid: str
    group_subject: str
    def __init__(self, group_jid: _Optional[str] = ..., group_subject: _Optional[str] = ...) -> None: ...

class ImageMessage(_message.Message):
    __slots__ = ("url", "mimetype", "caption", "file_sha256", "file_length", "height", "width", "media_key", "file_enc_sha256", "direct_path", "media_key_timestamp", "jpeg_thumbnail", "context_info", "scans_sidecar", "view_once")
    URL_FIELD_NUMBER: _ClassVar[int]
    MIMETYPE_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_FIELD_NUMBER: _ClassVar[int]
    FILE_ENC_SHA256_FIELD_NUMBER: _ClassVar[int]
    DIRECT_PATH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    SCANS_SIDECAR_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_FIELD_NUMBER: _ClassVar[int]
    url: str
    mimetype: str
    caption: str
    file_sha256: bytes
    file_length: int
    height: int
    width: int
    media_key: bytes
    file_enc_sha256: bytes
    direct_path: str
    media_key_timestamp: int
    jpeg_thumbnail: bytes
    context_info: ContextInfo
    scans_sidecar: bytes
    view_once: bool
    def __init__(self, url: _Optional[str] = ..., mimetype: _Optional[str] = ..., caption: _Optional[str] = ..., file_sha256: _Optional[bytes] = ..., file_length: _Optional[int] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., media_key: _Optional[bytes] = ..., file_enc_sha256: _Optional[bytes] = ..., direct_path: _Optional[str] = ..., media_key_timestamp: _Optional[int] = ..., jpeg_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ..., scans_sidecar: _Optional[bytes] = ..., view_once: bool = ...) -> None: ...

class VideoMessage(_message.Message):
    __slots__ = ("url", "mimetype", "file_sha256", "file_length", "seconds", "media_key", "caption", "gif_playback", "height", "width", "file_enc_sha256", "direct_path", "media_key_timestamp", "jpeg_thumbnail", "context_info", "streaming_sidecar", "view_once")
    URL_FIELD_NUMBER: _ClassVar[int]
    MIMETYPE_FIELD_NUMBER: _ClassVar[int]
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    GIF_PLAYBACK_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    FILE_ENC_SHA256_FIELD_NUMBER: _ClassVar[int]
    DIRECT_PATH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    STREAMING_SIDECAR_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_FIELD_NUMBER: _ClassVar[int]
    url: str
    mimetype: str
    file_sha256: bytes
    file_length: int
    seconds: int
    media_key: bytes
    caption: str
    gif_playback: bool
    height: int
    width: int
    file_enc_sha256: bytes
    direct_path: str
    media_key_timestamp: int
    jpeg_thumbnail: bytes
    context_info: ContextInfo
    streaming_sidecar: bytes
    view_once: bool
    def __init__(self, url: _Optional[str] = ..., mimetype: _Optional[str] = ..., file_sha256: _Optional[bytes] = ..., file_length: _Optional[int] = ..., seconds: _Optional[int] = ..., media_key: _Optional[bytes] = ..., caption: _Optional[str] = ..., gif_playback: bool = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., file_enc_sha256: _Optional[bytes] = ..., direct_path: _Optional[str] = ..., media_key_timestamp: _Optional[int] = ..., jpeg_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ..., streaming_sidecar: _Optional[bytes] = ..., view_once: bool = ...) -> None: ...

class AudioMessage(_message.Message):
    __slots__ = ("url", "mimetype", "file_sha256", "file_length", "seconds", "ptt", "media_key", "file_enc_sha256", "direct_path", "media_key_timestamp", "context_info", "streaming_sidecar", "waveform", "view_once")
    URL_FIELD_NUMBER: _ClassVar[int]
    MIMETYPE_FIELD_NUMBER: _ClassVar[int]
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    PTT_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_FIELD_NUMBER: _ClassVar[int]
    FILE_ENC_SHA256_FIELD_NUMBER: _ClassVar[int]
    DIRECT_PATH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    STREAMING_SIDECAR_FIELD_NUMBER: _ClassVar[int]
    WAVEFORM_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_FIELD_NUMBER: _ClassVar[int]
    url: str
    mimetype: str
    file_sha256: bytes
    file_length: int
    seconds: int
    ptt: bool
    media_key: bytes
    file_enc_sha256: bytes
    direct_path: str
    media_key_timestamp: int
    context_info: ContextInfo
    streaming_sidecar: bytes
    waveform: bytes
    view_once: bool
    def __init__(self, url: _Optional[str] = ..., mimetype: _Optional[str] = ..., file_sha256: _Optional[bytes] = ..., file_length: _Optional[int] = ..., seconds: _Optional[int] = ..., ptt: bool = ..., media_key: _Optional[bytes] = ..., file_enc_sha256: _Optional[bytes] = ..., direct_path: _Optional[str] = ..., media_key_timestamp: _Optional[int] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ..., streaming_sidecar: _Optional[bytes] = ..., waveform: _Optional[bytes] = ..., view_once: bool = ...) -> None: ...

class DocumentMessage(_message.Message):
    __slots__ = ("url", "mimetype", "title", "file_sha256", "file_length", "page_count", "media_key", "file_name", "file_enc_sha256", "direct_path", "media_key_timestamp", "contact_vcard", "jpeg_thumbnail", "context_info", "caption")
    URL_FIELD_NUMBER: _ClassVar[int]
    MIMETYPE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    PAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    FILE_ENC_SHA256_FIELD_NUMBER: _ClassVar[int]
    DIRECT_PATH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    CONTACT_VCARD_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    url: str
    mimetype: str
    title: str
    file_sha256: bytes
    file_length: int
    page_count: int
    media_key: bytes
    file_name: str
    file_enc_sha256: bytes
    direct_path: str
    media_key_timestamp: int
    contact_vcard: bool
    jpeg_thumbnail: bytes
    context_info: ContextInfo
    caption: str
    def __init__(self, url: _Optional[str] = ..., mimetype: _Optional[str] = ..., title: _Optional[str] = ..., file_sha256: _Optional[bytes] = ..., file_length: _Optional[int] = ..., page_count: _Optional[int] = ..., media_key: _Optional[bytes] = ..., file_name: _Optional[str] = ..., file_enc_sha256: _Optional[bytes] = ..., direct_path: _Optional[str] = ..., media_key_timestamp: _Optional[int] = ..., contact_vcard: bool = ..., jpeg_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ..., caption: _Optional[str] = ...) -> None: ...

class StickerMessage(_message.Message):
    __slots__ = ("url", "file_sha256", "file_enc_sha256", "media_key", "mimetype", "height", "width", "direct_path", "file_length", "media_key_timestamp", "is_animated", "png_thumbnail", "context_info", "sticker_sent_ts", "is_avatar", "is_lottie")
    URL_FIELD_NUMBER: _ClassVar[int]
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_ENC_SHA256_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_FIELD_NUMBER: _ClassVar[int]
    MIMETYPE_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    DIRECT_PATH_FIELD_NUMBER: _ClassVar[int]
    FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    IS_ANIMATED_FIELD_NUMBER: _ClassVar[int]
    PNG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    STICKER_SENT_TS_FIELD_NUMBER: _ClassVar[int]
    IS_AVATAR_FIELD_NUMBER: _ClassVar[int]
    IS_LOTTIE_FIELD_NUMBER: _ClassVar[int]
    url: str
    file_sha256: bytes
    file_enc_sha256: bytes
    media_key: bytes
    mimetype: str
    height: int
    width: int
    direct_path: str
    file_length: int
    media_key_timestamp: int
    is_animated: bool
    png_thumbnail: bytes
    context_info: ContextInfo
    sticker_sent_ts: int
    is_avatar: bool
    is_lottie: bool
    def __init__(self, url: _Optional[str] = ..., file_sha256: _Optional[bytes] = ..., file_enc_sha256: _Optional[bytes] = ..., media_key: _Optional[bytes] = ..., mimetype: _Optional[str] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., direct_path: _Optional[str] = ..., file_length: _Optional[int] = ..., media_key_timestamp: _Optional[int] = ..., is_animated: bool = ..., png_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ..., sticker_sent_ts: _Optional[int] = ..., is_avatar: bool = ..., is_lottie: bool = ...) -> None: ...

class ContactMessage(_message.Message):
    __slots__ = ("display_name", "vcard", "context_info")
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    VCARD_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    display_name: str
    vcard: str
    context_info: ContextInfo
    def __init__(self, display_name: _Optional[str] = ..., vcard: _Optional[str] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ...) -> None: ...

class ContactsArrayMessage(_message.Message):
    __slots__ = ("display_name", "contacts", "context_info")
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    CONTACTS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    display_name: str
    contacts: _containers.RepeatedCompositeFieldContainer[ContactMessage]
    context_info: ContextInfo
    def __init__(self, display_name: _Optional[str] = ..., contacts: _Optional[_Iterable[_Union[ContactMessage, _Mapping]]] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ...) -> None: ...

class LocationMessage(_message.Message):
    __slots__ = ("degrees_latitude", "degrees_longitude", "name", "address", "url", "is_live", "accuracy_in_meters", "speed_in_mps", "degrees_clockwise_from_magnetic_north", "comment", "jpeg_thumbnail", "context_info")
    DEGREES_LATITUDE_FIELD_NUMBER: _ClassVar[int]
    DEGREES_LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    IS_LIVE_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_IN_METERS_FIELD_NUMBER: _ClassVar[int]
    SPEED_IN_MPS_FIELD_NUMBER: _ClassVar[int]
    DEGREES_CLOCKWISE_FROM_MAGNETIC_NORTH_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    degrees_latitude: float
    degrees_longitude: float
    name: str
    address: str
    url: str
    is_live: bool
    accuracy_in_meters: int
    speed_in_mps: float
    degrees_clockwise_from_magnetic_north: int
    comment: str
    jpeg_thumbnail: bytes
    context_info: ContextInfo
    def __init__(self, degrees_latitude: _Optional[float] = ..., degrees_longitude: _Optional[float] = ..., name: _Optional[str] = ..., address: _Optional[str] = ..., url: _Optional[str] = ..., is_live: bool = ..., accuracy_in_meters: _Optional[int] = ..., speed_in_mps: _Optional[float] = ..., degrees_clockwise_from_magnetic_north: _Optional[int] = ..., comment: _Optional[str] = ..., jpeg_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ...) -> None: ...

class LiveLocationMessage(_message.Message):
    __slots__ = ("degrees_latitude", "degrees_longitude", "accuracy_in_meters", "speed_in_mps", "degrees_clockwise_from_magnetic_north", "caption", "sequence_number", "time_offset", "jpeg_thumbnail", "context_info")
    DEGREES_LATITUDE_FIELD_NUMBER: _ClassVar[int]
    DEGREES_LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_IN_METERS_FIELD_NUMBER: _ClassVar[int]
    SPEED_IN_MPS_FIELD_NUMBER: _ClassVar[int]
    DEGREES_CLOCKWISE_FROM_MAGNETIC_NORTH_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TIME_OFFSET_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    degrees_latitude: float
    degrees_longitude: float
    accuracy_in_meters: int
    speed_in_mps: float
    degrees_clockwise_from_magnetic_north: int
    caption: str
    sequence_number: int
    time_offset: int
    jpeg_thumbnail: bytes
    context_info: ContextInfo
    def __init__(self, degrees_latitude: _Optional[float] = ..., degrees_longitude: _Optional[float] = ..., accuracy_in_meters: _Optional[int] = ..., speed_in_mps: _Optional[float] = ..., degrees_clockwise_from_magnetic_north: _Optional[int] = ..., caption: _Optional[str] = ..., sequence_number: _Optional[int] = ..., time_offset: _Optional[int] = ..., jpeg_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ...) -> None: ...

class ExtendedTextMessage(_message.Message):
    __slots__ = ("text", "matched_text", "description", "title", "text_argb", "background_argb", "jpeg_thumbnail", "context_info", "view_once")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MATCHED_TEXT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_ARGB_FIELD_NUMBER: _ClassVar[int]
    BACKGROUND_ARGB_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_FIELD_NUMBER: _ClassVar[int]
    text: str
    matched_text: str
    description: str
    title: str
    text_argb: int
    background_argb: int
    jpeg_thumbnail: bytes
    context_info: ContextInfo
    view_once: bool
    def __init__(self, text: _Optional[str] = ..., matched_text: _Optional[str] = ..., description: _Optional[str] = ..., title: _Optional[str] = ..., text_argb: _Optional[int] = ..., background_argb: _Optional[int] = ..., jpeg_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ..., view_once: bool = ...) -> None: ...

class SenderKeyDistributionMessage(_message.Message):
    __slots__ = ("group_id", "axolotl_sender_key_distribution_message")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    AXOLOTL_SENDER_KEY_DISTRIBUTION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    axolotl_sender_key_distribution_message: bytes
    def __init__(self, group_id: _Optional[str] = ..., axolotl_sender_key_distribution_message: _Optional[bytes] = ...) -> None: ...

class ReactionMessage(_message.Message):
    __slots__ = ("key", "text", "grouping_key", "sender_timestamp_ms")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    GROUPING_KEY_FIELD_NUMBER: _ClassVar[int]
    SENDER_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    key: MessageKey
    text: str
    grouping_key: str
    sender_timestamp_ms: int
    def __init__(self, key: _Optional[_Union[MessageKey, _Mapping]] = ..., text: _Optional[str] = ..., grouping_key: _Optional[str] = ..., sender_timestamp_ms: _Optional[int] = ...) -> None: ...

class PollOption(_message.Message):
    __slots__ = ("option_name", "option_hash")
    OPTION_NAME_FIELD_NUMBER: _ClassVar[int]
    OPTION_HASH_FIELD_NUMBER: _ClassVar[int]
    option_name: str
    option_hash: str
    def __init__(self, option_name: _Optional[str] = ..., option_hash: _Optional[str] = ...) -> None: ...

class PollCreationMessage(_message.Message):
    __slots__ = ("enc_key", "name", "options", "selectable_options_count", "context_info")
    ENC_KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SELECTABLE_OPTIONS_COUNT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    enc_key: bytes
    name: str
    options: _containers.RepeatedCompositeFieldContainer[PollOption]
    selectable_options_count: int
    context_info: ContextInfo
    def __init__(self, enc_key: _Optional[bytes] = ..., name: _Optional[str] = ..., options: _Optional[_Iterable[_Union[PollOption, _Mapping]]] = ..., selectable_options_count: _Optional[int] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ...) -> None: ...

class PollEncValue(_message.Message):
    __slots__ = ("enc_payload", "enc_iv")
    ENC_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    ENC_IV_FIELD_NUMBER: _ClassVar[int]
    enc_payload: bytes
    enc_iv: bytes
    def __init__(self, enc_payload: _Optional[bytes] = ..., enc_iv: _Optional[bytes] = ...) -> None: ...

class PollUpdateMessageMetadata(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PollUpdateMessage(_message.Message):
    __slots__ = ("poll_creation_message_key", "vote", "metadata", "sender_timestamp_ms")
    POLL_CREATION_MESSAGE_KEY_FIELD_NUMBER: _ClassVar[int]
    VOTE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    SENDER_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    poll_creation_message_key: MessageKey
    vote: PollEncValue
    metadata: PollUpdateMessageMetadata
    sender_timestamp_ms: int
    def __init__(self, poll_creation_message_key: _Optional[_Union[MessageKey, _Mapping]] = ..., vote: _Optional[_Union[PollEncValue, _Mapping]] = ..., metadata: _Optional[_Union[PollUpdateMessageMetadata, _Mapping]] = ..., sender_timestamp_ms: _Optional[int] = ...) -> None: ...

class DeviceSentMessage(_message.Message):
    __slots__ = ("destination_jid", "message", "phash")
    DESTINATION_JID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PHASH_FIELD_NUMBER: _ClassVar[int]
    destination_jid: str
    message: Message
    phash: str
    def __init__(self, destination_jid: _Optional[str] = ..., message: _Optional[_Union[Message, _Mapping]] = ..., phash: _Optional[str] = ...) -> None: ...

class FutureProofMessage(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: Message
    def __init__(self, message: _Optional[_Union[Message, _Mapping]] = ...) -> None: ...

class GroupInviteMessage(_message.Message):
    __slots__ = ("group_jid", "invite_code", "invite_expiration", "group_name", "jpeg_thumbnail", "caption", "context_info")
    GROUP_JID_FIELD_NUMBER: _ClassVar[int]
    INVITE_CODE_FIELD_NUMBER: _ClassVar[int]
    INVITE_EXPIRATION_FIELD_NUMBER: _ClassVar[int]
    GROUP_NAME_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    group_jid: str
    invite_code: str
    invite_expiration: int
    group_name: str
    jpeg_thumbnail: bytes
    caption: str
    context_info: ContextInfo
    def __init__(self, group_jid: _Optional[str] = ..., invite_code: _Optional[str] = ..., invite_expiration: _Optional[int] = ..., group_name: _Optional[str] = ..., jpeg_thumbnail: _Optional[bytes] = ..., caption: _Optional[str] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ...) -> None: ...

class ButtonsResponseMessage(_message.Message):
    __slots__ = ("selected_button_id", "context_info", "selected_display_text")
    SELECTED_BUTTON_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    SELECTED_DISPLAY_TEXT_FIELD_NUMBER: _ClassVar[int]
    selected_button_id: str
    context_info: ContextInfo
    selected_display_text: str
    def __init__(self, selected_button_id: _Optional[str] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ..., selected_display_text: _Optional[str] = ...) -> None: ...

class ListResponseMessage(_message.Message):
    __slots__ = ("title", "context_info", "description")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    title: str
    context_info: ContextInfo
    description: str
    def __init__(self, title: _Optional[str] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ..., description: _Optional[str] = ...) -> None: ...

class TemplateButtonReplyMessage(_message.Message):
    __slots__ = ("selected_id", "selected_display_text", "context_info", "selected_index")
    SELECTED_ID_FIELD_NUMBER: _ClassVar[int]
    SELECTED_DISPLAY_TEXT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    SELECTED_INDEX_FIELD_NUMBER: _ClassVar[int]
    selected_id: str
    selected_display_text: str
    context_info: ContextInfo
    selected_index: int
    def __init__(self, selected_id: _Optional[str] = ..., selected_display_text: _Optional[str] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping]] = ..., selected_index: _Optional[int] = ...) -> None: ...

class PinInChatMessage(_message.Message):
    __slots__ = ("key", "sender_timestamp_ms")
    KEY_FIELD_NUMBER: _ClassVar[int]
    SENDER_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    key: MessageKey
    sender_timestamp_ms: int
    def __init__(self, key: _Optional[_Union[MessageKey, _Mapping]] = ..., sender_timestamp_ms: _Optional[int] = ...) -> None: ...

class EncReactionMessage(_message.Message):
    __slots__ = ("target_message_key", "enc_payload", "enc_iv")
    TARGET_MESSAGE_KEY_FIELD_NUMBER: _ClassVar[int]
    ENC_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    ENC_IV_FIELD_NUMBER: _ClassVar[int]
    target_message_key: MessageKey
    enc_payload: bytes
    enc_iv: bytes
    def __init__(self, target_message_key: _Optional[_Union[MessageKey, _Mapping]] = ..., enc_payload: _Optional[bytes] = ..., enc_iv: _Optional[bytes] = ...) -> None: ...

class KeepInChatMessage(_message.Message):
    __slots__ = ("key", "timestamp_ms")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    key: MessageKey
    timestamp_ms: int
    def __init__(self, key: _Optional[_Union[MessageKey, _Mapping]] = ..., timestamp_ms: _Optional[int] = ...) -> None: ...

class DeviceListMetadata(_message.Message):
    __slots__ = ("sender_key_hash", "sender_timestamp", "sender_key_indexes", "recipient_key_hash", "recipient_timestamp", "recipient_key_indexes")
    SENDER_KEY_HASH_FIELD_NUMBER: _ClassVar[int]
    SENDER_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    SENDER_KEY_INDEXES_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_KEY_HASH_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_KEY_INDEXES_FIELD_NUMBER: _ClassVar[int]
    sender_key_hash: bytes
    sender_timestamp: int
    sender_key_indexes: _containers.RepeatedScalarFieldContainer[int]
    recipient_key_hash: bytes
    recipient_timestamp: int
    recipient_key_indexes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, sender_key_hash: _Optional[bytes] = ..., sender_timestamp: _Optional[int] = ..., sender_key_indexes: _Optional[_Iterable[int]] = ..., recipient_key_hash: _Optional[bytes] = ..., recipient_timestamp: _Optional[int] = ..., recipient_key_indexes: _Optional[_Iterable[int]] = ...) -> None: ...

class MessageContextInfo(_message.Message):
    __slots__ = ("device_list_metadata", "device_list_metadata_version", "message_secret", "padding_bytes", "message_add_on_duration_in_secs", "reporting_token_version")
    DEVICE_LIST_METADATA_FIELD_NUMBER: _ClassVar[int]
    DEVICE_LIST_METADATA_VERSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_SECRET_FIELD_NUMBER: _ClassVar[int]
    PADDING_BYTES_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ADD_ON_DURATION_IN_SECS_FIELD_NUMBER: _ClassVar[int]
    REPORTING_TOKEN_VERSION_FIELD_NUMBER: _ClassVar[int]
    device_list_metadata: DeviceListMetadata
    device_list_metadata_version: int
    message_secret: bytes
    padding_bytes: bytes
    message_add_on_duration_in_secs: int
    reporting_token_version: int
    def __init__(self, device_list_metadata: _Optional[_Union[DeviceListMetadata, _Mapping]] = ..., device_list_metadata_version: _Optional[int] = ..., message_secret: _Optional[bytes] = ..., padding_bytes: _Optional[bytes] = ..., message_add_on_duration_in_secs: _Optional[int] = ..., reporting_token_version: _Optional[int] = ...) -> None: ...

class AppStateSyncKeyFingerprint(_message.Message):
    __slots__ = ("raw_id", "current_index", "device_indexes")
    RAW_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENT_INDEX_FIELD_NUMBER: _ClassVar[int]
    DEVICE_INDEXES_FIELD_NUMBER: _ClassVar[int]
    raw_id: int
    current_index: int
    device_indexes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, raw_id: _Optional[int] = ..., current_index: _Optional[int] = ..., device_indexes: _Optional[_Iterable[int]] = ...) -> None: ...

class AppStateSyncKeyData(_message.Message):
    __slots__ = ("key_data", "fingerprint", "timestamp")
    KEY_DATA_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    key_data: bytes
    fingerprint: AppStateSyncKeyFingerprint
    timestamp: int
    def __init__(self, key_data: _Optional[bytes] = ..., fingerprint: _Optional[_Union[AppStateSyncKeyFingerprint, _Mapping]] = ..., timestamp: _Optional[int] = ...) -> None: ...

class AppStateSyncKeyId(_message.Message):
    __slots__ = ("key_id",)
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    key_id: bytes
    def __init__(self, key_id: _Optional[bytes] = ...) -> None: ...

class AppStateSyncKey(_message.Message):
    __slots__ = ("key_id", "key_data")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_DATA_FIELD_NUMBER: _ClassVar[int]
    key_id: AppStateSyncKeyId
    key_data: AppStateSyncKeyData
    def __init__(self, key_id: _Optional[_Union[AppStateSyncKeyId, _Mapping]] = ..., key_data: _Optional[_Union[AppStateSyncKeyData, _Mapping]] = ...) -> None: ...

class AppStateSyncKeyShare(_message.Message):
    __slots__ = ("keys",)
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[AppStateSyncKey]
    def __init__(self, keys: _Optional[_Iterable[_Union[AppStateSyncKey, _Mapping]]] = ...) -> None: ...

class AppStateSyncKeyRequest(_message.Message):
    __slots__ = ("key_ids",)
    KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    key_ids: _containers.RepeatedCompositeFieldContainer[AppStateSyncKeyId]
    def __init__(self, key_ids: _Optional[_Iterable[_Union[AppStateSyncKeyId, _Mapping]]] = ...) -> None: ...

class AppStateFatalExceptionNotification(_message.Message):
    __slots__ = ("collection_names", "timestamp")
    COLLECTION_NAMES_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    collection_names: _containers.RepeatedScalarFieldContainer[str]
    timestamp: int
    def __init__(self, collection_names: _Optional[_Iterable[str]] = ..., timestamp: _Optional[int] = ...) -> None: ...

class InitialSecurityNotificationSettingSync(_message.Message):
    __slots__ = ("security_notification_enabled",)
    SECURITY_NOTIFICATION_ENABLED_FIELD_NUMBER: _ClassVar[int]
    security_notification_enabled: bool
    def __init__(self, security_notification_enabled: bool = ...) -> None: ...

class HistorySyncNotification(_message.Message):
    __slots__ = ("file_sha256", "file_length", "media_key", "file_enc_sha256", "direct_path", "sync_type", "chunk_order", "original_message_id", "progress", "oldest_msg_in_chunk_timestamp_sec", "initial_hist_bootstrap_inline_payload", "peer_data_request_session_id", "full_history_sync_on_demand_request_metadata", "enc_handle")
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_FIELD_NUMBER: _ClassVar[int]
    FILE_ENC_SHA256_FIELD_NUMBER: _ClassVar[int]
    DIRECT_PATH_FIELD_NUMBER: _ClassVar[int]
    SYNC_TYPE_FIELD_NUMBER: _ClassVar[int]
    CHUNK_ORDER_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    OLDEST_MSG_IN_CHUNK_TIMESTAMP_SEC_FIELD_NUMBER: _ClassVar[int]
    INITIAL_HIST_BOOTSTRAP_INLINE_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PEER_DATA_REQUEST_SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    FULL_HISTORY_SYNC_ON_DEMAND_REQUEST_METADATA_FIELD_NUMBER: _ClassVar[int]
    ENC_HANDLE_FIELD_NUMBER: _ClassVar[int]
    file_sha256: bytes
    file_length: int
    media_key: bytes
    file_enc_sha256: bytes
    direct_path: str
    sync_type: HistorySyncType
    chunk_order: int
    original_message_id: str
    progress: int
    oldest_msg_in_chunk_timestamp_sec: int
    initial_hist_bootstrap_inline_payload: bytes
    peer_data_request_session_id: str
    full_history_sync_on_demand_request_metadata: FullHistorySyncOnDemandRequestMetadata
    enc_handle: str
    def __init__(self, file_sha256: _Optional[bytes] = ..., file_length: _Optional[int] = ..., media_key: _Optional[bytes] = ..., file_enc_sha256: _Optional[bytes] = ..., direct_path: _Optional[str] = ..., sync_type: _Optional[_Union[HistorySyncType, str]] = ..., chunk_order: _Optional[int] = ..., original_message_id: _Optional[str] = ..., progress: _Optional[int] = ..., oldest_msg_in_chunk_timestamp_sec: _Optional[int] = ..., initial_hist_bootstrap_inline_payload: _Optional[bytes] = ..., peer_data_request_session_id: _Optional[str] = ..., full_history_sync_on_demand_request_metadata: _Optional[_Union[FullHistorySyncOnDemandRequestMetadata, _Mapping]] = ..., enc_handle: _Optional[str] = ...) -> None: ...

class FullHistorySyncOnDemandRequestMetadata(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...

class HistorySyncOnDemandRequest(_message.Message):
    __slots__ = ("chat_jid", "oldest_msg_id", "oldest_msg_from_me", "on_demand_msg_count", "oldest_msg_timestamp_ms", "account_lid")
    CHAT_JID_FIELD_NUMBER: _ClassVar[int]
    OLDEST_MSG_ID_FIELD_NUMBER: _ClassVar[int]
    OLDEST_MSG_FROM_ME_FIELD_NUMBER: _ClassVar[int]
    ON_DEMAND_MSG_COUNT_FIELD_NUMBER: _ClassVar[int]
    OLDEST_MSG_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_LID_FIELD_NUMBER: _ClassVar[int]
    chat_jid: str
    oldest_msg_id: str
    oldest_msg_from_me: bool
    on_demand_msg_count: int
    oldest_msg_timestamp_ms: int
    account_lid: str
    def __init__(self, chat_jid: _Optional[str] = ..., oldest_msg_id: _Optional[str] = ..., oldest_msg_from_me: bool = ..., on_demand_msg_count: _Optional[int] = ..., oldest_msg_timestamp_ms: _Optional[int] = ..., account_lid: _Optional[str] = ...) -> None: ...

class PlaceholderMessageResendRequest(_message.Message):
    __slots__ = ("message_key",)
    MESSAGE_KEY_FIELD_NUMBER: _ClassVar[int]
    message_key: MessageKey
    def __init__(self, message_key: _Optional[_Union[MessageKey, _Mapping]] = ...) -> None: ...

class FullHistorySyncOnDemandRequest(_message.Message):
    __slots__ = ("request_metadata",)
    REQUEST_METADATA_FIELD_NUMBER: _ClassVar[int]
    request_metadata: FullHistorySyncOnDemandRequestMetadata
    def __init__(self, request_metadata: _Optional[_Union[FullHistorySyncOnDemandRequestMetadata, _Mapping]] = ...) -> None: ...

class SyncDCollectionFatalRecoveryRequest(_message.Message):
    __slots__ = ("collection_name", "timestamp")
    COLLECTION_NAME_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    collection_name: str
    timestamp: int
    def __init__(self, collection_name: _Optional[str] = ..., timestamp: _Optional[int] = ...) -> None: ...

class RequestStickerReupload(_message.Message):
    __slots__ = ("file_sha256",)
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    file_sha256: str
    def __init__(self, file_sha256: _Optional[str] = ...) -> None: ...

class RequestUrlPreview(_message.Message):
    __slots__ = ("url", "include_hq_thumbnail")
    URL_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_HQ_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    url: str
    include_hq_thumbnail: bool
    def __init__(self, url: _Optional[str] = ..., include_hq_thumbnail: bool = ...) -> None: ...

class PeerDataOperationRequestMessage(_message.Message):
    __slots__ = ("peer_data_operation_request_type", "request_sticker_reupload", "request_url_preview", "history_sync_on_demand_request", "placeholder_message_resend_request", "full_history_sync_on_demand_request", "syncd_collection_fatal_recovery_request")
    PEER_DATA_OPERATION_REQUEST_TYPE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_STICKER_REUPLOAD_FIELD_NUMBER: _ClassVar[int]
    REQUEST_URL_PREVIEW_FIELD_NUMBER: _ClassVar[int]
    HISTORY_SYNC_ON_DEMAND_REQUEST_FIELD_NUMBER: _ClassVar[int]
    PLACEHOLDER_MESSAGE_RESEND_REQUEST_FIELD_NUMBER: _ClassVar[int]
    FULL_HISTORY_SYNC_ON_DEMAND_REQUEST_FIELD_NUMBER: _ClassVar[int]
    SYNCD_COLLECTION_FATAL_RECOVERY_REQUEST_FIELD_NUMBER: _ClassVar[int]
    peer_data_operation_request_type: PeerDataOperationRequestType
    request_sticker_reupload: _containers.RepeatedCompositeFieldContainer[RequestStickerReupload]
    request_url_preview: _containers.RepeatedCompositeFieldContainer[RequestUrlPreview]
    history_sync_on_demand_request: HistorySyncOnDemandRequest
    placeholder_message_resend_request: _containers.RepeatedCompositeFieldContainer[PlaceholderMessageResendRequest]
    full_history_sync_on_demand_request: FullHistorySyncOnDemandRequest
    syncd_collection_fatal_recovery_request: SyncDCollectionFatalRecoveryRequest
    def __init__(self, peer_data_operation_request_type: _Optional[_Union[PeerDataOperationRequestType, str]] = ..., request_sticker_reupload: _Optional[_Iterable[_Union[RequestStickerReupload, _Mapping]]] = ..., request_url_preview: _Optional[_Iterable[_Union[RequestUrlPreview, _Mapping]]] = ..., history_sync_on_demand_request: _Optional[_Union[HistorySyncOnDemandRequest, _Mapping]] = ..., placeholder_message_resend_request: _Optional[_Iterable[_Union[PlaceholderMessageResendRequest, _Mapping]]] = ..., full_history_sync_on_demand_request: _Optional[_Union[FullHistorySyncOnDemandRequest, _Mapping]] = ..., syncd_collection_fatal_recovery_request: _Optional[_Union[SyncDCollectionFatalRecoveryRequest, _Mapping]] = ...) -> None: ...

class PlaceholderMessageResendResponse(_message.Message):
    __slots__ = ("web_message_info_bytes",)
    WEB_MESSAGE_INFO_BYTES_FIELD_NUMBER: _ClassVar[int]
    web_message_info_bytes: bytes
    def __init__(self, web_message_info_bytes: _Optional[bytes] = ...) -> None: ...

class PeerDataOperationResult(_message.Message):
    __slots__ = ("placeholder_message_resend_response",)
    PLACEHOLDER_MESSAGE_RESEND_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    placeholder_message_resend_response: PlaceholderMessageResendResponse
    def __init__(self, placeholder_message_resend_response: _Optional[_Union[PlaceholderMessageResendResponse, _Mapping]] = ...) -> None: ...

class PeerDataOperationRequestResponseMessage(_message.Message):
    __slots__ = ("peer_data_operation_request_type", "stanza_id", "peer_data_operation_result")
    PEER_DATA_OPERATION_REQUEST_TYPE_FIELD_NUMBER: _ClassVar[int]
    STANZA_ID_FIELD_NUMBER: _ClassVar[int]
    PEER_DATA_OPERATION_RESULT_FIELD_NUMBER: _ClassVar[int]
    peer_data_operation_request_type: PeerDataOperationRequestType
    stanza_id: str
    peer_data_operation_result: _containers.RepeatedCompositeFieldContainer[PeerDataOperationResult]
    def __init__(self, peer_data_operation_request_type: _Optional[_Union[PeerDataOperationRequestType, str]] = ..., stanza_id: _Optional[str] = ..., peer_data_operation_result: _Optional[_Iterable[_Union[PeerDataOperationResult, _Mapping]]] = ...) -> None: ...

class LIDMigrationMapping(_message.Message):
    __slots__ = ("pn", "assigned_lid", "latest_lid")
    PN_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_LID_FIELD_NUMBER: _ClassVar[int]
    LATEST_LID_FIELD_NUMBER: _ClassVar[int]
    pn: int
    assigned_lid: int
    latest_lid: int
    def __init__(self, pn: _Optional[int] = ..., assigned_lid: _Optional[int] = ..., latest_lid: _Optional[int] = ...) -> None: ...

class LIDMigrationMappingSyncPayload(_message.Message):
    __slots__ = ("pn_to_lid_mappings", "chat_db_migration_timestamp")
    PN_TO_LID_MAPPINGS_FIELD_NUMBER: _ClassVar[int]
    CHAT_DB_MIGRATION_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    pn_to_lid_mappings: _containers.RepeatedCompositeFieldContainer[LIDMigrationMapping]
    chat_db_migration_timestamp: int
    def __init__(self, pn_to_lid_mappings: _Optional[_Iterable[_Union[LIDMigrationMapping, _Mapping]]] = ..., chat_db_migration_timestamp: _Optional[int] = ...) -> None: ...

class LIDMigrationMappingSyncMessage(_message.Message):
    __slots__ = ("encoded_mapping_payload",)
    ENCODED_MAPPING_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    encoded_mapping_payload: bytes
    def __init__(self, encoded_mapping_payload: _Optional[bytes] = ...) -> None: ...

class ProtocolMessage(_message.Message):
    __slots__ = ("key", "type", "ephemeral_expiration", "ephemeral_setting_timestamp", "history_sync_notification", "app_state_sync_key_share", "app_state_sync_key_request", "initial_security_notification_setting_sync", "app_state_fatal_exception_notification", "disappearing_mode", "edited_message", "timestamp_ms", "peer_data_operation_request_message", "peer_data_operation_request_response_message", "invoker_jid", "lid_migration_mapping_sync_message")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_EXPIRATION_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_SETTING_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    HISTORY_SYNC_NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    APP_STATE_SYNC_KEY_SHARE_FIELD_NUMBER: _ClassVar[int]
    APP_STATE_SYNC_KEY_REQUEST_FIELD_NUMBER: _ClassVar[int]
    INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC_FIELD_NUMBER: _ClassVar[int]
    APP_STATE_FATAL_EXCEPTION_NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    DISAPPEARING_MODE_FIELD_NUMBER: _ClassVar[int]
    EDITED_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    PEER_DATA_OPERATION_REQUEST_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    INVOKER_JID_FIELD_NUMBER: _ClassVar[int]
    LID_MIGRATION_MAPPING_SYNC_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    key: MessageKey
    type: ProtocolMessageType
    ephemeral_expiration: int
    ephemeral_setting_timestamp: int
    history_sync_notification: HistorySyncNotification
    app_state_sync_key_share: AppStateSyncKeyShare
    app_state_sync_key_request: AppStateSyncKeyRequest
    initial_security_notification_setting_sync: InitialSecurityNotificationSettingSync
    app_state_fatal_exception_notification: AppStateFatalExceptionNotification
    disappearing_mode: DisappearingMode
    edited_message: Message
    timestamp_ms: int
    peer_data_operation_request_message: PeerDataOperationRequestMessage
    peer_data_operation_request_response_message: PeerDataOperationRequestResponseMessage
    invoker_jid: str
    lid_migration_mapping_sync_message: LIDMigrationMappingSyncMessage
    def __init__(self, key: _Optional[_Union[MessageKey, _Mapping]] = ..., type: _Optional[_Union[ProtocolMessageType, str]] = ..., ephemeral_expiration: _Optional[int] = ..., ephemeral_setting_timestamp: _Optional[int] = ..., history_sync_notification: _Optional[_Union[HistorySyncNotification, _Mapping]] = ..., app_state_sync_key_share: _Optional[_Union[AppStateSyncKeyShare, _Mapping]] = ..., app_state_sync_key_request: _Optional[_Union[AppStateSyncKeyRequest, _Mapping]] = ..., initial_security_notification_setting_sync: _Optional[_Union[InitialSecurityNotificationSettingSync, _Mapping]] = ..., app_state_fatal_exception_notification: _Optional[_Union[AppStateFatalExceptionNotification, _Mapping]] = ..., disappearing_mode: _Optional[_Union[DisappearingMode, _Mapping]] = ..., edited_message: _Optional[_Union[Message, _Mapping]] = ..., timestamp_ms: _Optional[int] = ..., peer_data_operation_request_message: _Optional[_Union[PeerDataOperationRequestMessage, _Mapping]] = ..., peer_data_operation_request_response_message: _Optional[_Union[PeerDataOperationRequestResponseMessage, _Mapping]] = ..., invoker_jid: _Optional[str] = ..., lid_migration_mapping_sync_message: _Optional[_Union[LIDMigrationMappingSyncMessage, _Mapping]] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("conversation", "sender_key_distribution_message", "image_message", "contact_message", "location_message", "extended_text_message", "document_message", "audio_message", "video_message", "protocol_message", "contacts_array_message", "fast_ratchet_key_sender_key_distribution_message", "live_location_message", "sticker_message", "group_invite_message", "template_button_reply_message", "device_sent_message", "message_context_info", "view_once_message", "list_response_message", "ephemeral_message", "buttons_response_message", "reaction_message", "poll_creation_message", "poll_update_message", "keep_in_chat_message", "document_with_caption_message", "view_once_message_v2", "enc_reaction_message", "edited_message", "view_once_message_v2_extension", "poll_creation_message_v2", "group_mentioned_message", "pin_in_chat_message", "poll_creation_message_v3", "ptv_message", "bot_invoke_message", "lottie_sticker_message", "associated_child_message", "poll_creation_message_v4", "poll_creation_message_v5")
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    SENDER_KEY_DISTRIBUTION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CONTACT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EXTENDED_TEXT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    AUDIO_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    VIDEO_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CONTACTS_ARRAY_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FAST_RATCHET_KEY_SENDER_KEY_DISTRIBUTION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LIVE_LOCATION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STICKER_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    GROUP_INVITE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_BUTTON_REPLY_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_SENT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LIST_RESPONSE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    BUTTONS_RESPONSE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REACTION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    POLL_CREATION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    POLL_UPDATE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    KEEP_IN_CHAT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_WITH_CAPTION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_MESSAGE_V2_FIELD_NUMBER: _ClassVar[int]
    ENC_REACTION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EDITED_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_MESSAGE_V2_EXTENSION_FIELD_NUMBER: _ClassVar[int]
    POLL_CREATION_MESSAGE_V2_FIELD_NUMBER: _ClassVar[int]
    GROUP_MENTIONED_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PIN_IN_CHAT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    POLL_CREATION_MESSAGE_V3_FIELD_NUMBER: _ClassVar[int]
    PTV_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    BOT_INVOKE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LOTTIE_STICKER_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ASSOCIATED_CHILD_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    POLL_CREATION_MESSAGE_V4_FIELD_NUMBER: _ClassVar[int]
    POLL_CREATION_MESSAGE_V5_FIELD_NUMBER: _ClassVar[int]
    conversation: str
    sender_key_distribution_message: SenderKeyDistributionMessage
    image_message: ImageMessage
    contact_message: ContactMessage
    location_message: LocationMessage
    extended_text_message: ExtendedTextMessage
    document_message: DocumentMessage
    audio_message: AudioMessage
    video_message: VideoMessage
    protocol_message: ProtocolMessage
    contacts_array_message: ContactsArrayMessage
    fast_ratchet_key_sender_key_distribution_message: SenderKeyDistributionMessage
    live_location_message: LiveLocationMessage
    sticker_message: StickerMessage
    group_invite_message: GroupInviteMessage
    template_button_reply_message: TemplateButtonReplyMessage
    device_sent_message: DeviceSentMessage
    message_context_info: MessageContextInfo
    view_once_message: FutureProofMessage
    list_response_message: ListResponseMessage
    ephemeral_message: FutureProofMessage
    buttons_response_message: ButtonsResponseMessage
    reaction_message: ReactionMessage
    poll_creation_message: PollCreationMessage
    poll_update_message: PollUpdateMessage
    keep_in_chat_message: KeepInChatMessage
    document_with_caption_message: FutureProofMessage
    view_once_message_v2: FutureProofMessage
    enc_reaction_message: EncReactionMessage
    edited_message: FutureProofMessage
    view_once_message_v2_extension: FutureProofMessage
    poll_creation_message_v2: PollCreationMessage
    group_mentioned_message: FutureProofMessage
    pin_in_chat_message: PinInChatMessage
    poll_creation_message_v3: PollCreationMessage
    ptv_message: VideoMessage
    bot_invoke_message: FutureProofMessage
    lottie_sticker_message: FutureProofMessage
    associated_child_message: FutureProofMessage
    poll_creation_message_v4: FutureProofMessage
    poll_creation_message_v5: PollCreationMessage
    def __init__(self, conversation: _Optional[str] = ..., sender_key_distribution_message: _Optional[_Union[SenderKeyDistributionMessage, _Mapping]] = ..., image_message: _Optional[_Union[ImageMessage, _Mapping]] = ..., contact_message: _Optional[_Union[ContactMessage, _Mapping]] = ..., location_message: _Optional[_Union[LocationMessage, _Mapping]] = ..., extended_text_message: _Optional[_Union[ExtendedTextMessage, _Mapping]] = ..., document_message: _Optional[_Union[DocumentMessage, _Mapping]] = ..., audio_message: _Optional[_Union[AudioMessage, _Mapping]] = ..., video_message: _Optional[_Union[VideoMessage, _Mapping]] = ..., protocol_message: _Optional[_Union[ProtocolMessage, _Mapping]] = ..., contacts_array_message: _Optional[_Union[ContactsArrayMessage, _Mapping]] = ..., fast_ratchet_key_sender_key_distribution_message: _Optional[_Union[SenderKeyDistributionMessage, _Mapping]] = ..., live_location_message: _Optional[_Union[LiveLocationMessage, _Mapping]] = ..., sticker_message: _Optional[_Union[StickerMessage, _Mapping]] = ..., group_invite_message: _Optional[_Union[GroupInviteMessage, _Mapping]] = ..., template_button_reply_message: _Optional[_Union[TemplateButtonReplyMessage, _Mapping]] = ..., device_sent_message: _Optional[_Union[DeviceSentMessage, _Mapping]] = ..., message_context_info: _Optional[_Union[MessageContextInfo, _Mapping]] = ..., view_once_message: _Optional[_Union[FutureProofMessage, _Mapping]] = ..., list_response_message: _Optional[_Union[ListResponseMessage, _Mapping]] = ..., ephemeral_message: _Optional[_Union[FutureProofMessage, _Mapping]] = ..., buttons_response_message: _Optional[_Union[ButtonsResponseMessage, _Mapping]] = ..., reaction_message: _Optional[_Union[ReactionMessage, _Mapping]] = ..., poll_creation_message: _Optional[_Union[PollCreationMessage, _Mapping]] = ..., poll_update_message: _Optional[_Union[PollUpdateMessage, _Mapping]] = ..., keep_in_chat_message: _Optional[_Union[KeepInChatMessage, _Mapping]] = ..., document_with_caption_message: _Optional[_Union[FutureProofMessage, _Mapping]] = ..., view_once_message_v2: _Optional[_Union[FutureProofMessage, _Mapping]] = ..., enc_reaction_message: _Optional[_Union[EncReactionMessage, _Mapping]] = ..., edited_message: _Optional[_Union[FutureProofMessage, _Mapping]] = ..., view_once_message_v2_extension: _Optional[_Union[FutureProofMessage, _Mapping]] = ..., poll_creation_message_v2: _Optional[_Union[PollCreationMessage, _Mapping]] = ..., group_mentioned_message: _Optional[_Union[FutureProofMessage, _Mapping]] = ..., pin_in_chat_message: _Optional[_Union[PinInChatMessage, _Mapping]] = ..., poll_creation_message_v3: _Optional[_Union[PollCreationMessage, _Mapping]] = ..., ptv_message: _Optional[_Union[VideoMessage, _Mapping]] = ..., bot_invoke_message: _Optional[_Union[FutureProofMessage, _Mapping]] = ..., lottie_sticker_message: _Optional[_Union[FutureProofMessage, _Mapping]] = ..., associated_child_message: _Optional[_Union[FutureProofMessage, _Mapping]] = ..., poll_creation_message_v4: _Optional[_Union[FutureProofMessage, _Mapping]] = ..., poll_creation_message_v5: _Optional[_Union[PollCreationMessage, _Mapping]] = ...) -> None: ...
