"""The places on disk: the token's file, the lock, the address left for our own command line."""

import os
from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.settings import Settings
from supervisor.premises import (
    AlreadyRunning,
    admin_token,
    prepare,
    publish_address,
    published_address,
    sole_supervisor,
    withdraw_address,
)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("ADMIN_TOKEN", raising=False)
    return Settings(wakeeper_state=tmp_path)


def test_token_is_made_once_and_only_we_can_read_it(settings: Settings) -> None:
    first = admin_token(settings)
    second = admin_token(settings)

    assert first == second
    assert len(first.value) >= 43
    assert first.path is not None
    assert first.path.stat().st_mode & 0o777 == 0o600


def test_token_is_not_in_a_repr(settings: Settings) -> None:
    token = admin_token(settings)

    assert token.value not in repr(token)


def test_token_of_the_settings_goes_first_and_makes_no_file(tmp_path: Path) -> None:
    token = admin_token(Settings(wakeeper_state=tmp_path, admin_token="given"))  # type: ignore[arg-type]

    assert (token.value, token.path) == ("given", None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_token_that_others_can_read_is_refused(settings: Settings, mode: int) -> None:
    path = admin_token(settings).path
    assert path is not None
    path.chmod(mode)
    with pytest.raises(ConfigError, match="can be read by others"):
        admin_token(settings)


@pytest.mark.parametrize("text", ["", "\n", "two words", "\x00\x01"])
def test_file_without_a_token_is_refused(settings: Settings, text: str) -> None:
    path = admin_token(settings).path
    assert path is not None
    path.write_text(text)
    with pytest.raises(ConfigError, match="there is no token"):
        admin_token(settings)


def test_directories_are_made_for_us_alone(settings: Settings) -> None:
    prepare(settings)

    for path in (settings.sessions_path, settings.run_path):
        assert path.stat().st_mode & 0o777 == 0o700
        assert list(path.iterdir()) == []


def test_lock_is_free_again_and_tells_who_has_it(tmp_path: Path) -> None:
    with (
        sole_supervisor(tmp_path),
        pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"),
        sole_supervisor(tmp_path),
    ):
        pass
    with sole_supervisor(tmp_path):
        pass


def test_address_comes_and_goes(tmp_path: Path) -> None:
    assert published_address(tmp_path) is None
    publish_address(tmp_path, "http://127.0.0.1:1")
    assert published_address(tmp_path) == "http://127.0.0.1:1"
    withdraw_address(tmp_path)
    withdraw_address(tmp_path)
    assert published_address(tmp_path) is None
