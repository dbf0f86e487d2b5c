"""No secret reaches a log: tests register what must stay secret, and every line is searched.

A test takes the fixture `known_secrets` and adds values as it makes them; helpers that make keys
and tokens use `keep_secret` (or `keep_secrets_of`), which adds them to the test that runs. After
the test its own log lines and everything its child processes wrote to the captured stderr are
searched; output that a test captured itself goes through `known_secrets.check(text)`.
"""

import base64
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.session import Credentials

MIN_SECRET_CHARS = 4  # shorter values are found everywhere by chance
SHOWN_CHARS = 160


class SecretLeaked(AssertionError):
    """A registered secret stands in a log."""


class KnownSecrets:
    """Values that no log line may contain, in any of the forms they would be printed in."""

    def __init__(self, *, beside: "KnownSecrets | None" = None) -> None:
        self._forms: dict[str, str] = {}
        self._beside = beside

    def add(self, value: str | bytes, name: str = "a secret") -> None:
        """Register a secret; bytes are searched for as hex, base64 and Python writes them."""
        forms = _forms(value) if isinstance(value, bytes) else [value]
        for form in forms:
            if len(form) < MIN_SECRET_CHARS:
                raise ValueError(f"{name} is too short to be searched for")
            self._forms[form] = name

    def add_phone(self, phone: str) -> None:
        """Register a phone number, however it is written before its last nine digits."""
        self.add("".join(char for char in phone if char.isdigit())[-9:], "a phone number")

    def check(self, text: str) -> None:
        """Raise SecretLeaked when a registered secret stands in the text."""
        for form, name in self._all():
            if form in text:
                raise SecretLeaked(f"{name} stands in a log line: {_around(form, text)}")

    def __bool__(self) -> bool:
        return bool(self._forms) or bool(self._beside)

    def _all(self) -> Iterable[tuple[str, str]]:
        yield from tuple(self._forms.items())
        if self._beside is not None:
            yield from self._beside._all()


_of_this_test = KnownSecrets()


def begin_test(secrets: KnownSecrets) -> None:
    """Have `keep_secret` add to these from now on."""
    global _of_this_test  # noqa: PLW0603 -- helpers run far from any fixture
    _of_this_test = secrets


def keep_secret(value: str | bytes, name: str) -> None:
    """Register a secret with the test that runs; as `KnownSecrets.add`."""
    _of_this_test.add(value, name)


def keep_secrets_of(credentials: "Credentials") -> None:
    """Register what may never leave a session file."""
    keep_secret(credentials.noise_key.private, "the private noise key")
    keep_secret(credentials.identity_key.private, "the private identity key")
    keep_secret(credentials.signed_pre_key.pair.private, "the private signed pre-key")
    keep_secret(credentials.adv_secret, "the secret of the pairing")


def _forms(value: bytes) -> list[str]:
    standard = base64.b64encode(value).decode().rstrip("=")
    urlsafe = base64.urlsafe_b64encode(value).decode().rstrip("=")
    return list(dict.fromkeys((value.hex(), value.hex().upper(), standard, urlsafe, repr(value))))


def _around(form: str, text: str) -> str:
    line = next(line for line in text.splitlines() if re.search(re.escape(form), line))
    at = max(0, line.index(form) - SHOWN_CHARS // 2)
    return line[at : at + len(form) + SHOWN_CHARS]
