"""How to reach Firestore, from the settings: which project, and by whose credentials."""

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import google.auth
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.oauth2 import service_account

from shared.errors import ConfigError
from shared.settings import Settings

SCOPES: Final = ("https://www.googleapis.com/auth/datastore",)
HOST: Final = "firestore.googleapis.com:443"
EMULATOR_PROJECT: Final = "wakeeper"
FIND_TIMEOUT_S: Final = 20.0  # the machine's own credentials are asked for over the network
_HINT: Final = (
    "set FIREBASE_SERVICE_ACCOUNT_PATH to the key file of a service account, "
    "or FIRESTORE_EMULATOR_HOST to an emulator's host:port"
)


@dataclass(frozen=True, slots=True)
class Access:
    """Where Firestore is; without credentials it is an emulator, reached in the clear."""

    project: str
    database: str = "(default)"
    target: str = HOST
    credentials: Credentials | None = field(default=None, repr=False)

    @property
    def root(self) -> str:
        """Return the database's resource name."""
        return f"projects/{self.project}/databases/{self.database}"


async def find(settings: Settings) -> Access:
    """Return the way to Firestore that the settings describe.

    Raises:
        ConfigError: a key can't be read, or nothing says which project.
    """
    database = settings.firestore_database
    emulator = settings.firestore_emulator_host
    if emulator is not None:
        return Access(settings.google_cloud_project or EMULATOR_PROJECT, database, emulator)
    try:
        async with asyncio.timeout(FIND_TIMEOUT_S):
            credentials, named = await asyncio.to_thread(_credentials, settings)
    except TimeoutError as error:
        raise ConfigError(
            f"find credentials for Firestore: none in {FIND_TIMEOUT_S:g} s"
        ) from error
    project = settings.google_cloud_project or named
    if not project:
        raise ConfigError(
            "find Firestore's project: the credentials don't name it",
            hint="set GOOGLE_CLOUD_PROJECT",
        )
    return Access(project, database, credentials=credentials)


def _credentials(settings: Settings) -> tuple[Credentials, str | None]:
    key = _key(settings)
    if key is None:
        return _of_the_machine()
    name, info = key
    if info.get("type") != "service_account":
        if name == "GOOGLE_APPLICATION_CREDENTIALS":
            return _of_the_machine()  # the library reads other kinds from this variable itself
        raise ConfigError(f"{name} is no key of a service account", hint=_HINT)
    account: Any = service_account.Credentials
    try:
        return account.from_service_account_info(info, scopes=SCOPES), info.get("project_id")
    except (GoogleAuthError, ValueError, TypeError) as error:
        raise ConfigError(
            f"{name} is no key that Google's library can use ({type(error).__name__})", hint=_HINT
        ) from None


def _of_the_machine() -> tuple[Credentials, str | None]:
    try:
        found, project = google.auth.default(scopes=SCOPES)
    except (GoogleAuthError, ValueError) as error:
        raise ConfigError(f"find credentials for Firestore: {error}", hint=_HINT) from error
    return found, project


def _key(settings: Settings) -> tuple[str, Mapping[str, Any]] | None:
    """Return the first key that is set, and by which setting; the order is the Node backend's."""
    if settings.firebase_service_account_path is not None:
        name = "FIREBASE_SERVICE_ACCOUNT_PATH"
        return name, _parsed(name, _file(name, settings.firebase_service_account_path))
    if settings.firebase_service_account_json is not None:
        name = "FIREBASE_SERVICE_ACCOUNT_JSON"
        given = settings.firebase_service_account_json.get_secret_value().strip()
        return name, _parsed(name, _inline(name, given))
    if settings.google_application_credentials is not None:
        name = "GOOGLE_APPLICATION_CREDENTIALS"
        return name, _parsed(name, _file(name, settings.google_application_credentials))
    return None


def _inline(name: str, given: str) -> bytes:
    """Read a key that is given as JSON, as base64 of it, or by its path."""
    if given.startswith("{"):
        return given.encode()
    try:
        decoded = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    return decoded if decoded.lstrip().startswith(b"{") else _file(name, Path(given).expanduser())


def _file(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise ConfigError(f"read the key that {name} names: {reason}", hint=_HINT) from None


def _parsed(name: str, raw: bytes) -> Mapping[str, Any]:
    try:
        info = json.loads(raw)
    except ValueError:
        info = None
    if not isinstance(info, dict):
        raise ConfigError(f"{name} is no key in JSON", hint=_HINT)
    return info
