"""Starts the Node clients that serve as oracles.

The scripts and their pinned packages live in `tests/interop/node`
(`npm ci --ignore-scripts` there installs them). On a machine without them a test is
skipped; where `CI=true` it fails, so that a gate can't pass by leaving them out.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

NODE_FOLDER = Path(__file__).parent / "node"
END_S = 5.0


def node_command(script: str, *arguments: str) -> list[str]:
    """Return the argument vector for `script` of the Node folder, or skip the test.

    Start it with `cwd=NODE_FOLDER`; `running_node` does that for synchronous tests.
    """
    node = shutil.which("node")
    if node is None:
        _do_without("node is not installed")
    if not (NODE_FOLDER / "node_modules").is_dir():
        _do_without(f"run `npm ci --ignore-scripts` in {NODE_FOLDER}")
    return [str(node), script, *arguments]


@contextlib.contextmanager
def running_node(
    script: str, *arguments: str, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `script` with pipes on stdin and stdout; stderr is shown with the test's output.

    The process is killed and reaped at the end of the block, whatever happened in it.
    """
    process = subprocess.Popen(
        node_command(script, *arguments),
        cwd=NODE_FOLDER,
        env=os.environ | (environment or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
            process.wait(END_S)


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"the Node oracle is required here: {reason}")
    pytest.skip(f"no Node oracle: {reason}")
