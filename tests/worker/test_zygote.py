"""What a zygote must be before it forks, and what its workers must not share."""

import os
import subprocess
import sys
import threading
import types

import pytest

from shared.exit_codes import ExitCode
from worker import zygote


def test_threads_forbid_forking() -> None:
    """One more thread than others have left running here is told, by the number."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with pytest.raises(RuntimeError, match=f"with {threading.active_count()} threads"):
            zygote.check_fit_to_fork()
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("name", ["grpc", "pydantic"])
def test_heavy_modules_forbid_forking(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    with pytest.raises(RuntimeError, match=name):
        zygote.check_fit_to_fork()


def test_generators_of_frame_masks_get_states_of_their_own() -> None:
    (shared,) = zygote.shared_generators()  # where aiohttp moves it, this tells
    before = shared.getstate()

    assert zygote.reseed() == 1
    assert shared.getstate() != before


def test_zygote_of_somebody_else_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "worker.zygote", str(os.getpid() + 1), "0"],
        timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == ExitCode.BOOT_ERROR
