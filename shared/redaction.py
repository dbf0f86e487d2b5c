"""What may be shown of a value in a log line: phones masked, secrets and bodies never.

Two nets, because either alone has holes: the *name* of a field (`token`, `body`, …) hides its
value, and the *shape* of a text (a phone, a JID, a bearer token, a base64 key) hides a part of it.
Unknown objects show their type only: a `repr` may hold a whole message.
"""

import datetime as dt
import enum
import ipaddress
import pathlib
import re
import uuid
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Any, Final

REDACTED: Final = "<redacted>"
MAX_TEXT_CHARS: Final = 2_000  # a journal line must stay below LineMax (48 KiB)
MAX_ITEMS: Final = 50  # of a list or mapping inside a field
MAX_DEPTH: Final = 4

_SECRET_WORDS: Final = frozenset({
    "adv", "auth", "authorization", "bearer", "body", "caption", "ciphertext", "conversation",
    "cookie", "credential", "credentials", "key", "keys", "passwd", "password", "payload",
    "plaintext", "private", "qr", "secret", "secrets", "seed", "text", "token", "tokens",
})  # fmt: skip
# `token_path`, `key_id`, `body_kind`: about a secret, not the secret itself.
_HARMLESS_ENDINGS: Final = frozenset({
    "age", "count", "file", "id", "ids", "kind", "length", "name", "path", "size", "state",
    "status", "type", "version",
})  # fmt: skip
_PERSON_WORDS: Final = frozenset({
    "chat", "jid", "jids", "lid", "lids", "msisdn", "participant", "participants", "peer", "phone",
    "phones", "pn", "recipient", "sender", "to", "user",
})  # fmt: skip

_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# Alternatives in order: what must stay as it is, what must vanish, what is masked.
_SENSITIVE: Final = re.compile(
    r"""
      (?P<keep>  (?<![0-9A-Za-z]) [0-9a-fA-F]{8} (?:-[0-9a-fA-F]{4}){3} -[0-9a-fA-F]{12}
                 (?![0-9A-Za-z]) )                                       # a UUID
    | (?P<label> bearer[ ]+ | linked_devices\#
               | \b(?:access_|admin_)?(?:token|secret|password|api_?key)=)
                 [^\s&"']{4,}                                            # a labelled secret
    | (?P<qr>    \b[12]@[A-Za-z0-9+/=,._-]{40,} )                        # an older QR payload
    | (?P<b64>   (?<![A-Za-z0-9+/_-]) [A-Za-z0-9+/_-]{22,}={1,2} )       # a key in base64
    | (?P<jid>   (?<!\d) \d{5,15} (?=(?:[.:_-]\d{1,15}){0,3}@[A-Za-z]) ) # the user of a JID
    | (?P<plus>  \+ \d (?:[ ().-]{0,2}\d){6,14} (?!\d) )                 # +40 712 345 678
    | (?P<phone> (?<![0-9A-Za-z]) (?<!\d\.) (?<!account_) (?<!\breq_) \d{8,15} (?![0-9A-Za-z]) )
    | (?P<local> (?<![\w.]) 0\d{2,4} (?:[ .-]\d{2,4}){2,3} (?!\w) )      # 0712 345 678
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PERSON_DIGITS: Final = re.compile(r"(?<!\d)\d{5,15}(?!\d)")
_SUSPICIOUS: Final = re.compile(r"\d{5}|[=#@]|\d[ .()-]{1,2}\d|bearer", re.IGNORECASE)
_PLAIN: Final = (
    dt.datetime, dt.date, dt.timedelta, uuid.UUID, pathlib.PurePath,
    ipaddress.IPv4Address, ipaddress.IPv6Address,
)  # fmt: skip


def mask_phone(phone: str) -> str:
    """Return a phone number that a person can recognise and nobody can call: `+40•••••01`."""
    digits = "".join(char for char in phone if char.isdigit())
    plus = "+" if phone.startswith("+") else ""
    return f"{plus}{digits[:2]}•••••{digits[-2:]}" if len(digits) > 4 else f"{plus}•••••"


def mask_text(text: str) -> str:
    """Return free text without whole phones, JID users, keys, tokens, or control characters.

    Message ids, hexadecimal digests, group ids and account ids stay readable.
    """
    shown = text if len(text) <= MAX_TEXT_CHARS else text[: MAX_TEXT_CHARS + 100]
    if _SUSPICIOUS.search(shown):
        shown = _SENSITIVE.sub(_hide, shown)
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else _escape(char) for char in shown)
    if len(shown) <= MAX_TEXT_CHARS and len(text) <= MAX_TEXT_CHARS:
        return shown
    return f"{shown[:MAX_TEXT_CHARS]}… ({len(text)} characters)"


def redact(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as plain JSON values, each reduced to what may be shown of it."""
    return {str(name): redact_field(str(name), value) for name, value in fields.items()}


def redact_field(name: str, value: Any, depth: int = 0) -> Any:
    """Return one field's value as it may be shown: by its name first, by its shape else."""
    if value is None or isinstance(value, bool):
        return value
    if _names_secret(name) and not isinstance(value, (int, float)):
        return _size_only(value)
    if _names_person(name) and isinstance(value, (str, int)) and not isinstance(value, enum.Enum):
        return _mask_person(str(value))
    return _redact_value(name, value, depth)


def _redact_value(name: str, value: Any, depth: int) -> Any:
    """Reduce a value by its type; containers keep the field's name for their items."""
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _size_only(value)
    if isinstance(value, BaseException):
        return mask_text(f"{type(value).__name__}: {value}")
    if isinstance(value, (Mapping, list, tuple, AbstractSet)):
        return _redact_container(name, value, depth + 1)
    return mask_text(str(value)) if _shows_itself(value) else f"<{type(value).__name__}>"


def _redact_container(name: str, value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return f"<{len(value)} items>"
    if isinstance(value, Mapping):
        items = list(value.items())[:MAX_ITEMS]
        return {mask_text(str(key)): redact_field(str(key), item, depth) for key, item in items}
    shown = [redact_field(name, item, depth) for item in list(value)[:MAX_ITEMS]]
    return shown if len(value) <= MAX_ITEMS else [*shown, f"<{len(value) - MAX_ITEMS} more>"]


def _shows_itself(value: Any) -> bool:
    """Tell whether `str(value)` is a short name (a path, a date, a JID) and not its contents."""
    own_str = any("__str__" in vars(kind) for kind in type(value).__mro__[:-1])
    return isinstance(value, _PLAIN) or (is_dataclass(value) and own_str)


def _size_only(value: Any) -> str:
    if isinstance(value, memoryview):
        return f"<{value.nbytes} bytes>"
    if isinstance(value, (bytes, bytearray)):
        return f"<{len(value)} bytes>"
    return REDACTED if value != "" else ""


def _mask_person(text: str) -> str:
    masked = mask_text(text)
    if masked.endswith("@g.us") and "-" not in masked:
        return masked
    return _PERSON_DIGITS.sub(lambda found: mask_phone(found[0]), masked)


def _hide(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "keep":
            return found[0]
        case "label":
            return found["label"] + REDACTED
        case "qr" | "b64":
            return REDACTED
        case _:
            return mask_phone(found[0])


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


@lru_cache(maxsize=1024)
def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(name))


def _names_secret(name: str) -> bool:
    words = _words(name)
    return not _SECRET_WORDS.isdisjoint(words) and words[-1] not in _HARMLESS_ENDINGS


def _names_person(name: str) -> bool:
    words = _words(name)
    return bool(words) and words[-1] in _PERSON_WORDS
