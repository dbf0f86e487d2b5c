"""The binary format's tag bytes, and its dictionaries of strings that travel as one or two bytes.

The dictionaries are facts of the protocol, version 3; they stand in `tokens.txt`
(same lists in Baileys WABinary/constants.ts and whatsmeow binary/token).
"""

from pathlib import Path
from typing import Final

LIST_EMPTY: Final = 0
DICTIONARY_0: Final = 236  # 236..239: the double-byte dictionaries
INTEROP_JID: Final = 245
FB_JID: Final = 246
AD_JID: Final = 247
LIST_8: Final = 248
LIST_16: Final = 249
JID_PAIR: Final = 250
HEX_8: Final = 251
BINARY_8: Final = 252
BINARY_20: Final = 253
BINARY_32: Final = 254
NIBBLE_8: Final = 255

PACKED_MAX_CHARACTERS: Final = 127

_SINGLE_COUNT: Final = 235  # indices 1..235; index 0 is LIST_EMPTY
_DOUBLE_COUNT: Final = 256
_DOUBLE_DICTIONARIES: Final = 4


def _load() -> dict[str, bytes]:
    text = Path(__file__).with_name("tokens.txt").read_text("ascii")
    words = [line for line in text.splitlines() if not line.startswith("#")]
    doubles = words[_SINGLE_COUNT:]
    if len(doubles) != _DOUBLE_DICTIONARIES * _DOUBLE_COUNT:
        raise RuntimeError("tokens.txt is damaged: reinstall the package")
    codes = {word: bytes((index,)) for index, word in enumerate(words[:_SINGLE_COUNT], 1)}
    for position, word in enumerate(doubles):
        dictionary, index = divmod(position, _DOUBLE_COUNT)
        codes[word] = bytes((DICTIONARY_0 + dictionary, index))
    return codes


TOKEN_CODES: Final = _load()
"""Every token and its one or two bytes on the wire."""

SINGLE_TOKENS: Final = {code: word for word, code in TOKEN_CODES.items() if len(code) == 1}
"""One-byte code -> token."""

DOUBLE_TOKENS: Final = {code: word for word, code in TOKEN_CODES.items() if len(code) == 2}
"""Dictionary byte and index -> token."""
