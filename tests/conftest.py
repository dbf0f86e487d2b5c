"""What every suite shares: log lines are collected, and searched for known secrets."""

from collections.abc import Generator, Iterator

import pytest
import structlog

from shared import logs
from tests.log_guard import KnownSecrets, SecretLeaked, begin_test

_LINES = pytest.StashKey[list[str]]()
_SECRETS = pytest.StashKey[KnownSecrets]()
_OF_SESSION = KnownSecrets()


def pytest_configure() -> None:
    logs.configure(level="debug", fmt="json")


@pytest.fixture(scope="session")
def session_secrets() -> KnownSecrets:
    """Secrets that live longer than one test."""
    return _OF_SESSION


@pytest.fixture
def known_secrets(request: pytest.FixtureRequest) -> KnownSecrets:
    """Register what must not be logged: `known_secrets.add(value)`; see tests/log_guard.py."""
    secrets: KnownSecrets = request.node.stash[_SECRETS]
    return secrets


@pytest.fixture
def log_lines(request: pytest.FixtureRequest) -> list[str]:
    """Return the JSON log lines of this test so far, debug included."""
    lines: list[str] = request.node.stash[_LINES]
    return lines


@pytest.fixture(autouse=True)
def _collect_log_lines(request: pytest.FixtureRequest) -> Iterator[None]:
    lines: list[str] = []
    request.node.stash[_LINES] = lines
    request.node.stash[_SECRETS] = secrets = KnownSecrets(beside=_OF_SESSION)
    begin_test(secrets)
    before = structlog.get_config()
    take_off = logs.tap(lines.append)
    yield
    take_off()
    structlog.contextvars.clear_contextvars()
    if structlog.get_config()["processors"] is not before["processors"]:
        logs.configure(level="debug", fmt="json")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test, at its very end, whose log lines hold a secret that it registered."""
    report = yield
    if report.when == "teardown" and (secrets := item.stash.get(_SECRETS, None)):
        stderr = [text for title, text in report.sections if "stderr" in title]
        try:
            secrets.check("\n".join([*item.stash[_LINES], *stderr]))
        except SecretLeaked as leak:
            report.outcome = "failed"
            report.longrepr = str(leak)
    return report
