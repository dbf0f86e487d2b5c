"""One message becomes many ciphertexts: one for every device that is to read it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from shared.errors import SignalError
from shared.logs import get_logger
from worker.session import Credentials, SessionFile
from worker.signal import EncryptedMessage, PreKeyBundle
from worker.signal.errors import NoSession
from worker.wire import Jid, Node
from worker.wire.curve import Rng

from .cipher import Cipher
from .directory import Directory

log = get_logger(__name__)

# Devices encrypted for in one unit of work, between two turns of the event loop: some 10 ms.
DEVICES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Letter:
    """What one device is to get: a serialised protobuf."""

    device: Jid
    plaintext: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """The ciphertexts, as `<to>` nodes, and whether one of them begins a session."""

    nodes: list[Node]
    begins: bool
    reached: list[Jid]


class Fanout:
    """Encrypts letters for one account."""

    def __init__(
        self, file: SessionFile, directory: Directory, credentials: Credentials, rng: Rng
    ) -> None:
        self._file = file
        self._directory = directory
        self._credentials = credentials
        self._rng = rng

    async def seal(self, letters: list[Letter], enc_attrs: dict[str, str]) -> Sealed:
        """Encrypt every letter; ratchet steps are durable when this returns.

        A device without usable keys is logged and left out, as WhatsApp Web does: it can ask
        for the message again.

        Raises:
            ConnectionLost, QueryRefused: the server could not be asked for keys.
            SessionError: the session file failed; nothing may be sent.
        """
        bundles = await self._missing_bundles([letter.device for letter in letters])
        nodes: list[Node] = []
        reached: list[Jid] = []
        begins = False
        for start in range(0, len(letters), DEVICES_AT_ONCE):
            part = letters[start : start + DEVICES_AT_ONCE]
            for device, message in self._seal_part(part, bundles):
                nodes.append(_to(device, message, enc_attrs))
                reached.append(device)
                begins = begins or message.type == "pkmsg"
            await asyncio.sleep(0)
        return Sealed(nodes, begins, reached)

    async def _missing_bundles(self, wanted: list[Jid]) -> dict[Jid, PreKeyBundle]:
        with self._file.unit() as unit:
            cipher = Cipher(unit, self._credentials, self._rng)
            missing = [device for device in wanted if not cipher.has_session(device)]
        return await self._directory.bundles(missing) if missing else {}

    def _seal_part(
        self, letters: list[Letter], bundles: dict[Jid, PreKeyBundle]
    ) -> list[tuple[Jid, EncryptedMessage]]:
        with self._file.unit() as unit:
            cipher = Cipher(unit, self._credentials, self._rng)
            return list(_sealed(cipher, letters, bundles))


def _sealed(
    cipher: Cipher, letters: list[Letter], bundles: dict[Jid, PreKeyBundle]
) -> Iterable[tuple[Jid, EncryptedMessage]]:
    for letter in letters:
        try:
            _begin_if_needed(cipher, letter.device, bundles)
            yield letter.device, cipher.encrypt(letter.device, letter.plaintext)
        except SignalError as error:
            log.warning("device_left_out", device=letter.device.device, error=error)


def _begin_if_needed(cipher: Cipher, device: Jid, bundles: dict[Jid, PreKeyBundle]) -> None:
    """Begin a session where none may be used: also where only a backup's is left."""
    if cipher.has_session(device):
        return
    bundle = bundles.get(device)
    if bundle is None:
        raise NoSession("encrypt a message: no session, and the server gave no keys")
    cipher.start(device, bundle)


def _to(device: Jid, message: EncryptedMessage, enc_attrs: dict[str, str]) -> Node:
    return Node("to", {"jid": str(device)}, [encrypted(message, enc_attrs)])


def encrypted(message: EncryptedMessage, enc_attrs: dict[str, str]) -> Node:
    """Return the `<enc>` of a ciphertext."""
    return Node("enc", {"v": "2", "type": str(message.type), **enc_attrs}, message.data)


def device_identity(credentials: Credentials) -> Node:
    """Return the proof that our phone linked us, which goes with the start of any session."""
    return Node("device-identity", {}, credentials.signed_device_identity or b"")
