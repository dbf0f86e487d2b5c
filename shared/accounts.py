"""Who an account is, and what may become of it: phones, account ids, statuses.

The ids equal those of the Node backend, because documents, links and rules already hold them.
Nothing here depends on the environment's name; `ACCOUNT_NAMESPACE` alone does.
"""

import enum
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from typing import Final, NewType

from shared.errors import InputError

AccountId = NewType("AccountId", str)
"""`account_{namespace}_{32 hex digits}`, or an older form; safe as a directory's name."""

HOME_COUNTRY_CODE: Final = "40"  # what a national number's leading 0 stands for
MAX_PHONE_DIGITS: Final = 15  # E.164
MIN_PHONE_DIGITS: Final = 7  # the shortest numbers with country code that are in use
MAX_PHONE_CHARS: Final = 40  # as typed, with spaces and dashes
LEGACY_NAMESPACES: Final = ("prod", "dev", "development", "production")

_SEPARATORS: Final = re.compile(r"[\s().\-/\u00a0\u2009\u202f\u2010-\u2013]")
_DIGITS: Final = re.compile(r"[0-9]+")
_NAMESPACE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_ACCOUNT_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


class InvalidPhone(InputError):
    """Not a phone number that WhatsApp could know."""


class InvalidAccountId(InputError):
    """Not an account id; it is not used as a path or a key."""


class InvalidNamespace(InputError):
    """Not a namespace that an account id can carry."""


class IllegalTransition(InputError):
    """An account can't come from its status to the one that was asked for."""


# ------------------------------------------------------------------------------------------ phones


def canonical_phone(raw: str) -> str:
    """Return a phone as `+` and digits with country code, as the account ids are made from it.

    A leading national `0` is replaced by the home country code; an international prefix `00`
    is dropped (no country code begins with 0, so `000…` is a national number).

    Raises:
        InvalidPhone: letters, too short, too long, or a `+` in the middle.
    """
    digits = _phone_digits(raw)
    if digits.startswith("00") and not digits.startswith("000") and not raw.strip().startswith("+"):
        digits = digits[2:]
    elif digits.startswith("0"):
        digits = HOME_COUNTRY_CODE + digits[1:]
    _check_length(digits)
    return f"+{digits}"


def _phone_digits(raw: str) -> str:
    if len(raw) > MAX_PHONE_CHARS:
        raise InvalidPhone(f"a phone number of {len(raw)} characters", hint=_phone_hint())
    digits = _SEPARATORS.sub("", raw).removeprefix("+")
    if not digits:
        raise InvalidPhone("a phone number without digits", hint=_phone_hint())
    if not _DIGITS.fullmatch(digits):
        strange = sorted({char for char in digits if char not in "0123456789"})
        shown = " ".join(ascii(char) for char in strange[:5])
        raise InvalidPhone(f"a phone number that contains {shown}", hint=_phone_hint())
    return digits


def _check_length(digits: str) -> None:
    if len(digits) < MIN_PHONE_DIGITS:
        problem = f"a phone number of only {len(digits)} digits"
    elif len(digits) > MAX_PHONE_DIGITS:
        problem = f"a phone number of {len(digits)} digits, {MAX_PHONE_DIGITS} are the most"
    else:
        return
    raise InvalidPhone(problem, hint=_phone_hint())


def _phone_hint() -> str:
    return f"write it with country code, for example +{HOME_COUNTRY_CODE} 712 345 678"


# --------------------------------------------------------------------------------------------- ids


def account_id(
    phone: str | None, namespace: str, rng: Callable[[int], bytes] = os.urandom
) -> AccountId:
    """Return the id of the account of a phone; without a phone, a random one.

    Args:
        phone: in any form that `canonical_phone` reads; None when whoever scans is welcome.
        namespace: the setting ACCOUNT_NAMESPACE.
        rng: where random ids come from.

    Raises:
        InvalidPhone: the phone is none.
        InvalidNamespace: the namespace has other characters than `a-z 0-9 -`.
    """
    if phone is None:
        return AccountId(f"account_{check_namespace(namespace)}_{rng(16).hex()}")
    return _id_of(canonical_phone(phone), check_namespace(namespace))


def legacy_account_ids(raw: str, namespace: str = "prod") -> list[AccountId]:
    """Return the other ids an account of this phone may already have, likeliest first.

    They come from other namespaces, and from the Node backend's reading of `0040…` as `+40040…`.
    The id that `account_id` makes is not among them. Ids with a time stamp
    (`account_1706600000000`) can't be derived: look those up by their phone.

    Raises:
        InvalidPhone: the phone is none.
        InvalidNamespace: the namespace has other characters than `a-z 0-9 -`.
    """
    phone = canonical_phone(raw)
    mishandled = f"+{HOME_COUNTRY_CODE}0{phone[1:]}"
    namespaces = dict.fromkeys((check_namespace(namespace), *LEGACY_NAMESPACES))
    candidates = [_id_of(form, space) for form in (phone, mishandled) for space in namespaces]
    return [candidate for candidate in candidates if candidate != _id_of(phone, namespace)]


