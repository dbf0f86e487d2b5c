"""The guard itself: it finds what leaked, in every form, and fails the test that did it."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from tests.log_guard import KnownSecrets, SecretLeaked, keep_secret
from tests.worker.whatsapp.rig import new_session

KEY = bytes(range(200, 232))


@pytest.mark.parametrize(
    "text",
    [
        KEY.hex(),
        KEY.hex().upper(),
        base64.b64encode(KEY).decode(),
        base64.urlsafe_b64encode(KEY).decode(),
        f"{KEY!r}",
        f"first line\n{'x' * 500}{KEY.hex()}{'x' * 500}\nlast line",
    ],
)
def test_bytes_are_found_in_every_form(text: str) -> None:
    secrets = KnownSecrets()
    secrets.add(KEY, "the key")

    with pytest.raises(SecretLeaked, match="the key stands in a log line"):
        secrets.check(text)


@pytest.mark.parametrize("text", ["+40712345678", "0712345678 called", "40712345678@lid"])
def test_a_phone_is_found_however_it_begins(text: str) -> None:
    secrets = KnownSecrets()
    secrets.add_phone("+40 712 345 678")

    with pytest.raises(SecretLeaked, match="a phone number"):
        secrets.check(text)
    secrets.check("+40•••••78")


def test_secrets_of_the_session_count_too() -> None:
    session = KnownSecrets()
    session.add("long-lived")

    with pytest.raises(SecretLeaked):
        KnownSecrets(beside=session).check("a long-lived one")


def test_what_helpers_keep_belongs_to_the_test_that_runs(
    known_secrets: KnownSecrets, tmp_path: Path
) -> None:
    with new_session(tmp_path / "session.db") as file, file.unit() as unit:
        credentials = unit.credentials.get()
    keep_secret("t0ken-of-a-helper", "the token")

    for leak in (credentials.noise_key.private.hex(), "t0ken-of-a-helper"):
        with pytest.raises(SecretLeaked):
            known_secrets.check(leak)
    known_secrets.check(credentials.noise_key.public.hex())


def test_what_is_too_short_to_be_searched_for_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        KnownSecrets().add("abc")


LEAKY = """
import logging, subprocess, sys
from shared.logs import get_logger

def test_line(known_secrets):
    known_secrets.add("hunter2-a")
    get_logger("x").debug("event", field="hunter2-a")

def test_child(known_secrets):
    known_secrets.add("hunter2-b")
    subprocess.run([sys.executable, "-c", "import sys; sys.stderr.write('hunter2-b')"], check=True)

def test_bridge(known_secrets):
    known_secrets.add("hunter2-c")
    logging.getLogger("library").warning("hunter2-c")

def test_another_test_s_secret_is_not_this_one_s(known_secrets):
    known_secrets.add("hunter2-d")
    get_logger("x").info("hunter2-a")

def test_clean(known_secrets, log_lines):
    known_secrets.add("hunter2-e")
    get_logger("x").info("event", token="hunter2-e")
    assert "event" in log_lines[0]
"""


def test_a_test_that_leaks_fails_and_only_that(tmp_path: Path) -> None:
    file = tmp_path / "test_leaky.py"
    file.write_text(LEAKY)
    root = Path(__file__).parents[2]

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider",
         "-c", "/dev/null", "--rootdir", str(tmp_path), str(file)],
        cwd=root, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    leaky = [name for name in ("line", "child", "bridge", "another", "clean")
             if f"ERROR at teardown of test_{name} " in ran.stdout]  # fmt: skip
    assert leaky == ["line", "child", "bridge"], ran.stdout + ran.stderr
    assert "5 passed, 3 errors" in ran.stdout
