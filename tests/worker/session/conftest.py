"""A clock that stands still until it is told, and a session file on the disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.session.still_clock import StillClock
from worker.session import Credentials, SessionFile, UnitOfWork


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "account" / "session.db"


@pytest.fixture
def file(path: Path, clock: StillClock) -> Iterator[SessionFile]:
    file = SessionFile.create(
        path, clock, lambda unit: unit.credentials.put(Credentials.generate(clock))
    )
    yield file
    file.close()


@pytest.fixture
def unit(file: SessionFile) -> Iterator[UnitOfWork]:
    with file.unit() as unit:
        yield unit
