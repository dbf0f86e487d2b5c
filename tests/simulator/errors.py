"""What the simulated service refuses, and in which words."""


class RefusedError(Exception):
    """A request that the service turns down.

    Attributes:
        code: as in HTTP; goes into <error code=...> or <ack error=...>.
        text: the service's own short name for it, such as `item-not-found`.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


class NotFoundError(RefusedError):
    """Nobody and nothing of that name."""

    def __init__(self, what: str = "") -> None:
        super().__init__(404, "item-not-found")
        self.what = what


class ScanRefusedError(Exception):
    """A phone could not link the device of a QR code: bad QR, refused by the client, or silence."""
