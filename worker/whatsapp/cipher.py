"""End-to-end encryption within one unit of work: ratchets are read, moved on, and written back.

The unit is the lock: a ratchet is loaded and stored in the same transaction, without a pause in
between, so no two messages can ever use one step. If the unit is rolled back, so is the step,
and the message that took it must not be sent.
"""

from shared.logs import get_logger
from worker.proto import e2e_pb2
from worker.session import Credentials, UnitOfWork
from worker.session.ratchets import Trust
from worker.signal import (
    Address,
    EncryptedMessage,
    OwnIdentity,
    PreKeyBundle,
    PreKeySignalMessage,
    SenderKeyRecord,
    SessionRecord,
    groups,
    padding,
    session,
)
from worker.signal.errors import NoSession
from worker.wire import Jid
from worker.wire.curve import KeyPair, Rng

from .identity import address

log = get_logger(__name__)


class Cipher:
    """Encrypts and decrypts for one account, on one unit of work."""

    def __init__(self, unit: UnitOfWork, credentials: Credentials, rng: Rng) -> None:
        self._unit = unit
        self._ours = OwnIdentity(credentials.identity_key, credentials.registration_id)
        self._own_name = _own_address(credentials)
        self._rng = rng

    # -- one device

    def has_session(self, device: Jid) -> bool:
        """Tell whether a message to this device can be encrypted without asking for its keys."""
        stored = self._unit.sessions.find(str(address(self._unit, device)))
        if stored is None or stored.stale:
            return False
        return SessionRecord.decode(stored.record).current is not None

    def start(self, device: Jid, bundle: PreKeyBundle) -> None:
        """Begin a new session with a device; its former one is archived.

        Raises:
            SignalError: the bundle is not by the identity it names, or a key is unfit.
        """
        at = address(self._unit, device)
        record = session.start(self._record(at), self._ours, bundle, self._rng)
        self._trust(at, bundle.identity_key)
        self._unit.sessions.put(str(at), record.encode(), fresh=True)

    def encrypt(self, device: Jid, plaintext: bytes) -> EncryptedMessage:
        """Encrypt one protobuf for one device.

        Raises:
            NoSession: there is none with this device, or only one from a backup, whose sending
                chain may have been used further since.
        """
        at = address(self._unit, device)
        if not self.has_session(device):
            raise NoSession("encrypt a message: no session with this device that may be used")
        padded = padding.pad(plaintext, self._rng)
        record, message = session.encrypt(self._record(at), self._ours, padded)
        self._unit.sessions.put(str(at), record.encode())
        return message

    def decrypt(self, device: Jid, kind: str, data: bytes) -> bytes:
        """Decrypt what a device sent; `kind` is the `type` of its `<enc>`: msg or pkmsg.

        Raises:
            SignalError: by cause; nothing was changed.
        """
        at = address(self._unit, device)
        if kind == "pkmsg":
            return padding.unpad(self._decrypt_start(at, data))
        record, padded = session.decrypt_message(self._record(at), self._ours, data, self._rng)
        assert record.remote_identity is not None  # what decrypted is the current session now
        self._trust(at, record.remote_identity)
        self._unit.sessions.put(str(at), record.encode())
        return padding.unpad(padded)

    def forget(self, device: Jid) -> None:
        """Drop the session with a device, so that the next message begins a new one."""
        self._unit.sessions.delete(str(address(self._unit, device)))

    def _decrypt_start(self, at: Address, data: bytes) -> bytes:
        identity = PreKeySignalMessage.parse(data).identity_key
        record, padded, used = session.decrypt_pre_key_message(
            self._record(at), self._ours, data, _OwnPreKeys(self._unit), self._rng
        )
        self._trust(at, identity)
        self._unit.sessions.put(str(at), record.encode())
        if used is not None:
            self._unit.pre_keys.remove(used)
        return padded

    def _record(self, at: Address) -> SessionRecord | None:
        stored = self._unit.sessions.get(str(at))
        return None if stored is None else SessionRecord.decode(stored)

    def _trust(self, at: Address, identity: bytes) -> None:
        """Keep a device's identity key: the first one, and a later one with a word in the log.

        A changed key means a re-installed phone or a re-linked device; WhatsApp Web goes on with
        the new one too, and shows a notice (whatsmeow AutoTrustIdentity).
        """
        trust = self._unit.identities.trust(str(at), identity)
        if trust is Trust.SAME:
            return
        if trust is Trust.CHANGED:
            log.warning("identity_changed", device=at.device)
        self._unit.identities.put(str(at), identity)

    # -- groups

    def group_encrypt(self, group: Jid, plaintext: bytes) -> bytes:
        """Encrypt one protobuf for a group with our sender key, which is made if there is none."""
        record, data = groups.encrypt(
            self._own_sender_key(group), padding.pad(plaintext, self._rng), self._rng
        )
        self._unit.sender_keys.put(str(group), str(self._own_name), record.encode())
        return data

    def distribution(self, group: Jid) -> e2e_pb2.Message:
        """Return the message that gives a member our sender key from now on."""
        message = e2e_pb2.Message()
        skdm = message.sender_key_distribution_message
        skdm.group_id = str(group)
        skdm.axolotl_sender_key_distribution_message = groups.distribution(
            self._own_sender_key(group)
        )
        return message

    def rotate(self, group: Jid) -> None:
        """Drop our sender key of a group: the next message makes one that leavers don't have."""
        self._unit.sender_keys.delete(str(group), str(self._own_name))
        self._unit.sender_key_memory.clear(str(group))

    def take_distribution(self, group: str, sender: Jid, data: bytes) -> None:
        """Keep a sender's key for a group.

        Raises:
            SignalError: it is malformed.
        """
        at = str(address(self._unit, sender))
        record = groups.process_distribution(self._sender_key(group, at), data)
        self._unit.sender_keys.put(group, at, record.encode())

    def group_decrypt(self, group: Jid, sender: Jid, data: bytes) -> bytes:
        """Decrypt a group message.

        Raises:
            SignalError: by cause; nothing was changed.
        """
        at = str(address(self._unit, sender))
        record, padded = groups.decrypt(self._sender_key(str(group), at), data)
        self._unit.sender_keys.put(str(group), at, record.encode())
        return padding.unpad(padded)

    def _own_sender_key(self, group: Jid) -> SenderKeyRecord:
        at = str(self._own_name)
        record = self._sender_key(str(group), at)
        if record is None:
            record = groups.create(self._rng)
            self._unit.sender_keys.put(str(group), at, record.encode())
            self._unit.sender_key_memory.clear(str(group))
        return record

    def _sender_key(self, group: str, at: str) -> SenderKeyRecord | None:
        stored = self._unit.sender_keys.get(group, at)
        return None if stored is None else SenderKeyRecord.decode(stored)


class _OwnPreKeys:
    """Our pre-keys as the ratchet asks for them."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit

    def signed_pre_key(self, key_id: int) -> KeyPair | None:
        """Return a signed pre-key, the current one or an earlier one."""
        key = self._unit.signed_pre_keys.get(key_id)
        return None if key is None else key.pair

    def pre_key(self, key_id: int) -> KeyPair | None:
        """Return a one-time pre-key."""
        key = self._unit.pre_keys.get(key_id)
        return None if key is None else key.pair


def _own_address(credentials: Credentials) -> Address:
    """Return the name under which our own sender keys are kept: the LID's, where there is one."""
    own = credentials.lid or credentials.jid
    if own is None:
        raise NoSession("encrypt a message: this account is not paired")
    jid = Jid.parse(own)
    return Address(jid.signal_name, jid.device)
