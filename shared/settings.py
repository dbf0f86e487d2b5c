"""Every knob of the daemon, once: its environment variable, unit, default, and meaning.

A field's name in capitals is the name of its environment variable. Under systemd a secret can
also come as a credential (`LoadCredential=ADMIN_TOKEN:/etc/…`), and the variables from an
`EnvironmentFile=`; `Settings.load(env_file)` reads such a file too, and ignores what it does not
know in it. The environment goes before the file, the file before a credential.
Workers get `WorkerSettings` and never import this module.
"""

import os
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from shared.accounts import check_namespace
from shared.errors import ConfigError, WakeeperError
from shared.worker_settings import WorkerSettings

LINK_SOCKET: Final = "link.sock"
# The long-term key of WhatsApp's certificate authority (Baileys Defaults/index.js).
WHATSAPP_ROOT: Final = "142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b"
ROOT_KEY_BYTES: Final = 32
# Never shown, not even when they are wrong.
SECRET_NAMES: Final = frozenset({"admin_token", "firebase_service_account_json"})


def _default_state() -> Path:
    """Return systemd's StateDirectory=, else a place of the user's own."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(given) if given else Path("~/.local/share/wakeeper")


def _default_run(known: Mapping[str, Any]) -> Path:
    """Return systemd's RuntimeDirectory=, else a place inside the state directory."""
    given = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(given) if given else _state(known) / "run"


def _default_sessions(known: Mapping[str, Any]) -> Path:
    return _state(known) / "sessions"


def _default_database(known: Mapping[str, Any]) -> Path:
    sessions = known.get("sessions_path")
    return (sessions or _default_sessions(known)).parent / "wakeeper.db"


def _state(known: Mapping[str, Any]) -> Path:
    """Return the state directory, or a stand-in when that one was refused already."""
    given = known.get("wakeeper_state")
    return given if isinstance(given, Path) else Path("/")


def _default_instance() -> str:
    return os.environ.get("DEPLOYMENT_ID") or socket.gethostname()


def _absolute(path: Path) -> Path:
    """Return a path that stays the same whatever the working directory becomes."""
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:  # `~` without a home
        raise ValueError(f"an absolute path, because {error}") from None


def _absolute_if_given(path: Path | None) -> Path | None:
    return None if path is None else _absolute(path)


def _version(given: Any) -> Any:
    """Read `2.3000.1045649367`."""
    if not isinstance(given, str):
        return given
    if not re.fullmatch(r"\d{1,9}\.\d{1,9}\.\d{1,12}", given.strip(), re.ASCII):
        raise ValueError("three numbers with dots between them, for example 2.3000.1045649367")
    return tuple(int(part) for part in given.split("."))


def _key(given: Any) -> Any:
    """Read a 32-byte key in hexadecimal."""
    if not isinstance(given, str):
        return given
    if not re.fullmatch(f"[0-9a-fA-F]{{{2 * ROOT_KEY_BYTES}}}", given.strip()):
        raise ValueError(f"{2 * ROOT_KEY_BYTES} hexadecimal digits")
    return bytes.fromhex(given)


def _lower(given: Any) -> Any:
    return given.strip().lower() if isinstance(given, str) else given


