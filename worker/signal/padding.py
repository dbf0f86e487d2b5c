"""The padding that WhatsApp puts on a message before it is encrypted, to blur its length.

whatsmeow message.go (padMessage, unpadMessage). Messages of <enc v="3"> carry none.
"""

from typing import Final

from worker.signal.errors import MalformedMessage
from worker.wire.curve import Rng

_MAX_PAD: Final = 0x0F


def pad(plaintext: bytes, rng: Rng) -> bytes:
    """Return `plaintext` with n bytes of value n, 1 <= n <= 15, chosen by one byte of `rng`."""
    count = rng(1)[0] & _MAX_PAD or _MAX_PAD
    return plaintext + bytes([count]) * count


def unpad(padded: bytes) -> bytes:
    """Return what `pad` was given; any count up to 255 is accepted, as whatsmeow does.

    Raises:
        MalformedMessage: empty, or not ended by n bytes of value n.
    """
    count = padded[-1] if padded else 0
    if count == 0 or padded[-count:] != bytes([count]) * count:
        raise MalformedMessage("read a decrypted message: it ends without WhatsApp's padding")
    return padded[:-count]