def parse_account_id(raw: str) -> AccountId:
    """Return an account id that came from outside; it is safe as a directory's name.

    Raises:
        InvalidAccountId: empty, longer than 128, or with other characters than letters, digits,
            `_` and `-`; also `__`, which parts account and chat in a thread id.
    """
    if not _ACCOUNT_ID.fullmatch(raw) or "__" in raw:
        raise InvalidAccountId(
            f"{raw[:60]!a} is not an account id",
            hint="take it from the list of accounts; it looks like account_prod_ and 32 digits",
        )
    return AccountId(raw)


def check_namespace(raw: str) -> str:
    """Return a namespace that an account id can carry.

    Raises:
        InvalidNamespace: other than 1 to 32 characters of `a-z 0-9 -`.
    """
    if not _NAMESPACE.fullmatch(raw):
        raise InvalidNamespace(
            f"ACCOUNT_NAMESPACE is {raw[:60]!a}",
            hint="use 1 to 32 lower-case letters, digits and dashes, for example prod",
        )
    return raw


def _id_of(phone: str, namespace: str) -> AccountId:
    digest = hashlib.sha256(phone.encode()).hexdigest()[:32]
    return AccountId(f"account_{namespace}_{digest}")


# ---------------------------------------------------------------------------------------- statuses


class AccountStatus(enum.StrEnum):
    """What clients see of an account; the strings are those of the Node backend."""

    CONNECTING = "connecting"  # a worker is starting, dialling, or logging in
    QR_READY = "qr_ready"  # a QR is live, and shown
    AWAITING_SCAN = "awaiting_scan"  # between two QRs: the window is open, none is live
    PAIRING = "pairing"  # scanned; the first login follows
    CONNECTED = "connected"  # logged in, and ready to send
    RECONNECTING = "reconnecting"  # lost, and coming back by itself
    DISCONNECTED = "disconnected"  # a person, or the restart policy, took it off
    NEEDS_QR = "needs_qr"  # nothing happens until a person asks for a QR
    LOGGED_OUT = "logged_out"  # WhatsApp removed the device; the session is in quarantine
    PASSIVE = "passive"  # another instance runs it
    DELETING = "deleting"  # on its way out; nothing may start it again
    DELETED = "deleted"  # gone; threads and messages stay


_LOST: Final = frozenset({
    AccountStatus.DISCONNECTED, AccountStatus.NEEDS_QR, AccountStatus.LOGGED_OUT,
    AccountStatus.PASSIVE, AccountStatus.DELETING,
})  # fmt: skip
_RESTART: Final = frozenset({AccountStatus.CONNECTING, *_LOST})

# Every status may follow itself. A worker's late word about an account that was taken off
# (`disconnected` → `connected`) is not here, and that is the point.
TRANSITIONS: Final[Mapping[AccountStatus, frozenset[AccountStatus]]] = {
    AccountStatus.CONNECTING: frozenset({
        AccountStatus.QR_READY, AccountStatus.AWAITING_SCAN, AccountStatus.PAIRING,
        AccountStatus.CONNECTED, AccountStatus.RECONNECTING, *_LOST,
    }),
    AccountStatus.QR_READY: frozenset({
        AccountStatus.AWAITING_SCAN, AccountStatus.PAIRING, AccountStatus.RECONNECTING, *_RESTART,
    }),
    AccountStatus.AWAITING_SCAN: frozenset({
        AccountStatus.QR_READY, AccountStatus.PAIRING, AccountStatus.RECONNECTING, *_RESTART,
    }),
    AccountStatus.PAIRING: frozenset({
        AccountStatus.QR_READY, AccountStatus.AWAITING_SCAN, AccountStatus.CONNECTED,
        AccountStatus.RECONNECTING, *_RESTART,
    }),
    AccountStatus.CONNECTED: frozenset({AccountStatus.RECONNECTING, *_RESTART}),
    AccountStatus.RECONNECTING: frozenset({
        AccountStatus.CONNECTED, AccountStatus.QR_READY, AccountStatus.AWAITING_SCAN, *_RESTART,
    }),
    AccountStatus.DISCONNECTED: _RESTART,
    AccountStatus.NEEDS_QR: _RESTART,
    AccountStatus.LOGGED_OUT: _RESTART,
    AccountStatus.PASSIVE: _RESTART,
    AccountStatus.DELETING: frozenset({AccountStatus.DELETED}),
    AccountStatus.DELETED: frozenset({AccountStatus.CONNECTING}),  # added again
}  # fmt: skip


def advance(old: AccountStatus, new: AccountStatus) -> AccountStatus:
    """Return the new status when an account may come to it from the old one.

    Raises:
        IllegalTransition: it may not.
    """
    if new != old and new not in TRANSITIONS[old]:
        raise IllegalTransition(
            f"an account that is {old} can't become {new}",
            hint=f"from here it can become {', '.join(sorted(TRANSITIONS[old]))}",
        )
    return new
