"""Which key leads to Firestore, and what is said about one that does not."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.oauth2 import service_account

from shared.errors import ConfigError
from shared.settings import Settings
from supervisor.store.firestore import access
from tests.log_guard import KnownSecrets

Setenv = Callable[..., Settings]


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def key(private_key: str) -> dict[str, Any]:
    return {
        "type": "service_account",
        "project_id": "shop",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": "wakeeper@shop.iam.gserviceaccount.com",
        "token_uri": "http://127.0.0.1:9/token",
    }


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Setenv:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))

    def load(**environment: str) -> Settings:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return Settings.load()

    return load


def email(found: access.Access) -> str:
    assert isinstance(found.credentials, service_account.Credentials)
    return str(found.credentials.service_account_email)


async def test_an_emulator_needs_no_key(settings: Setenv) -> None:
    found = await access.find(settings(FIRESTORE_EMULATOR_HOST="127.0.0.1:8081"))

    assert (found.target, found.project, found.credentials) == ("127.0.0.1:8081", "wakeeper", None)


@pytest.mark.parametrize("how", ["plain", "base64", "path"])
async def test_a_key_in_a_variable_is_read_in_all_its_forms(
    settings: Setenv, key: dict[str, Any], tmp_path: Path, how: str
) -> None:
    text = json.dumps(key)
    (tmp_path / "key.json").write_text(text)
    forms = {
        "plain": f"\n {text} ",
        "base64": base64.b64encode(text.encode()).decode(),
        "path": str(tmp_path / "key.json"),
    }

    found = await access.find(settings(FIREBASE_SERVICE_ACCOUNT_JSON=forms[how]))

    assert found.project == "shop"
    assert email(found) == key["client_email"]
    assert found.root == "projects/shop/databases/(default)"


async def test_the_keys_count_in_their_order(
    settings: Setenv, key: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("first", "last"):
        (tmp_path / name).write_text(json.dumps({**key, "project_id": name}))
    inline = json.dumps({**key, "project_id": "middle"})
    last = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "last")}

    found = [(await access.find(settings(**last))).project]
    found += [(await access.find(settings(FIREBASE_SERVICE_ACCOUNT_JSON=inline))).project]
    first = str(tmp_path / "first")
    found += [(await access.find(settings(FIREBASE_SERVICE_ACCOUNT_PATH=first))).project]
    found += [(await access.find(settings(GOOGLE_CLOUD_PROJECT="named"))).project]

    assert found == ["last", "middle", "first", "named"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("{not json s3cretpart", "is no key in JSON"),
        ('["a"]', "read the key"),
        ('{"type": "service_account", "private_key": "s3cretpart"}', "is no key that Google"),
        ('{"type": "sideways", "x": "s3cretpart"}', "is no key of a service"),
        ("/nonexistent/key.json", "No such file"),
        ("a\\x00b", "read the key"),
    ],
)
async def test_a_key_that_can_not_be_used_is_named_but_not_shown(
    settings: Setenv, known_secrets: KnownSecrets, given: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        await access.find(settings(FIREBASE_SERVICE_ACCOUNT_JSON=given))

    assert "FIREBASE_SERVICE_ACCOUNT_JSON" in str(refused.value)
    assert "s3cretpart" not in str(refused.value)
    assert "FIRESTORE_EMULATOR_HOST" in refused.value.hint


async def test_a_key_without_a_project_asks_for_one(settings: Setenv, key: dict[str, Any]) -> None:
    del key["project_id"]

    with pytest.raises(ConfigError, match="GOOGLE_CLOUD_PROJECT"):
        await access.find(settings(FIREBASE_SERVICE_ACCOUNT_JSON=json.dumps(key)))


async def test_credentials_are_not_in_the_repr(settings: Setenv, key: dict[str, Any]) -> None:
    found = await access.find(settings(FIREBASE_SERVICE_ACCOUNT_JSON=json.dumps(key)))

    assert "credentials" not in repr(found)
