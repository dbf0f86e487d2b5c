"""One message becomes many ciphertexts: one for every device that is to read it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from shared.errors import SignalError
from shared.logs import get_logger
from worker.session import Credentials, SessionFile, UnitOfWork
from worker.signal import EncryptedMessage, MessageType, PreKeyBundle
from worker.signal.errors import NoSession
from worker.wire import Jid, Node
from worker.wire.curve import Rng

from .cipher import Cipher
from .directory import Directory

log = get_logger(__name__)

T = TypeVar("T")

# Devices encrypted for in one unit of work, between two turns of the event loop: some 10 ms.
DEVICES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Letter:
    """What one device is to get: a serialised protobuf."""

    device: Jid
    plaintext: bytes


@dataclass(slots=True)
class Sealed:
    """The ciphertexts, as `<to>` nodes, for whom they are, and whether one begins a session."""

    nodes: list[Node] = field(default_factory=list)
    reached: list[Jid] = field(default_factory=list)
    begins: bool = False

    def add(self, device: Jid, message: EncryptedMessage) -> None:
        """Put in the ciphertext for one more device."""
        self.nodes.append(Node("to", {"jid": str(device)}, [encrypted(message, {})]))
        self.reached.append(device)
        self.begins = self.begins or message.type is MessageType.PRE_KEY


Finish = Callable[[UnitOfWork, Cipher, Sealed], T]


class Fanout:
    """Encrypts letters for one account."""

    def __init__(
        self, file: SessionFile, directory: Directory, credentials: Credentials, rng: Rng
    ) -> None:
        self._file = file
        self._directory = directory
        self._credentials = credentials
        self._rng = rng

    async def seal(self, letters: list[Letter], finish: Finish[T]) -> T:
        """Encrypt every letter, and return what `finish` makes of the ciphertexts.

        `finish` runs in the unit of work that moves the last ratchets on: what it writes down
        becomes durable with them. Only where there are more devices than fit into one unit,
        ratchets of earlier ones are moved on before; a crash then skips a step, nothing else.

        A device without usable keys is logged and left out, as WhatsApp Web does: it can ask
        for the message again.

        Raises:
            ConnectionLost, QueryRefused: the server could not be asked for keys.
            SessionError: the session file failed; nothing may be sent.
        """
        bundles = await self._missing_bundles([letter.device for letter in letters])
        sealed = Sealed()
        for start in range(0, len(letters) - DEVICES_AT_ONCE, DEVICES_AT_ONCE):
            with self._file.unit() as unit:
                part = letters[start : start + DEVICES_AT_ONCE]
                self._seal_part(self._cipher(unit), part, bundles, sealed)
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # what came right behind the keys, a leaver say, is taken first
        with self._file.unit() as unit:
            cipher = self._cipher(unit)
            self._seal_part(cipher, letters[_rest_of(letters) :], bundles, sealed)
            return finish(unit, cipher, sealed)

    def _cipher(self, unit: UnitOfWork) -> Cipher:
        return Cipher(unit, self._credentials, self._rng)

    async def _missing_bundles(self, wanted: list[Jid]) -> dict[Jid, PreKeyBundle]:
        with self._file.unit() as unit:
            cipher = self._cipher(unit)
            missing = [device for device in wanted if not cipher.has_session(device)]
        return await self._directory.bundles(missing) if missing else {}

    def _seal_part(
        self,
        cipher: Cipher,
        letters: list[Letter],
        bundles: dict[Jid, PreKeyBundle],
        sealed: Sealed,
    ) -> None:
        for letter in letters:
            try:
                _begin_if_needed(cipher, letter.device, bundles)
                sealed.add(letter.device, cipher.encrypt(letter.device, letter.plaintext))
            except SignalError as error:
                log.warning("device_left_out", device=letter.device.device, error=error)


def _rest_of(letters: list[Letter]) -> int:
    """Return where the last part begins: the parts before it are full."""
    return max(0, (len(letters) - 1) // DEVICES_AT_ONCE * DEVICES_AT_ONCE)


def _begin_if_needed(cipher: Cipher, device: Jid, bundles: dict[Jid, PreKeyBundle]) -> None:
    """Begin a session where none may be used: also where only a backup's is left."""
    if cipher.has_session(device):
        return
    bundle = bundles.get(device)
    if bundle is None:
        raise NoSession("encrypt a message: no session, and the server gave no keys")
    cipher.start(device, bundle)


def encrypted(message: EncryptedMessage, enc_attrs: dict[str, str]) -> Node:
    """Return the `<enc>` of a ciphertext."""
    return Node("enc", {"v": "2", "type": str(message.type), **enc_attrs}, message.data)


def device_identity(credentials: Credentials) -> Node:
    """Return the proof that our phone linked us, which goes with the start of any session."""
    return Node("device-identity", {}, credentials.signed_device_identity or b"")
