"""Where an account's news goes: the worker's reporter, or a test that listens."""

from typing import Protocol

from shared import link_pb2


class Outlet(Protocol):
    """Takes news; none of it may wait."""

    def state(self, state: link_pb2.State) -> None:
        """Take a new state of the connection."""
        ...

    def qr(self, qr: link_pb2.Qr) -> None:
        """Take a QR code to show; an empty payload takes the last one back."""
        ...

    def paired(self, paired: link_pb2.Paired) -> None:
        """Take the news that a phone has linked this device."""
        ...

    def spooled(self) -> None:
        """Hear that the spool has grown."""
        ...
