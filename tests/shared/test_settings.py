"""Settings from the environment, and everything that is wrong with them at once."""

import dataclasses
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.settings import WHATSAPP_ROOT, Settings
from shared.worker_settings import WorkerSettings

Setenv = Callable[..., None]


@pytest.fixture(name="setenv")
def _setenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Setenv:
    """Start from an environment that says nothing, in an empty home."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))

    def set_all(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_all


def test_the_defaults_work_with_an_empty_environment(setenv: Setenv, tmp_path: Path) -> None:
    settings = Settings.load()

    state = tmp_path / ".local/share/wakeeper"
    assert (settings.host, settings.port, settings.store) == ("127.0.0.1", 8080, "sqlite")
    assert (settings.account_namespace, settings.max_accounts) == ("prod", 30)
    assert settings.admin_token is None
    assert settings.instance_id
    assert settings.sessions_path == state / "sessions"
    assert settings.sqlite_path == state / "wakeeper.db"
    assert settings.link_path == state / "run/link.sock"
    assert settings.whatsapp_ws_url == "wss://web.whatsapp.com/ws/chat"
    assert settings.whatsapp_cert_root == bytes.fromhex(WHATSAPP_ROOT)
    assert settings.whatsapp_version == (2, 3000, 1045649367)
    assert settings.whatsapp_connect_timeout_ms == 60_000


def test_every_setting_says_what_it_means() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description is not None, name
        assert field.description.endswith("."), name


def test_the_names_of_the_node_backend_are_read(setenv: Setenv) -> None:
    setenv(
        PORT="0", ADMIN_TOKEN="t0p-secret", SESSIONS_PATH="/srv/x/sessions", INSTANCE_ID="blue",
        ACCOUNT_NAMESPACE="dev", MAX_ACCOUNTS="18", WHATSAPP_CONNECT_TIMEOUT_MS="30000",
        GIT_COMMIT_SHA="abc", HOST="0.0.0.0", STORE="firestore", WHATSAPP_VERSION="2.3000.7",
        WHATSAPP_CERT_ROOT="AB" * 32, WHATSAPP_WS_URL="ws://127.0.0.1:1/ws/chat", LOG_LEVEL="DEBUG",
    )  # fmt: skip
    settings = Settings.load()

    assert (settings.port, settings.instance_id, settings.max_accounts) == (0, "blue", 18)
    assert settings.admin_token is not None
    assert settings.admin_token.get_secret_value() == "t0p-secret"
    assert settings.sqlite_path == Path("/srv/x/wakeeper.db")
    assert (settings.whatsapp_version, settings.log_level) == ((2, 3000, 7), "debug")
    assert settings.whatsapp_cert_root == b"\xab" * 32
    assert settings.store == "firestore"


def test_what_leads_to_firestore_is_read_by_its_usual_names(setenv: Setenv) -> None:
    setenv(
        FIREBASE_SERVICE_ACCOUNT_PATH="key.json", FIREBASE_SERVICE_ACCOUNT_JSON="{s3cret}",
        GOOGLE_APPLICATION_CREDENTIALS="/etc/key.json", GOOGLE_CLOUD_PROJECT="shop",
        FIRESTORE_EMULATOR_HOST="127.0.0.1:8081", NODE_STOPPED="true",
    )  # fmt: skip
    settings = Settings.load()

    assert settings.firebase_service_account_path == Path.cwd() / "key.json"
    assert settings.google_application_credentials == Path("/etc/key.json")
    assert (settings.google_cloud_project, settings.firestore_database) == ("shop", "(default)")
    assert settings.firestore_emulator_host == "127.0.0.1:8081"
    assert settings.node_stopped is True
    assert "s3cret" not in f"{settings!r} {settings.for_workers().to_json()}"


def test_nothing_leads_to_firestore_and_node_may_run_unless_it_is_said(setenv: Setenv) -> None:
    settings = Settings.load()

    assert settings.firebase_service_account_path is None
    assert settings.firebase_service_account_json is None
    assert settings.google_application_credentials is None
    assert settings.firestore_emulator_host is None
    assert settings.node_stopped is False


def test_an_emulator_without_a_port_is_refused(setenv: Setenv) -> None:
    setenv(FIRESTORE_EMULATOR_HOST="localhost")

    with pytest.raises(ConfigError, match="FIRESTORE_EMULATOR_HOST is 'localhost': a host and a"):
        Settings.load()


def test_systemd_s_directories_are_the_defaults_under_systemd(setenv: Setenv) -> None:
    setenv(STATE_DIRECTORY="/var/lib/wakeeper:/var/lib/other", RUNTIME_DIRECTORY="/run/wakeeper")
    settings = Settings.load()

    assert settings.sessions_path == Path("/var/lib/wakeeper/sessions")
    assert settings.link_path == Path("/run/wakeeper/link.sock")


def test_relative_paths_and_homes_are_made_absolute(setenv: Setenv, tmp_path: Path) -> None:
    setenv(SESSIONS_PATH="sessions", WAKEEPER_STATE="~/state")
    settings = Settings.load()

    assert settings.sessions_path == Path.cwd() / "sessions"
    assert settings.run_path == tmp_path / "state/run"


def test_a_deployment_names_the_instance_where_nothing_else_does(setenv: Setenv) -> None:
    setenv(DEPLOYMENT_ID="green")

    assert Settings.load().instance_id == "green"


def test_an_empty_variable_is_an_unset_one(setenv: Setenv) -> None:
    setenv(PORT="", ADMIN_TOKEN="", SESSIONS_PATH="")
    settings = Settings.load()

    assert settings.port == 8080
    assert settings.admin_token is None


def test_a_secret_is_not_in_the_repr(setenv: Setenv) -> None:
    setenv(ADMIN_TOKEN="t0p-secret")
    settings = Settings.load()

    assert "t0p-secret" not in f"{settings!r} {settings} {settings.for_workers().to_json()}"


def test_all_problems_are_named_at_once_with_what_is_allowed(setenv: Setenv) -> None:
    setenv(
        PORT="99999", ADMIN_TOKEN="has blank", MAX_ACCOUNTS="many", STORE="mongo",
        WHATSAPP_VERSION="2.3", WHATSAPP_CERT_ROOT="zz", ACCOUNT_NAMESPACE="A B",
        WHATSAPP_WS_URL="http://x", LOG_LEVEL="loud", HEARTBEAT_INTERVAL_S="nan",
        WAKEEPER_STATE="~nobody-there/x",
    )  # fmt: skip
    with pytest.raises(ConfigError) as refused:
        Settings.load()

    text = str(refused.value)
    for problem in (
        r"PORT is '99999': should be less than or equal to 65535",
        r"ADMIN_TOKEN \(not shown\): 1 to 512 printable",
        r"MAX_ACCOUNTS is 'many': should be a valid integer",
        r"STORE is 'mongo': should be 'sqlite' or 'firestore'",
        r"WHATSAPP_VERSION is '2\.3': three numbers",
        r"WHATSAPP_CERT_ROOT is 'zz': 64 hexadecimal digits",
        r"ACCOUNT_NAMESPACE is 'A B': use 1 to 32",
        r"WHATSAPP_WS_URL is 'http://x': ws:// or wss://",
        r"LOG_LEVEL is 'loud': should be 'debug', 'info'",
        r"HEARTBEAT_INTERVAL_S is 'nan'",
        r"WAKEEPER_STATE is '~nobody-there/x': an absolute path",
    ):
        assert re.search(problem, text), problem
    assert "has blank" not in text
    assert "Undefined" not in text


def test_a_file_counts_where_the_environment_says_nothing(setenv: Setenv, tmp_path: Path) -> None:
    file = tmp_path / "wakeeper.env"
    file.write_text("PORT=1234\nMAX_ACCOUNTS=7\nSOMETHING_ELSE=fine\n# a comment\n")
    setenv(PORT="4321")
    settings = Settings.load(file)

    assert (settings.port, settings.max_accounts) == (4321, 7)


def test_a_file_that_is_not_there_is_an_error(setenv: Setenv, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        Settings.load(tmp_path / "missing.env")


def test_a_file_that_is_not_text_is_an_error(setenv: Setenv, tmp_path: Path) -> None:
    file = tmp_path / "wakeeper.env"
    file.write_bytes(b"PORT=\xff\xfe\n")

    with pytest.raises(ConfigError, match="read the settings"):
        Settings.load(file)


def test_a_systemd_credential_is_read(setenv: Setenv, tmp_path: Path) -> None:
    (tmp_path / "ADMIN_TOKEN").write_text("from-a-credential\n")
    setenv(CREDENTIALS_DIRECTORY=str(tmp_path))
    settings = Settings.load()

    assert settings.admin_token is not None
    assert settings.admin_token.get_secret_value() == "from-a-credential"


def test_a_credentials_directory_that_is_gone_is_no_problem(setenv: Setenv) -> None:
    setenv(CREDENTIALS_DIRECTORY="/nonexistent")

    assert Settings.load().admin_token is None


def test_workers_get_their_part_and_it_survives_the_journey(setenv: Setenv) -> None:
    setenv(ADMIN_TOKEN="t0p-secret", WHATSAPP_CONNECT_TIMEOUT_MS="1500", SESSIONS_PATH="/srv/ü")
    told = Settings.load().for_workers()

    text = told.to_json()

    assert WorkerSettings.from_json(text) == told
    assert told.connect_timeout_s == 1.5
    assert "\n" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [("whatsapp_version", [1, 2]), ("whatsapp_version", 7), ("whatsapp_cert_root", "zz"),
     ("connect_timeout_s", "soon"), ("sessions_path", 7), ("log_level", 7)],
)  # fmt: skip
def test_a_worker_refuses_settings_of_another_shape(
    setenv: Setenv, name: str, value: object
) -> None:
    given = json.loads(Settings.load().for_workers().to_json())

    with pytest.raises(ConfigError, match=name):
        WorkerSettings.from_json(json.dumps({**given, name: value}))


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
def test_a_worker_refuses_what_are_no_settings(text: str) -> None:
    with pytest.raises(ConfigError, match="read a worker's settings"):
        WorkerSettings.from_json(text)


def test_a_worker_s_settings_hold_no_secret() -> None:
    names = {field.name for field in dataclasses.fields(WorkerSettings)}

    assert not any("token" in name or "secret" in name or "password" in name for name in names)