class Settings(BaseSettings):
    """The supervisor's view: everything. `for_workers` gives the part that workers need."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        validate_default=True,
        case_sensitive=False,
        hide_input_in_errors=True,
    )

    # --------------------------------------------------------------------------------- the HTTP API
    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address the HTTP API listens on."
    )
    port: int = Field(
        default=8080, ge=0, le=65535, description="TCP port of the HTTP API; 0 takes a free one."
    )
    admin_token: SecretStr | None = Field(
        default=None,
        description="Bearer token that the API asks for. Without one, a random token is made "
        "and kept in a file that only this user can read.",
    )

    # -------------------------------------------------------------------------------- this instance
    instance_id: str = Field(
        default_factory=_default_instance,
        min_length=1,
        max_length=200,
        description="Name of this instance, for people. Default: DEPLOYMENT_ID, else the host.",
    )
    git_commit_sha: str | None = Field(
        default=None, max_length=64, description="Commit this was built from, shown in /health."
    )
    account_namespace: str = Field(
        default="prod", description="Part of every account id; changing it makes new accounts."
    )
    max_accounts: int = Field(
        default=30, ge=1, le=1000, description="Most accounts; a further is refused."
    )

    # ----------------------------------------------------------------------------- where it is kept
    wakeeper_state: Path = Field(
        default_factory=_default_state,
        description="Directory of everything kept. Default: systemd's state directory, "
        "else ~/.local/share/wakeeper.",
    )
    sessions_path: Path = Field(
        default_factory=_default_sessions,
        description="Directory of the accounts' sessions. Default: sessions in WAKEEPER_STATE.",
    )
    store: Literal["sqlite", "firestore"] = Field(
        default="sqlite",
        description="sqlite: everything in one file of this host. firestore: the lease, fences "
        "and accounts in Firestore; conversations and the outbox stay in a file of this host for "
        "now.",
    )
    sqlite_path: Path = Field(
        default_factory=_default_database,
        description="The SQLite store. Default: wakeeper.db beside the sessions directory.",
    )
    run_path: Path = Field(
        default_factory=_default_run,
        description="Directory of the workers' socket, short enough for a socket's path. "
        "Default: systemd's runtime directory, else run in WAKEEPER_STATE.",
    )

    # ------------------------------------------------------------------------------------ Firestore
    firebase_service_account_path: Path | None = Field(
        default=None,
        description="Key file of Firestore's service account; goes before the other two.",
    )
    firebase_service_account_json: SecretStr | None = Field(
        default=None,
        description="That key itself, as JSON or base64 of it, or the path of its file.",
    )
    google_application_credentials: Path | None = Field(
        default=None,
        description="Key file for all of Google's services; without any of the three, "
        "what the machine itself is allowed.",
    )
    google_cloud_project: str | None = Field(
        default=None, max_length=200, description="Project of Firestore. Default: the key's."
    )
    firestore_database: str = Field(
        default="(default)", min_length=1, max_length=200, description="Database in that project."
    )
    firestore_emulator_host: str | None = Field(
        default=None, description="host:port of an emulator that stands in for Firestore."
    )
    node_stopped: bool = Field(
        default=False,
        description="true: no instance of the Node backend runs any more, so that a lock it let "
        "expire may be taken.",
    )

    # ------------------------------------------------------------------------------------ the lease
    # They must keep the rules of `supervisor/lease/timing.py`; the start is refused otherwise.
    lease_ttl_s: float = Field(
        default=45,
        gt=0,
        le=86_400,
        description="Seconds without a renewal after which another instance takes over.",
    )
    lease_hard_s: float = Field(
        default=36,
        gt=0,
        le=86_400,
        description="Seconds after its last renewal by which all workers of a holder are dead.",
    )
    lease_soft_s: float = Field(
        default=24,
        gt=0,
        le=86_400,
        description="Seconds after its last renewal from which a holder takes no new work.",
    )
    lease_renew_s: float = Field(
        default=8, gt=0, le=86_400, description="Seconds between two renewals of the lease."
    )
    lease_rpc_s: float = Field(
        default=4, gt=0, le=600, description="Seconds that one request about the lease may take."
    )
    lease_poll_s: float = Field(
        default=5, gt=0, le=600, description="Seconds between two looks of an instance that waits."
    )
    lease_grace_s: float = Field(
        default=8, gt=0, le=600, description="Seconds that workers may take to end by themselves."
    )
    lease_kill_s: float = Field(
        default=2, gt=0, le=600, description="Seconds for killed workers to be reaped."
    )
    lease_margin_s: float = Field(
        default=5,
        gt=0,
        le=600,
        description="Seconds between checking the lease and the effect of what was checked.",
    )
    lease_yields: bool = Field(
        default=True,
        description="true: hand the lease over to an instance that asks for it; looking for such "
        "wishes costs a read of the store every three renewals.",
    )

    # ------------------------------------------------------------------------------------- WhatsApp
    whatsapp_ws_url: str = Field(
        default="wss://web.whatsapp.com/ws/chat",
        description="WebSocket of the WhatsApp service.",
    )
    whatsapp_cert_root: Annotated[bytes, BeforeValidator(_key)] = Field(
        default=bytes.fromhex(WHATSAPP_ROOT),
        min_length=ROOT_KEY_BYTES,
        max_length=ROOT_KEY_BYTES,
        description="Key that signs the service's certificates: 64 hexadecimal digits.",
    )
    whatsapp_version: Annotated[tuple[int, int, int], NoDecode, BeforeValidator(_version)] = Field(
        default=(2, 3000, 1045649367),
        description="Version of WhatsApp Web that we say we are. Code 405 asks for a newer one.",
    )
    whatsapp_connect_timeout_ms: int = Field(
        default=60_000,
        ge=1_000,
        le=600_000,
        description="Milliseconds from dialling until logged in.",
    )
    whatsapp_qr_window_s: float = Field(
        default=600,
        ge=20,
        le=3_600,
        description="Seconds in which a QR can be scanned; then needs_qr.",
    )

    # -------------------------------------------------------------------------------------- workers
    outbox_life_s: float = Field(
        default=86_400,
        gt=0,
        le=31_536_000,
        description="Seconds after which a message that could not be sent is given up.",
    )
    send_ack_timeout_s: float = Field(
        default=20,
        ge=1,
        le=120,
        description="Seconds that a sent message may wait for the server's ack.",
    )
    store_ack_wait_s: float = Field(
        default=2, ge=0, le=10, description="Seconds that the ack to WhatsApp waits for the store."
    )
    heartbeat_interval_s: float = Field(
        default=5,
        ge=0.1,
        le=60,
        description="Seconds between a worker's heartbeats; three missed end it.",
    )

    start_pace_s: float = Field(
        default=0.5,
        ge=0,
        le=60,
        description="Seconds between two accounts' starts, on average; 0 starts all at once.",
    )
    probation_reset_s: float = Field(
        default=86_400,
        ge=0,
        le=31_536_000,
        description="Seconds for which a login that WhatsApp refused without a reason (401) "
        "counts: a second one within them needs a new QR.",
    )

    # ----------------------------------------------------------------------------------------- logs
    log_level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_lower)
    ] = Field(default="info", description="Least level that is logged.")
    log_format: Annotated[Literal["auto", "console", "json"], BeforeValidator(_lower)] = Field(
        default="auto", description="auto: readable on a terminal, JSON elsewhere."
    )

    _resolve = field_validator("wakeeper_state", "sessions_path", "sqlite_path", "run_path")(
        _absolute
    )
    _resolve_keys = field_validator(
        "firebase_service_account_path", "google_application_credentials"
    )(_absolute_if_given)

    @field_validator("account_namespace")
    @classmethod
    def _check_namespace(cls, given: str) -> str:
        try:
            return check_namespace(given)
        except WakeeperError as error:
            raise ValueError(error.hint) from None

    @field_validator("whatsapp_ws_url")
    @classmethod
    def _check_url(cls, given: str) -> str:
        if not re.fullmatch(r"wss?://[^\s/?#@]+(/\S*)?", given):
            raise ValueError(
                "ws:// or wss://, a host, and a path, for example ws://127.0.0.1:9000/"
            )
        return given

    @field_validator("firestore_emulator_host")
    @classmethod
    def _check_emulator(cls, given: str | None) -> str | None:
        if given is not None and not re.fullmatch(r"[^\s/@]+:\d{1,5}", given):
            raise ValueError("a host and a port, for example 127.0.0.1:8081")
        return given

    @field_validator("admin_token")
    @classmethod
    def _check_token(cls, given: SecretStr | None) -> SecretStr | None:
        # It travels in a header: anything else would never match.
        if given is not None and not re.fullmatch(r"[\x21-\x7e]{1,512}", given.get_secret_value()):
            raise ValueError("1 to 512 printable ASCII characters without spaces")
        return given

    @property
    def link_path(self) -> Path:
        """The Unix socket that workers connect to."""
        return self.run_path / LINK_SOCKET

    @classmethod
    def load(cls, env_file: Path | None = None) -> Self:
        """Return the settings of this process's environment.

        Args:
            env_file: `NAME=value` lines that count where the environment says nothing.

        Raises:
            ConfigError: with everything that is wrong, each with its variable and what is allowed.
        """
        if env_file is not None and not env_file.is_file():
            raise ConfigError(f"read settings from {env_file}: there is no such file")
        sources: dict[str, Any] = {"_env_file": env_file}
        credentials = Path(os.environ.get("CREDENTIALS_DIRECTORY") or os.devnull)
        if credentials.is_dir():
            sources["_secrets_dir"] = credentials
        try:
            return cls(**sources)
        except ValidationError as error:
            raise ConfigError(
                _all_problems(error), hint="correct these, then start again"
            ) from None
        except (SettingsError, UnicodeDecodeError) as error:
            raise ConfigError(f"read the settings: {error}") from error

    def for_workers(self) -> WorkerSettings:
        """Return what workers are told; nothing of it is secret."""
        return WorkerSettings(
            sessions_path=self.sessions_path,
            link_path=self.link_path,
            whatsapp_ws_url=self.whatsapp_ws_url,
            whatsapp_cert_root=self.whatsapp_cert_root,
            whatsapp_version=self.whatsapp_version,
            connect_timeout_s=self.whatsapp_connect_timeout_ms / 1000,
            qr_window_s=self.whatsapp_qr_window_s,
            send_ack_timeout_s=self.send_ack_timeout_s,
            store_ack_wait_s=self.store_ack_wait_s,
            heartbeat_interval_s=self.heartbeat_interval_s,
            log_level=self.log_level,
            log_format=self.log_format,
        )


def _all_problems(error: ValidationError) -> str:
    return "settings that can't be used: " + "; ".join(_problems(error))


def _problems(error: ValidationError) -> Iterator[str]:
    for details in error.errors(include_url=False):
        if details["type"] == "default_factory_not_called":
            continue  # a default that is made from another setting, which is named by itself
        name = str(details["loc"][0]) if details["loc"] else "settings"
        yield f"{name.upper()}{_given(name.lower(), details)}: {_allowed(details)}"


def _given(name: str, details: ErrorDetails) -> str:
    if name in SECRET_NAMES:
        return " (not shown)"
    shown = str(details["input"])
    return f" is {shown[:80]!a}{'…' if len(shown) > 80 else ''}"


def _allowed(details: ErrorDetails) -> str:
    text = details["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return text[:1].lower() + text[1:]
