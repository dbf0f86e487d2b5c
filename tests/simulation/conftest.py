"""The lease's own log is switched off: hours of it are written in a moment."""

from collections.abc import Iterator

import pytest

from shared import logs


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logs.configure(level="critical")
    yield
    logs.configure(level="debug", fmt="json")
