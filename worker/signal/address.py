"""The name under which a peer device's session is kept."""

from dataclasses import dataclass
from typing import Final, Self

from worker.signal.errors import MalformedRecord

# whatsmeow types/jid.go (SignalAddressUser): the domain tells equal user numbers apart.
_DOMAIN_SUFFIXES: Final = {
    "s.whatsapp.net": "",
    "lid": "_1",
    "hosted": "_128",
    "hosted.lid": "_129",
}


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A peer device: `name` is the user (with its domain's suffix), `device` its number."""

    name: str
    device: int = 0

    @classmethod
    def of(cls, user: str, server: str, device: int = 0) -> Self:
        """Return the address of a JID's parts, as whatsmeow and Baileys form it."""
        return cls(user + _DOMAIN_SUFFIXES.get(server, ""), device)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form back.

        Raises:
            MalformedRecord: it has no dot, or no number behind the last one.
        """
        name, dot, device = text.rpartition(".")
        if not dot or not (device.isascii() and device.isdigit()):
            raise MalformedRecord("read a Signal address: it is not of the form name.device")
        return cls(name, int(device))

    def __str__(self) -> str:
        return f"{self.name}.{self.device}"
