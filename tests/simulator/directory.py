"""Who is there: accounts with a phone number and a hidden identity, and their devices."""

import base64
import hashlib
from dataclasses import dataclass, field

from tests.simulator.errors import NotFoundError
from tests.simulator.mailbox import Mailbox
from tests.simulator.prekeys import PreKeyStock
from worker.proto import adv_pb2
from worker.wire.curve import KeyPair
from worker.wire.jid import LID, PN, Jid

FIRST_LID = 100_000_000_000_001
PHONE = 0
"""The number of the device that is the phone itself."""

KEY_INDEX_PREFIX = b"\x06\x02"
"""Before what the account signs when its device list changes (WAWebAdvSignatureApi)."""


@dataclass(slots=True, eq=False)
class Device:
    """One device of an account; number 0 is the phone.

    Attributes:
        account: whose it is.
        number: the device part of its JID.
        key_index: its place in the account's signed list of devices; 0 for the phone.
        identity: its public identity key, 32 bytes.
        registration_id: 32 bits.
        keys: what it left at the server for others to start sessions with.
        mailbox: what it has not confirmed yet.
        noise_public: the static key of its connections; empty for the phone.
        signed_identity: the ADVSignedDeviceIdentity that both sides signed; empty for the phone.
        platform: what it said it runs on.
        push_name: the name its messages carry.
    """

    account: "Account" = field(repr=False)
    number: int
    key_index: int
    identity: bytes
    registration_id: int
    keys: PreKeyStock = field(repr=False)
    mailbox: Mailbox = field(repr=False, default_factory=Mailbox)
    noise_public: bytes = b""
    signed_identity: bytes = field(repr=False, default=b"")
    platform: str = ""

    def jid(self, server: str = PN) -> Jid:
        """Return its address by phone number, or by hidden identity."""
        return self.account.jid(server).with_device(self.number)

    @property
    def name(self) -> str:
        """Its phone-number address as text: how the record names it."""
        return str(self.jid())


@dataclass(slots=True, eq=False)
class Account:
    """One person.

    Attributes:
        phone: digits.
        lid: digits of the hidden identity.
        name: what others see beside the messages.
        identity: the phone's identity key pair; it also vouches for companions.
        devices: by number.
        removed: numbers of devices that were unlinked.
        list_s: when the list of devices last changed, Unix time.
    """

    phone: str
    lid: str
    name: str
    identity: KeyPair = field(repr=False)
    raw_id: int
    list_s: int
    devices: dict[int, Device] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    last_key_index: int = 0

    def jid(self, server: str = PN) -> Jid:
        """Return its address, without a device."""
        return Jid(self.lid if server == LID else self.phone, server)

    def companions(self) -> list[Device]:
        """Return its linked devices, without the phone."""
        return [device for number, device in self.devices.items() if number != PHONE]

    def next_number(self) -> int:
        """Return a device number that was never used."""
        return max([*self.devices, *self.removed], default=PHONE) + 1

    def key_index_list(self) -> bytes:
        """Return the list of valid key indexes, signed by the account."""
        details = adv_pb2.ADVKeyIndexList(
            raw_id=self.raw_id,
            timestamp=self.list_s,
            current_index=self.last_key_index,
            valid_indexes=[device.key_index for device in self.devices.values()],
        ).SerializeToString()
        signature = self.identity.sign(KEY_INDEX_PREFIX + details)
        return adv_pb2.ADVSignedKeyIndexList(
            details=details, account_signature=signature
        ).SerializeToString()


class Directory:
    """All accounts, by phone number and by hidden identity."""

    def __init__(self) -> None:
        self._accounts: dict[Jid, Account] = {}
        self._count = 0

    def add(self, phone: str, name: str, identity: KeyPair, now_s: int) -> Account:
        """Enter a new account and give it a hidden identity."""
        lid = str(FIRST_LID + self._count)
        self._count += 1
        account = Account(phone, lid, name, identity, raw_id=self._count, list_s=now_s)
        self._accounts[account.jid(PN)] = account
        self._accounts[account.jid(LID)] = account
        return account

    def account(self, jid: Jid) -> Account:
        """Return the account behind an address of any form.

        Raises:
            NotFoundError: there is none.
        """
        found = self._accounts.get(jid.bare)
        if found is None:
            raise NotFoundError(str(jid))
        return found

    def device(self, jid: Jid) -> Device:
        """Return one device.

        Raises:
            NotFoundError: no such account, or no such device (any more).
        """
        found = self.account(jid).devices.get(jid.device)
        if found is None:
            raise NotFoundError(str(jid))
        return found

    def existed(self, jid: Jid) -> bool:
        """Tell whether the address once was a device that has been unlinked."""
        found = self._accounts.get(jid.bare)
        return found is not None and jid.device in found.removed

    def accounts(self) -> list[Account]:
        """Return all accounts, oldest first."""
        return list(dict.fromkeys(self._accounts.values()))


def participant_hash(devices: list[Jid]) -> str:
    """Return the hash of a list of devices by which both sides compare what they know.

    Source: whatsmeow send.go participantListHashV2 and types/jid.go ADString.
    """
    names = sorted(f"{jid.user}.{jid.agent}:{jid.device}@{jid.server}" for jid in devices)
    digest = hashlib.sha256("".join(names).encode()).digest()
    return "2:" + base64.b64encode(digest[:6]).decode().rstrip("=")
