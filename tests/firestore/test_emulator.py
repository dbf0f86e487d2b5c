"""Where there is no emulator, the tests say so; where it must be, they fail."""

import pytest

from tests.firestore import emulator


@pytest.fixture(autouse=True)
def _no_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_JAR", "/nonexistent/emulator.jar")


def test_tests_without_an_emulator_are_skipped_with_the_way_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match=r"is not at /nonexistent/.*gcloud components"):
        emulator.shared()


def test_where_everything_must_be_tested_its_absence_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="FIRESTORE_EMULATOR_JAR"):
        emulator.shared()


def test_without_java_there_is_no_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    assert emulator.what_is_missing() == "needs Java"
