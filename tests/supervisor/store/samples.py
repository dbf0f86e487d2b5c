"""Records to begin with; each test changes what it is about."""

from dataclasses import replace
from typing import Any

from shared.accounts import AccountStatus
from supervisor.store.records import (
    AccountRecord,
    Direction,
    MessageStatus,
    MessageStored,
    NewMessage,
    NewSend,
    Outcome,
)

ACCOUNT = "account_prod_8361b55ed8fcc144d4e868a7070750ba"
OTHER_ACCOUNT = "account_prod_00000000000000000000000000000000"
ALICE = "40711111111@s.whatsapp.net"
ALICE_LID = "111111111111111@lid"
BOB = "40722222222@s.whatsapp.net"
GROUP = "120363000000000001@g.us"
NOW_MS = 1_790_000_000_000


def account(**changes: Any) -> AccountRecord:
    record = AccountRecord(
        account_id=ACCOUNT,
        name="Front desk",
        phone="+40000000001",
        status=AccountStatus.CONNECTING,
        created_at_ms=NOW_MS,
        updated_at_ms=NOW_MS,
        status_since_ms=NOW_MS,
    )
    return replace(record, **changes)


def message(**changes: Any) -> NewMessage:
    record = NewMessage(
        wa_message_id="AAA1",
        chat=ALICE,
        sender=ALICE,
        sender_name="Alice",
        direction=Direction.INBOUND,
        at_ms=NOW_MS,
        kind="text",
        body="hello",
        status=MessageStatus.DELIVERED,
    )
    return replace(record, **changes)


def from_phone(**changes: Any) -> NewMessage:
    own = {
        "direction": Direction.OUTBOUND,
        "sender": "40000000001@s.whatsapp.net",
        "sender_name": "",
        "status": MessageStatus.SENT,
    }
    return message(**{**own, **changes})


def send(**changes: Any) -> NewSend:
    record = NewSend(
        client_message_id="client-1",
        wa_message_id="3EB0000000000000000001",
        chat=ALICE,
        body="hello Alice",
        sender="40000000001@s.whatsapp.net",
        at_ms=NOW_MS,
    )
    return replace(record, **changes)


def stored(outcomes: list[Outcome]) -> list[MessageStored]:
    return [outcome for outcome in outcomes if isinstance(outcome, MessageStored)]
