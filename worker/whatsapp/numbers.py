"""Numbers that are written in two ways: what people dial, and what WhatsApp knows them by.

Three countries put a digit into mobile numbers which WhatsApp keeps for some accounts and leaves
out for others: Brazil a 9 after the area code, Mexico a 1 and Argentina a 9 after the country
code (Baileys and whatsmeow issue threads; WhatsApp's own help on international numbers).
"""

import re
from typing import Final

# What is matched, and the form in which two spellings of one number are equal.
_SPELLINGS: Final = (
    (re.compile(r"55(\d{2})9(\d{8})"), r"55\1\2"),
    (re.compile(r"521(\d{10})"), r"52\1"),
    (re.compile(r"549(\d{10})"), r"54\1"),
)


def same_number(one: str, other: str) -> bool:
    """Tell whether two numbers (digits with country code) are the same person's."""
    return _plain(one) == _plain(other)


def _plain(digits: str) -> str:
    for spelling, plain in _SPELLINGS:
        found = spelling.fullmatch(digits)
        if found:
            return found.expand(plain)
    return digits
