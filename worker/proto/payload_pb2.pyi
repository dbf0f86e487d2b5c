from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AccountType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCOUNT_DEFAULT: _ClassVar[AccountType]
    ACCOUNT_GUEST: _ClassVar[AccountType]

class ConnectReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REASON_PUSH: _ClassVar[ConnectReason]
    REASON_USER_ACTIVATED: _ClassVar[ConnectReason]
    REASON_SCHEDULED: _ClassVar[ConnectReason]
    REASON_ERROR_RECONNECT: _ClassVar[ConnectReason]
    REASON_NETWORK_SWITCH: _ClassVar[ConnectReason]
    REASON_PING_RECONNECT: _ClassVar[ConnectReason]
    REASON_UNKNOWN: _ClassVar[ConnectReason]

class ConnectType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CELLULAR_UNKNOWN: _ClassVar[ConnectType]
    WIFI_UNKNOWN: _ClassVar[ConnectType]
    CELLULAR_EDGE: _ClassVar[ConnectType]
    CELLULAR_IDEN: _ClassVar[ConnectType]
    CELLULAR_UMTS: _ClassVar[ConnectType]
    CELLULAR_EVDO: _ClassVar[ConnectType]
    CELLULAR_GPRS: _ClassVar[ConnectType]
    CELLULAR_HSDPA: _ClassVar[ConnectType]
    CELLULAR_HSUPA: _ClassVar[ConnectType]
    CELLULAR_HSPA: _ClassVar[ConnectType]
    CELLULAR_CDMA: _ClassVar[ConnectType]
    CELLULAR_1XRTT: _ClassVar[ConnectType]
    CELLULAR_EHRPD: _ClassVar[ConnectType]
    CELLULAR_LTE: _ClassVar[ConnectType]
    CELLULAR_HSPAP: _ClassVar[ConnectType]

class DNSResolutionMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DNS_SYSTEM: _ClassVar[DNSResolutionMethod]
    DNS_GOOGLE: _ClassVar[DNSResolutionMethod]
    DNS_HARDCODED: _ClassVar[DNSResolutionMethod]
    DNS_OVERRIDE: _ClassVar[DNSResolutionMethod]
    DNS_FALLBACK: _ClassVar[DNSResolutionMethod]
    DNS_MNS: _ClassVar[DNSResolutionMethod]

