"""What devices of one account tell each other: never shown, and believed only from ourselves.

A stranger's message with such a part in it is an attack (Baileys process-message.ts, the fix of
May 2026): the callers ask here only for messages that came from this very account.
"""

import base64
from typing import Final

from worker.proto import e2e_pb2
from worker.session import UnitOfWork

from .content import Message

# Kept under Baileys' names for them, so that a session can be handed back to it.
APP_STATE_KEY: Final = "app-state-sync-key"
HISTORY: Final = "history-sync-notification"

PRIVATE_TYPES: Final = frozenset(
    {
        e2e_pb2.HISTORY_SYNC_NOTIFICATION,
        e2e_pb2.APP_STATE_SYNC_KEY_SHARE,
        e2e_pb2.APP_STATE_SYNC_KEY_REQUEST,
        e2e_pb2.INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC,
        e2e_pb2.APP_STATE_FATAL_EXCEPTION_NOTIFICATION,
        e2e_pb2.PEER_DATA_OPERATION_REQUEST_MESSAGE,
        e2e_pb2.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
        e2e_pb2.LID_MIGRATION_MAPPING_SYNC,
    }
)


def keep_housekeeping(unit: UnitOfWork, message_id: str, message: Message) -> bool:
    """Keep what a message of our own phone tells us; tell whether it was housekeeping."""
    if not message.HasField("protocol_message"):
        return False
    protocol = message.protocol_message
    if protocol.type not in PRIVATE_TYPES:
        return False
    if protocol.type == e2e_pb2.APP_STATE_SYNC_KEY_SHARE:
        _keep_keys(unit, protocol.app_state_sync_key_share)
    elif protocol.type == e2e_pb2.HISTORY_SYNC_NOTIFICATION:
        notification = protocol.history_sync_notification
        unit.carried.put(HISTORY, message_id, notification.SerializeToString())
    return True


def is_history(message: Message) -> bool:
    """Tell whether our phone announces a piece of history."""
    return (
        message.HasField("protocol_message")
        and message.protocol_message.type == e2e_pb2.HISTORY_SYNC_NOTIFICATION
    )


def _keep_keys(unit: UnitOfWork, share: e2e_pb2.AppStateSyncKeyShare) -> None:
    for key in share.keys:
        name = base64.b64encode(key.key_id.key_id).decode()
        unit.carried.put(APP_STATE_KEY, name, key.key_data.SerializeToString())
