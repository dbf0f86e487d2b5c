"""The client payloads: what is told to WhatsApp in the last message of the handshake.

Sources: whatsmeow store/clientpayload.go, Baileys validate-connection.ts.
"""

import hashlib

from worker.proto import payload_pb2
from worker.session import Credentials
from worker.wire import Jid

# The companion's name in the phone's list of linked devices: an operating system and a browser.
COMPANION_OS = "Wakeeper"
COMPANION_PLATFORM = payload_pb2.COMPANION_CHROME
# The same platform as the QR code spells it (whatsmeow pair-code.go, PairClientChrome).
QR_CLIENT_TYPE = "1"

Version = tuple[int, int, int]


def registration(credentials: Credentials, version: Version) -> bytes:
    """Return the payload of a device that wants to be paired."""
    payload = _base(version)
    payload.passive = False
    payload.pull = False
    data = payload.device_pairing_data
    data.e_regid = credentials.registration_id.to_bytes(4, "big")
    data.e_keytype = b"\x05"
    data.e_ident = credentials.identity_key.public
    signed = credentials.signed_pre_key
    data.e_skey_id = signed.key_id.to_bytes(3, "big")
    data.e_skey_val = signed.pair.public
    data.e_skey_sig = signed.signature
    data.build_hash = hashlib.md5(  # noqa: S324 (the protocol's own choice, no secret in it)
        ".".join(map(str, version)).encode()
    ).digest()
    data.device_props = _device_props().SerializeToString()
    return payload.SerializeToString()


def login(jid: Jid, version: Version) -> bytes:
    """Return the payload of a paired device that comes back."""
    payload = _base(version)
    payload.username = int(jid.user)
    payload.device = jid.device
    payload.passive = True
    payload.pull = True
    payload.lid_db_migrated = True
    payload.lc = 1
    return payload.SerializeToString()


def _base(version: Version) -> payload_pb2.ClientPayload:
    payload = payload_pb2.ClientPayload(
        connect_type=payload_pb2.WIFI_UNKNOWN,
        connect_reason=payload_pb2.REASON_USER_ACTIVATED,
        web_info=payload_pb2.WebInfo(web_sub_platform=payload_pb2.WEB_BROWSER),
    )
    agent = payload.user_agent
    agent.platform = payload_pb2.PLATFORM_WEB
    agent.release_channel = payload_pb2.CHANNEL_RELEASE
    app = agent.app_version
    app.primary, app.secondary, app.tertiary = version
    agent.mcc = agent.mnc = "000"
    agent.os_version = agent.os_build_number = "0.1"
    agent.manufacturer = ""
    agent.device = "Desktop"
    agent.locale_language_iso6391 = "en"
    agent.locale_country_iso31661_alpha2 = "US"
    return payload


def _device_props() -> payload_pb2.DeviceProps:
    return payload_pb2.DeviceProps(
        os=COMPANION_OS,
        platform_type=COMPANION_PLATFORM,
        require_full_sync=False,
        version=payload_pb2.CompanionVersion(primary=0, secondary=1, tertiary=0),
    )