class Product(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRODUCT_WHATSAPP: _ClassVar[Product]
    PRODUCT_MESSENGER: _ClassVar[Product]
    PRODUCT_INTEROP: _ClassVar[Product]
    PRODUCT_INTEROP_MSGR: _ClassVar[Product]
    PRODUCT_WHATSAPP_LID: _ClassVar[Product]

class DeviceType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEVICE_PHONE: _ClassVar[DeviceType]
    DEVICE_TABLET: _ClassVar[DeviceType]
    DEVICE_DESKTOP: _ClassVar[DeviceType]
    DEVICE_WEARABLE: _ClassVar[DeviceType]
    DEVICE_VR: _ClassVar[DeviceType]

class Platform(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PLATFORM_ANDROID: _ClassVar[Platform]
    PLATFORM_IOS: _ClassVar[Platform]
    PLATFORM_WINDOWS_PHONE: _ClassVar[Platform]
    PLATFORM_BLACKBERRY: _ClassVar[Platform]
    PLATFORM_BLACKBERRYX: _ClassVar[Platform]
    PLATFORM_S40: _ClassVar[Platform]
    PLATFORM_S60: _ClassVar[Platform]
    PLATFORM_PYTHON_CLIENT: _ClassVar[Platform]
    PLATFORM_TIZEN: _ClassVar[Platform]
    PLATFORM_ENTERPRISE: _ClassVar[Platform]
    PLATFORM_SMB_ANDROID: _ClassVar[Platform]
    PLATFORM_KAIOS: _ClassVar[Platform]
    PLATFORM_SMB_IOS: _ClassVar[Platform]
    PLATFORM_WINDOWS: _ClassVar[Platform]
    PLATFORM_WEB: _ClassVar[Platform]
    PLATFORM_PORTAL: _ClassVar[Platform]
    PLATFORM_GREEN_ANDROID: _ClassVar[Platform]
    PLATFORM_GREEN_IPHONE: _ClassVar[Platform]
    PLATFORM_BLUE_ANDROID: _ClassVar[Platform]
    PLATFORM_BLUE_IPHONE: _ClassVar[Platform]
    PLATFORM_FBLITE_ANDROID: _ClassVar[Platform]
    PLATFORM_MLITE_ANDROID: _ClassVar[Platform]
    PLATFORM_IGLITE_ANDROID: _ClassVar[Platform]
    PLATFORM_PAGE: _ClassVar[Platform]
    PLATFORM_MACOS: _ClassVar[Platform]
    PLATFORM_OCULUS_MSG: _ClassVar[Platform]
    PLATFORM_OCULUS_CALL: _ClassVar[Platform]
    PLATFORM_MILAN: _ClassVar[Platform]
    PLATFORM_CAPI: _ClassVar[Platform]
    PLATFORM_WEAROS: _ClassVar[Platform]
    PLATFORM_ARDEVICE: _ClassVar[Platform]
    PLATFORM_VRDEVICE: _ClassVar[Platform]
    PLATFORM_BLUE_WEB: _ClassVar[Platform]
    PLATFORM_IPAD: _ClassVar[Platform]
    PLATFORM_TEST: _ClassVar[Platform]
    PLATFORM_SMART_GLASSES: _ClassVar[Platform]
    PLATFORM_BLUE_VR: _ClassVar[Platform]
    PLATFORM_AR_WRIST: _ClassVar[Platform]

class ReleaseChannel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANNEL_RELEASE: _ClassVar[ReleaseChannel]
    CHANNEL_BETA: _ClassVar[ReleaseChannel]
    CHANNEL_ALPHA: _ClassVar[ReleaseChannel]
    CHANNEL_DEBUG: _ClassVar[ReleaseChannel]

class WebSubPlatform(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEB_BROWSER: _ClassVar[WebSubPlatform]
    APP_STORE: _ClassVar[WebSubPlatform]
    WIN_STORE: _ClassVar[WebSubPlatform]
    DARWIN: _ClassVar[WebSubPlatform]
    WIN32: _ClassVar[WebSubPlatform]
    WIN_HYBRID: _ClassVar[WebSubPlatform]

class TrafficAnonymization(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRAFFIC_OFF: _ClassVar[TrafficAnonymization]
    TRAFFIC_STANDARD: _ClassVar[TrafficAnonymization]

class CompanionPlatform(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPANION_UNKNOWN: _ClassVar[CompanionPlatform]
    COMPANION_CHROME: _ClassVar[CompanionPlatform]
    COMPANION_FIREFOX: _ClassVar[CompanionPlatform]
    COMPANION_IE: _ClassVar[CompanionPlatform]
    COMPANION_OPERA: _ClassVar[CompanionPlatform]
    COMPANION_SAFARI: _ClassVar[CompanionPlatform]
    COMPANION_EDGE: _ClassVar[CompanionPlatform]
    COMPANION_DESKTOP: _ClassVar[CompanionPlatform]
    COMPANION_IPAD: _ClassVar[CompanionPlatform]
    COMPANION_ANDROID_TABLET: _ClassVar[CompanionPlatform]
    COMPANION_OHANA: _ClassVar[CompanionPlatform]
    COMPANION_ALOHA: _ClassVar[CompanionPlatform]
    COMPANION_CATALINA: _ClassVar[CompanionPlatform]
    COMPANION_TCL_TV: _ClassVar[CompanionPlatform]
    COMPANION_IOS_PHONE: _ClassVar[CompanionPlatform]
    COMPANION_IOS_CATALYST: _ClassVar[CompanionPlatform]
    COMPANION_ANDROID_PHONE: _ClassVar[CompanionPlatform]
    COMPANION_ANDROID_AMBIGUOUS: _ClassVar[CompanionPlatform]
    COMPANION_WEAR_OS: _ClassVar[CompanionPlatform]
    COMPANION_AR_WRIST: _ClassVar[CompanionPlatform]
    COMPANION_AR_DEVICE: _ClassVar[CompanionPlatform]
    COMPANION_UWP: _ClassVar[CompanionPlatform]
    COMPANION_VR: _ClassVar[CompanionPlatform]
    COMPANION_CLOUD_API: _ClassVar[CompanionPlatform]
    COMPANION_SMARTGLASSES: _ClassVar[CompanionPlatform]
ACCOUNT_DEFAULT: AccountType
ACCOUNT_GUEST: AccountType
REASON_PUSH: ConnectReason
REASON_USER_ACTIVATED: ConnectReason
REASON_SCHEDULED: ConnectReason
REASON_ERROR_RECONNECT: ConnectReason
REASON_NETWORK_SWITCH: ConnectReason
REASON_PING_RECONNECT: ConnectReason
REASON_UNKNOWN: ConnectReason
CELLULAR_UNKNOWN: ConnectType
WIFI_UNKNOWN: ConnectType
CELLULAR_EDGE: ConnectType
CELLULAR_IDEN: ConnectType
CELLULAR_UMTS: ConnectType
CELLULAR_EVDO: ConnectType
CELLULAR_GPRS: ConnectType
CELLULAR_HSDPA: ConnectType
CELLULAR_HSUPA: ConnectType
CELLULAR_HSPA: ConnectType
CELLULAR_CDMA: ConnectType
CELLULAR_1XRTT: ConnectType
CELLULAR_EHRPD: ConnectType
CELLULAR_LTE: ConnectType
CELLULAR_HSPAP: ConnectType
DNS_SYSTEM: DNSResolutionMethod
DNS_GOOGLE: DNSResolutionMethod
DNS_HARDCODED: DNSResolutionMethod
DNS_OVERRIDE: DNSResolutionMethod
DNS_FALLBACK: DNSResolutionMethod
DNS_MNS: DNSResolutionMethod
PRODUCT_WHATSAPP: Product
PRODUCT_MESSENGER: Product
PRODUCT_INTEROP: Product
PRODUCT_INTEROP_MSGR: Product
PRODUCT_WHATSAPP_LID: Product
DEVICE_PHONE: DeviceType
DEVICE_TABLET: DeviceType
DEVICE_DESKTOP: DeviceType
DEVICE_WEARABLE: DeviceType
DEVICE_VR: DeviceType
PLATFORM_ANDROID: Platform
PLATFORM_IOS: Platform
PLATFORM_WINDOWS_PHONE: Platform
PLATFORM_BLACKBERRY: Platform
PLATFORM_BLACKBERRYX: Platform
PLATFORM_S40: Platform
PLATFORM_S60: Platform
PLATFORM_PYTHON_CLIENT: Platform
PLATFORM_TIZEN: Platform
PLATFORM_ENTERPRISE: Platform
PLATFORM_SMB_ANDROID: Platform
PLATFORM_KAIOS: Platform
PLATFORM_SMB_IOS: Platform
PLATFORM_WINDOWS: Platform
PLATFORM_WEB: Platform
PLATFORM_PORTAL: Platform
PLATFORM_GREEN_ANDROID: Platform
PLATFORM_GREEN_IPHONE: Platform
PLATFORM_BLUE_ANDROID: Platform
PLATFORM_BLUE_IPHONE: Platform
PLATFORM_FBLITE_ANDROID: Platform
PLATFORM_MLITE_ANDROID: Platform
PLATFORM_IGLITE_ANDROID: Platform
PLATFORM_PAGE: Platform
PLATFORM_MACOS: Platform
PLATFORM_OCULUS_MSG: Platform
PLATFORM_OCULUS_CALL: Platform
PLATFORM_MILAN: Platform
PLATFORM_CAPI: Platform
PLATFORM_WEAROS: Platform
PLATFORM_ARDEVICE: Platform
PLATFORM_VRDEVICE: Platform
PLATFORM_BLUE_WEB: Platform
PLATFORM_IPAD: Platform
PLATFORM_TEST: Platform
PLATFORM_SMART_GLASSES: Platform
PLATFORM_BLUE_VR: Platform
PLATFORM_AR_WRIST: Platform
CHANNEL_RELEASE: ReleaseChannel
CHANNEL_BETA: ReleaseChannel
CHANNEL_ALPHA: ReleaseChannel
CHANNEL_DEBUG: ReleaseChannel
WEB_BROWSER: WebSubPlatform
APP_STORE: WebSubPlatform
WIN_STORE: WebSubPlatform
DARWIN: WebSubPlatform
WIN32: WebSubPlatform
WIN_HYBRID: WebSubPlatform
TRAFFIC_OFF: TrafficAnonymization
TRAFFIC_STANDARD: TrafficAnonymization
COMPANION_UNKNOWN: CompanionPlatform
COMPANION_CHROME: CompanionPlatform
COMPANION_FIREFOX: CompanionPlatform
COMPANION_IE: CompanionPlatform
COMPANION_OPERA: CompanionPlatform
COMPANION_SAFARI: CompanionPlatform
COMPANION_EDGE: CompanionPlatform
COMPANION_DESKTOP: CompanionPlatform
COMPANION_IPAD: CompanionPlatform
COMPANION_ANDROID_TABLET: CompanionPlatform
COMPANION_OHANA: CompanionPlatform
COMPANION_ALOHA: CompanionPlatform
COMPANION_CATALINA: CompanionPlatform
COMPANION_TCL_TV: CompanionPlatform
COMPANION_IOS_PHONE: CompanionPlatform
COMPANION_IOS_CATALYST: CompanionPlatform
COMPANION_ANDROID_PHONE: CompanionPlatform
COMPANION_ANDROID_AMBIGUOUS: CompanionPlatform
COMPANION_WEAR_OS: CompanionPlatform
COMPANION_AR_WRIST: CompanionPlatform
COMPANION_AR_DEVICE: CompanionPlatform
COMPANION_UWP: CompanionPlatform
COMPANION_VR: CompanionPlatform
COMPANION_CLOUD_API: CompanionPlatform
COMPANION_SMARTGLASSES: CompanionPlatform

class DNSSource(_message.Message):
    __slots__ = ("dns_method", "app_cached")
    DNS_METHOD_FIELD_NUMBER: _ClassVar[int]
    APP_CACHED_FIELD_NUMBER: _ClassVar[int]
    dns_method: DNSResolutionMethod
    app_cached: bool
    def __init__(self, dns_method: _Optional[_Union[DNSResolutionMethod, str]] = ..., app_cached: bool = ...) -> None: ...

class DevicePairingRegistrationData(_message.Message):
    __slots__ = ("e_regid", "e_keytype", "e_ident", "e_skey_id", "e_skey_val", "e_skey_sig", "build_hash", "device_props")
    E_REGID_FIELD_NUMBER: _ClassVar[int]
    E_KEYTYPE_FIELD_NUMBER: _ClassVar[int]
    E_IDENT_FIELD_NUMBER: _ClassVar[int]
    E_SKEY_ID_FIELD_NUMBER: _ClassVar[int]
    E_SKEY_VAL_FIELD_NUMBER: _ClassVar[int]
    E_SKEY_SIG_FIELD_NUMBER: _ClassVar[int]
    BUILD_HASH_FIELD_NUMBER: _ClassVar[int]
    DEVICE_PROPS_FIELD_NUMBER: _ClassVar[int]
    e_regid: bytes
    e_keytype: bytes
    e_ident: bytes
    e_skey_id: bytes
    e_skey_val: bytes
    e_skey_sig: bytes
    build_hash: bytes
    device_props: bytes
    def __init__(self, e_regid: _Optional[bytes] = ..., e_keytype: _Optional[bytes] = ..., e_ident: _Optional[bytes] = ..., e_skey_id: _Optional[bytes] = ..., e_skey_val: _Optional[bytes] = ..., e_skey_sig: _Optional[bytes] = ..., build_hash: _Optional[bytes] = ..., device_props: _Optional[bytes] = ...) -> None: ...

class AppVersion(_message.Message):
    __slots__ = ("primary", "secondary", "tertiary", "quaternary", "quinary")
    PRIMARY_FIELD_NUMBER: _ClassVar[int]
    SECONDARY_FIELD_NUMBER: _ClassVar[int]
    TERTIARY_FIELD_NUMBER: _ClassVar[int]
    QUATERNARY_FIELD_NUMBER: _ClassVar[int]
    QUINARY_FIELD_NUMBER: _ClassVar[int]
    primary: int
    secondary: int
    tertiary: int
    quaternary: int
    quinary: int
    def __init__(self, primary: _Optional[int] = ..., secondary: _Optional[int] = ..., tertiary: _Optional[int] = ..., quaternary: _Optional[int] = ..., quinary: _Optional[int] = ...) -> None: ...

class UserAgent(_message.Message):
    __slots__ = ("platform", "app_version", "mcc", "mnc", "os_version", "manufacturer", "device", "os_build_number", "phone_id", "release_channel", "locale_language_iso6391", "locale_country_iso31661_alpha2", "device_board", "device_exp_id", "device_type", "device_model_type")
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    APP_VERSION_FIELD_NUMBER: _ClassVar[int]
    MCC_FIELD_NUMBER: _ClassVar[int]
    MNC_FIELD_NUMBER: _ClassVar[int]
    OS_VERSION_FIELD_NUMBER: _ClassVar[int]
    MANUFACTURER_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    OS_BUILD_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PHONE_ID_FIELD_NUMBER: _ClassVar[int]
    RELEASE_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    LOCALE_LANGUAGE_ISO6391_FIELD_NUMBER: _ClassVar[int]
    LOCALE_COUNTRY_ISO31661_ALPHA2_FIELD_NUMBER: _ClassVar[int]
    DEVICE_BOARD_FIELD_NUMBER: _ClassVar[int]
    DEVICE_EXP_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_TYPE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_MODEL_TYPE_FIELD_NUMBER: _ClassVar[int]
    platform: Platform
    app_version: AppVersion
    mcc: str
    mnc: str
    os_version: str
    manufacturer: str
    device: str
    os_build_number: str
    phone_id: str
    release_channel: ReleaseChannel
    locale_language_iso6391: str
    locale_country_iso31661_alpha2: str
    device_board: str
    device_exp_id: str
    device_type: DeviceType
    device_model_type: str
    def __init__(self, platform: _Optional[_Union[Platform, str]] = ..., app_version: _Optional[_Union[AppVersion, _Mapping]] = ..., mcc: _Optional[str] = ..., mnc: _Optional[str] = ..., os_version: _Optional[str] = ..., manufacturer: _Optional[str] = ..., device: _Optional[str] = ..., os_build_number: _Optional[str] = ..., phone_id: _Optional[str] = ..., release_channel: _Optional[_Union[ReleaseChannel, str]] = ..., locale_language_iso6391: _Optional[str] = ..., locale_country_iso31661_alpha2: _Optional[str] = ..., device_board: _Optional[str] = ..., device_exp_id: _Optional[str] = ..., device_type: _Optional[_Union[DeviceType, str]] = ..., device_model_type: _Optional[str] = ...) -> None: ...

class WebdPayload(_message.Message):
    __slots__ = ("uses_participant_in_key", "supports_starred_messages", "supports_document_messages", "supports_url_messages", "supports_media_retry", "supports_e2_e_image", "supports_e2_e_video", "supports_e2_e_audio", "supports_e2_e_document", "document_types", "features")
    USES_PARTICIPANT_IN_KEY_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_STARRED_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_DOCUMENT_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_URL_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_MEDIA_RETRY_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_E2_E_IMAGE_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_E2_E_VIDEO_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_E2_E_AUDIO_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_E2_E_DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_TYPES_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    uses_participant_in_key: bool
    supports_starred_messages: bool
    supports_document_messages: bool
    supports_url_messages: bool
    supports_media_retry: bool
    supports_e2_e_image: bool
    supports_e2_e_video: bool
    supports_e2_e_audio: bool
    supports_e2_e_document: bool
    document_types: str
    features: bytes
    def __init__(self, uses_participant_in_key: bool = ..., supports_starred_messages: bool = ..., supports_document_messages: bool = ..., supports_url_messages: bool = ..., supports_media_retry: bool = ..., supports_e2_e_image: bool = ..., supports_e2_e_video: bool = ..., supports_e2_e_audio: bool = ..., supports_e2_e_document: bool = ..., document_types: _Optional[str] = ..., features: _Optional[bytes] = ...) -> None: ...

class WebInfo(_message.Message):
    __slots__ = ("ref_token", "version", "webd_payload", "web_sub_platform")
    REF_TOKEN_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WEBD_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    WEB_SUB_PLATFORM_FIELD_NUMBER: _ClassVar[int]
    ref_token: str
    version: str
    webd_payload: WebdPayload
    web_sub_platform: WebSubPlatform
    def __init__(self, ref_token: _Optional[str] = ..., version: _Optional[str] = ..., webd_payload: _Optional[_Union[WebdPayload, _Mapping]] = ..., web_sub_platform: _Optional[_Union[WebSubPlatform, str]] = ...) -> None: ...

class ClientPayload(_message.Message):
    __slots__ = ("username", "passive", "user_agent", "web_info", "push_name", "session_id", "short_connect", "connect_type", "connect_reason", "shards", "dns_source", "connect_attempt_count", "device", "device_pairing_data", "product", "oc", "lc", "pull", "padding_bytes", "year_class", "mem_class", "traffic_anonymization", "lid_db_migrated", "account_type")
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    PASSIVE_FIELD_NUMBER: _ClassVar[int]
    USER_AGENT_FIELD_NUMBER: _ClassVar[int]
    WEB_INFO_FIELD_NUMBER: _ClassVar[int]
    PUSH_NAME_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SHORT_CONNECT_FIELD_NUMBER: _ClassVar[int]
    CONNECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONNECT_REASON_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    DNS_SOURCE_FIELD_NUMBER: _ClassVar[int]
    CONNECT_ATTEMPT_COUNT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_PAIRING_DATA_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    OC_FIELD_NUMBER: _ClassVar[int]
    LC_FIELD_NUMBER: _ClassVar[int]
    PULL_FIELD_NUMBER: _ClassVar[int]
    PADDING_BYTES_FIELD_NUMBER: _ClassVar[int]
    YEAR_CLASS_FIELD_NUMBER: _ClassVar[int]
    MEM_CLASS_FIELD_NUMBER: _ClassVar[int]
    TRAFFIC_ANONYMIZATION_FIELD_NUMBER: _ClassVar[int]
    LID_DB_MIGRATED_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_TYPE_FIELD_NUMBER: _ClassVar[int]
    username: int
    passive: bool
    user_agent: UserAgent
    web_info: WebInfo
    push_name: str
    session_id: int
    short_connect: bool
    connect_type: ConnectType
    connect_reason: ConnectReason
    shards: _containers.RepeatedScalarFieldContainer[int]
    dns_source: DNSSource
    connect_attempt_count: int
    device: int
    device_pairing_data: DevicePairingRegistrationData
    product: Product
    oc: bool
    lc: int
    pull: bool
    padding_bytes: bytes
    year_class: int
    mem_class: int
    traffic_anonymization: TrafficAnonymization
    lid_db_migrated: bool
    account_type: AccountType
    def __init__(self, username: _Optional[int] = ..., passive: bool = ..., user_agent: _Optional[_Union[UserAgent, _Mapping]] = ..., web_info: _Optional[_Union[WebInfo, _Mapping]] = ..., push_name: _Optional[str] = ..., session_id: _Optional[int] = ..., short_connect: bool = ..., connect_type: _Optional[_Union[ConnectType, str]] = ..., connect_reason: _Optional[_Union[ConnectReason, str]] = ..., shards: _Optional[_Iterable[int]] = ..., dns_source: _Optional[_Union[DNSSource, _Mapping]] = ..., connect_attempt_count: _Optional[int] = ..., device: _Optional[int] = ..., device_pairing_data: _Optional[_Union[DevicePairingRegistrationData, _Mapping]] = ..., product: _Optional[_Union[Product, str]] = ..., oc: bool = ..., lc: _Optional[int] = ..., pull: bool = ..., padding_bytes: _Optional[bytes] = ..., year_class: _Optional[int] = ..., mem_class: _Optional[int] = ..., traffic_anonymization: _Optional[_Union[TrafficAnonymization, str]] = ..., lid_db_migrated: bool = ..., account_type: _Optional[_Union[AccountType, str]] = ...) -> None: ...

class CompanionVersion(_message.Message):
    __slots__ = ("primary", "secondary", "tertiary", "quaternary", "quinary")
    PRIMARY_FIELD_NUMBER: _ClassVar[int]
    SECONDARY_FIELD_NUMBER: _ClassVar[int]
    TERTIARY_FIELD_NUMBER: _ClassVar[int]
    QUATERNARY_FIELD_NUMBER: _ClassVar[int]
    QUINARY_FIELD_NUMBER: _ClassVar[int]
    primary: int
    secondary: int
    tertiary: int
    quaternary: int
    quinary: int
    def __init__(self, primary: _Optional[int] = ..., secondary: _Optional[int] = ..., tertiary: _Optional[int] = ..., quaternary: _Optional[int] = ..., quinary: _Optional[int] = ...) -> None: ...

class HistorySyncConfig(_message.Message):
    __slots__ = ("full_sync_days_limit", "full_sync_size_mb_limit", "storage_quota_mb", "inline_initial_payload_in_e2_ee_msg", "recent_sync_days_limit", "support_call_log_history", "support_bot_user_agent_chat_history", "support_cag_reactions_and_polls", "support_biz_hosted_msg", "support_recent_sync_chunk_message_count_tuning", "support_hosted_group_msg", "support_fbid_bot_chat_history", "support_add_on_history_sync_migration", "support_message_association", "support_group_history", "on_demand_ready", "support_guest_chat", "complete_on_demand_ready", "thumbnail_sync_days_limit")
    FULL_SYNC_DAYS_LIMIT_FIELD_NUMBER: _ClassVar[int]
    FULL_SYNC_SIZE_MB_LIMIT_FIELD_NUMBER: _ClassVar[int]
    STORAGE_QUOTA_MB_FIELD_NUMBER: _ClassVar[int]
    INLINE_INITIAL_PAYLOAD_IN_E2_EE_MSG_FIELD_NUMBER: _ClassVar[int]
    RECENT_SYNC_DAYS_LIMIT_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_CALL_LOG_HISTORY_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_BOT_USER_AGENT_CHAT_HISTORY_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_CAG_REACTIONS_AND_POLLS_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_BIZ_HOSTED_MSG_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_RECENT_SYNC_CHUNK_MESSAGE_COUNT_TUNING_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_HOSTED_GROUP_MSG_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_FBID_BOT_CHAT_HISTORY_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_ADD_ON_HISTORY_SYNC_MIGRATION_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_MESSAGE_ASSOCIATION_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_GROUP_HISTORY_FIELD_NUMBER: _ClassVar[int]
    ON_DEMAND_READY_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_GUEST_CHAT_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_ON_DEMAND_READY_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_SYNC_DAYS_LIMIT_FIELD_NUMBER: _ClassVar[int]
    full_sync_days_limit: int
    full_sync_size_mb_limit: int
    storage_quota_mb: int
    inline_initial_payload_in_e2_ee_msg: bool
    recent_sync_days_limit: int
    support_call_log_history: bool
    support_bot_user_agent_chat_history: bool
    support_cag_reactions_and_polls: bool
    support_biz_hosted_msg: bool
    support_recent_sync_chunk_message_count_tuning: bool
    support_hosted_group_msg: bool
    support_fbid_bot_chat_history: bool
    support_add_on_history_sync_migration: bool
    support_message_association: bool
    support_group_history: bool
    on_demand_ready: bool
    support_guest_chat: bool
    complete_on_demand_ready: bool
    thumbnail_sync_days_limit: int
    def __init__(self, full_sync_days_limit: _Optional[int] = ..., full_sync_size_mb_limit: _Optional[int] = ..., storage_quota_mb: _Optional[int] = ..., inline_initial_payload_in_e2_ee_msg: bool = ..., recent_sync_days_limit: _Optional[int] = ..., support_call_log_history: bool = ..., support_bot_user_agent_chat_history: bool = ..., support_cag_reactions_and_polls: bool = ..., support_biz_hosted_msg: bool = ..., support_recent_sync_chunk_message_count_tuning: bool = ..., support_hosted_group_msg: bool = ..., support_fbid_bot_chat_history: bool = ..., support_add_on_history_sync_migration: bool = ..., support_message_association: bool = ..., support_group_history: bool = ..., on_demand_ready: bool = ..., support_guest_chat: bool = ..., complete_on_demand_ready: bool = ..., thumbnail_sync_days_limit: _Optional[int] = ...) -> None: ...

class DeviceProps(_message.Message):
    __slots__ = ("os", "version", "platform_type", "require_full_sync", "history_sync_config")
    OS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_TYPE_FIELD_NUMBER: _ClassVar[int]
    REQUIRE_FULL_SYNC_FIELD_NUMBER: _ClassVar[int]
    HISTORY_SYNC_CONFIG_FIELD_NUMBER: _ClassVar[int]
    os: str
    version: CompanionVersion
    platform_type: CompanionPlatform
    require_full_sync: bool
    history_sync_config: HistorySyncConfig
    def __init__(self, os: _Optional[str] = ..., version: _Optional[_Union[CompanionVersion, _Mapping]] = ..., platform_type: _Optional[_Union[CompanionPlatform, str]] = ..., require_full_sync: bool = ..., history_sync_config: _Optional[_Union[HistorySyncConfig, _Mapping]] = ...) -> None: ...
