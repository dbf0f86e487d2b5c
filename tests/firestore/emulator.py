"""The official Firestore emulator as a child process; one is shared by all tests of a session."""

import atexit
import contextlib
import functools
import http.client
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import pytest

DEFAULT_JAR = Path(
    "/usr/lib/google-cloud-sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
)
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
MISSING = (
    "the Firestore emulator {what}: install it (gcloud components install "
    "cloud-firestore-emulator, and a Java runtime), or set FIRESTORE_EMULATOR_JAR to its jar"
)


class Emulator:
    """One running emulator; its data is gone when it stops."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Any) -> None:
        self.process = process
        self.port = port
        self._log = log

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @classmethod
    def start(cls, port: int | None = None) -> Self:
        """Start one and wait until it answers; without a port, on a free one."""
        port = port or free_port()
        log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop
        process = subprocess.Popen(
            command(port), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        started = cls(process, port, log)
        try:
            started._wait()
        except BaseException:
            started.kill()
            raise
        return started

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)
        self._log.close()

    def _wait(self) -> None:
        until = time.monotonic() + START_TIMEOUT_S
        while not answers(self.port):
            if self.process.poll() is not None or time.monotonic() > until:
                self._log.seek(0)
                raise RuntimeError(f"the emulator did not start: {self._log.read()[-2000:]!r}")
            time.sleep(0.05)


def shared() -> Emulator:
    """Return the session's emulator; skip the test where there is none, fail it under CI.

    Call it from the main thread: the emulator dies with the thread that started it.
    """
    found = what_is_missing()
    if found and os.environ.get("CI") == "true":
        pytest.fail(MISSING.format(what=found))
    if found:
        pytest.skip(MISSING.format(what=found))
    return _shared()


@functools.cache
def _shared() -> Emulator:
    started = Emulator.start()
    atexit.register(started.kill)
    return started


def what_is_missing() -> str:
    if shutil.which("java") is None:
        return "needs Java"
    return "" if jar().is_file() else f"is not at {jar()}"


def jar() -> Path:
    return Path(os.environ.get("FIRESTORE_EMULATOR_JAR") or DEFAULT_JAR)


def command(port: int) -> list[str]:
    java = [
        "java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.language=en",
        "-cp", str(jar()), "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
        "--host=127.0.0.1", f"--port={port}",
    ]  # fmt: skip
    # A test run that is killed takes its emulator with it.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *java] if setpriv else java


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    return False
