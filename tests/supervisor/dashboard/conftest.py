"""One Chromium for all tests of the page, a fresh context and a fresh supervisor for each."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from supervisor.outbox import Outbox
from tests.log_guard import KnownSecrets
from tests.supervisor.dashboard.browser import (
    Page,
    chromium_path,
    open_page,
    running_chromium,
)
from tests.supervisor.dashboard.stage import TOKEN, Stage, open_stage


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = chromium_path()
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    with running_chromium(program, tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
async def opened(
    tmp_path: Path, known_secrets: KnownSecrets
) -> AsyncIterator[tuple[Stage, Outbox]]:
    known_secrets.add(TOKEN)
    async with open_stage(tmp_path) as opened:
        yield opened


@pytest.fixture
def stage(opened: tuple[Stage, Outbox]) -> Stage:
    return opened[0]


@pytest.fixture
def outbox(opened: tuple[Stage, Outbox]) -> Outbox:
    return opened[1]


@pytest.fixture
async def page(chromium: str, stage: Stage) -> AsyncIterator[Page]:
    """Open a page, not signed in; what the browser complains of fails the test."""
    async with open_page(chromium) as page:
        yield page
        assert page.problems == []
