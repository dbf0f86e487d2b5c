"""What every worker is told at its start: the same for all accounts, and never a secret.

It travels as JSON in an argument or a variable, which any user of the host may read. A plain
dataclass, so that workers never import pydantic (20 MB each); `settings.py` makes it.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self, get_type_hints

from shared.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """A worker's view of the settings; `settings.py` says what each one means.

    Raises:
        ConfigError: from `from_json`, for text that `to_json` has not made.
    """

    sessions_path: Path
    link_path: Path
    whatsapp_ws_url: str
    whatsapp_cert_root: bytes
    whatsapp_version: tuple[int, int, int]
    connect_timeout_s: float
    qr_window_s: float
    send_ack_timeout_s: float
    store_ack_wait_s: float
    heartbeat_interval_s: float
    log_level: str
    log_format: str

    def to_json(self) -> str:
        """Return the settings as one line of JSON."""
        return json.dumps(asdict(self), default=_plain, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the settings that `to_json` wrote."""
        try:
            given = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"read a worker's settings: {error}", hint=_HINT) from error
        if not isinstance(given, dict):
            raise ConfigError("read a worker's settings: not an object", hint=_HINT)
        names = {field.name for field in fields(cls)}
        if names != set(given):
            odd = ", ".join(sorted(names ^ set(given)))
            raise ConfigError(f"read a worker's settings: missing or unknown: {odd}", hint=_HINT)
        kinds = get_type_hints(cls)
        return cls(**{name: _read(name, kinds[name], value) for name, value in given.items()})


_HINT = "restart the daemon, so that it and its workers are of one release"


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _read(name: str, kind: Any, value: Any) -> Any:
    """Return a JSON value as what the field holds."""
    try:
        if kind is bytes:
            return bytes.fromhex(value)
        if kind is Path:
            return Path(value)
        if kind is float:
            return float(value)
        if kind is str and isinstance(value, str):
            return value
        major, minor, revision = map(int, value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"read a worker's settings: {name}: {error}", hint=_HINT) from error
    return major, minor, revision
