"""JIDs: the addresses of users, their devices, groups and everything else one can write to.

Text forms (Baileys jid-utils.ts; whatsmeow types/jid.go):

    15551234567@s.whatsapp.net      a user by phone number; device 0 is the phone
    15551234567:3@s.whatsapp.net    his third companion device
    200000000000002:3@lid           the same person under a hidden identity
    120363000000000001@g.us         a group
    status@broadcast                stories; other users of the server are broadcast lists
    3-123:4@interop                 integrator 3, user 123, device 4
    @s.whatsapp.net                 the server itself
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from shared.errors import WireError

PN: Final = "s.whatsapp.net"
LID: Final = "lid"
HOSTED: Final = "hosted"
HOSTED_LID: Final = "hosted.lid"
GROUP: Final = "g.us"
BROADCAST: Final = "broadcast"
NEWSLETTER: Final = "newsletter"
INTEROP: Final = "interop"
MESSENGER: Final = "msgr"
BOT: Final = "bot"
LEGACY_USER: Final = "c.us"

DOMAIN_BY_SERVER: Final = {PN: 0, LEGACY_USER: 0, LID: 1, HOSTED: 128, HOSTED_LID: 129}
"""The domain byte of a device JID (AD_JID), and the suffix of Signal addresses."""

SERVER_BY_DOMAIN: Final = {1: LID, 128: HOSTED, 129: HOSTED_LID}
"""Any other domain byte means a phone-number user."""

MAX_DEVICE: Final = 0xFFFF
MAX_AGENT: Final = 0xFF

_USER_SERVERS: Final = (PN, LID, HOSTED, HOSTED_LID, INTEROP, MESSENGER, BOT, LEGACY_USER)
_SERVERS: Final = frozenset((*_USER_SERVERS, GROUP, BROADCAST, NEWSLETTER))
_USER: Final = re.compile(r"([^:]*?)(?:_([0-9]{1,3}))?(?::([0-9]{1,5}))?")
_INTEROP_USER: Final = re.compile(r"(?:([0-9]{1,5})-)?([^:]*?)(?::([0-9]{1,5}))?")
# Meta AI and its kin keep phone numbers reserved for them (whatsmeow types/jid.go).
_BOT_NUMBER: Final = re.compile(r"1313555[0-9]{4}|131655500[0-9]{2}")
_PARSED_CACHE_SIZE: Final = 4096


class MalformedJid(WireError):
    """A text that should be a JID is not one."""


@dataclass(frozen=True, slots=True)
class Jid:
    """One address.

    Attributes:
        user: digits for people; empty for a server itself.
        server: one of the constants of this module, or one we do not know yet.
        device: 0 is the account's phone (or no device at all), up to 65535.
        integrator: the foreign network of an interop user; 0 elsewhere.
        agent: a left-over of older addresses (`user_agent:device`); 0 in all current ones.
    """

    user: str
    server: str
    device: int = 0
    integrator: int = 0
    agent: int = 0

    @staticmethod
    def parse(text: str) -> "Jid":
        """Read a text form.

        Raises:
            MalformedJid: no server, or a device, agent or integrator that is out of range.
        """
        return _parse(text)

    def __str__(self) -> str:
        if self.server == INTEROP:
            return f"{self.integrator}-{self.user}:{self.device}@{INTEROP}"
        if self.server == MESSENGER:
            return f"{self.user}:{self.device}@{MESSENGER}"
        agent = f"_{self.agent}" if self.agent else ""
        device = f":{self.device}" if self.device else ""
        return f"{self.user}{agent}{device}@{self.server}"

    @property
    def bare(self) -> "Jid":
        """The account behind the device: device and agent 0."""
        return replace(self, device=0, agent=0) if self.device or self.agent else self

    def with_device(self, device: int) -> "Jid":
        """Return the same account's `device`."""
        return replace(self, device=device)

    @property
    def domain(self) -> int:
        """The domain byte: 0 phone number, 1 LID, 128 hosted, 129 hosted LID, else the agent."""
        return DOMAIN_BY_SERVER.get(self.server) or self.agent

    @property
    def signal_name(self) -> str:
        """The name of the Signal address: `user`, or `user_domain` where the domain isn't 0.

        Source: whatsmeow types/jid.go SignalAddressUser; Baileys libsignal.ts.
        """
        return f"{self.user}_{self.domain}" if self.domain else self.user

    @property
    def is_pn(self) -> bool:
        """Whether this is a user known by phone number."""
        return self.server == PN

    @property
    def is_lid(self) -> bool:
        """Whether this is a user known by hidden identity."""
        return self.server == LID

    @property
    def is_hosted(self) -> bool:
        """Whether WhatsApp itself runs this device for a business."""
        return self.server in (HOSTED, HOSTED_LID)

    @property
    def is_user(self) -> bool:
        """Whether this is a person or business: phone number, LID, or hosted."""
        return bool(self.user) and self.server in DOMAIN_BY_SERVER

    @property
    def is_group(self) -> bool:
        """Whether this is a group."""
        return self.server == GROUP

    @property
    def is_broadcast(self) -> bool:
        """Whether this is a broadcast list or the stories."""
        return self.server == BROADCAST

    @property
    def is_status(self) -> bool:
        """Whether this is `status@broadcast`: the stories."""
        return self.server == BROADCAST and self.user == "status"

    @property
    def is_newsletter(self) -> bool:
        """Whether this is a channel."""
        return self.server == NEWSLETTER

    @property
    def is_interop(self) -> bool:
        """Whether this is a user of a foreign network."""
        return self.server == INTEROP

    @property
    def is_messenger(self) -> bool:
        """Whether this is a Messenger user."""
        return self.server == MESSENGER

    @property
    def is_bot(self) -> bool:
        """Whether this is Meta AI or another bot, by server or by reserved number."""
        if self.server == BOT:
            return True
        reserved = self.server in (PN, LEGACY_USER) and not self.device
        return reserved and _BOT_NUMBER.fullmatch(self.user) is not None


SERVER: Final = Jid("", PN)
"""WhatsApp's server itself."""

STATUS: Final = Jid("status", BROADCAST)
"""The stories."""


@lru_cache(_PARSED_CACHE_SIZE)
def _parse(text: str) -> Jid:
    if text in _SERVERS:  # servers are also written without their `@`
        return Jid("", text)
    user, _, server = text.partition("@")
    match = (_INTEROP_USER if server == INTEROP else _USER).fullmatch(user)
    if not server or "@" in server or match is None:
        raise MalformedJid("reading a JID: the text is not one")
    if server == INTEROP:
        integrator, name, device = match.groups()
        return _checked(Jid(name, server, _number(device), integrator=_number(integrator)))
    name, agent, device = match.groups()
    return _checked(Jid(name, server, _number(device), agent=_number(agent)))


def _number(digits: str | None) -> int:
    return int(digits) if digits else 0


def _checked(jid: Jid) -> Jid:
    if max(jid.device, jid.integrator) > MAX_DEVICE or jid.agent > MAX_AGENT:
        raise MalformedJid("reading a JID: its device, integrator or agent is out of range")
    return jid
