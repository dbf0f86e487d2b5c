"""Whom a message goes to: a JID, or a phone number as people write it."""

import re
from typing import Final

from shared.accounts import canonical_phone
from supervisor.api.errors import BadRequest

MAX_RECIPIENT_CHARS: Final = 100

_PERSON: Final = re.compile(r"([0-9]{5,20})(?:[:_][0-9]{1,5})?@(s\.whatsapp\.net|c\.us)")
_LID: Final = re.compile(r"([0-9]{5,20})(?:[:_][0-9]{1,5})?@lid")
_GROUP: Final = re.compile(r"[0-9]{5,25}(?:-[0-9]{5,15})?@g\.us")


def recipient_jid(to: str) -> str:
    """Return the JID of a recipient, canonical and without a device.

    Raises:
        BadRequest: nobody can have that JID, or messages can't be sent there.
        InvalidPhone: it is no phone number.
    """
    text = to.strip().lower()
    if len(text) > MAX_RECIPIENT_CHARS:
        raise _unreachable()
    if "@" not in text:
        return f"{canonical_phone(text).removeprefix('+')}@s.whatsapp.net"
    text = text.removeprefix("+")
    if person := _PERSON.fullmatch(text):
        return f"{person[1]}@s.whatsapp.net"
    if lid := _LID.fullmatch(text):
        return f"{lid[1]}@lid"
    if _GROUP.fullmatch(text):
        return text
    raise _unreachable()


def _unreachable() -> BadRequest:
    return BadRequest(
        '"to" is no recipient. Give a phone number with country code (+40712345678), or a JID '
        "that ends in @s.whatsapp.net, @lid or @g.us.",
        field="to",
    )
