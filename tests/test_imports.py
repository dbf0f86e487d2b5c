"""Which package may import which, and that ours are the ones imported."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FORBIDDEN = {
    "supervisor": {"worker", "tests"},
    "worker": {"supervisor", "tests"},
    "shared": {"supervisor", "worker", "tests"},
}
# Inside the worker, each room may import only those after it.
WORKER_ROOMS = ("whatsapp", "signal", "session", "wire", "proto")


def python(*arguments: str) -> str:
    """Run an isolated interpreter, away from the checkout, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd="/", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def imported(path: Path) -> set[str]:
    """Return the dotted names of all modules that a file imports, wherever it does so."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{_origin(path, node)}.{alias.name}" for alias in node.names}
    return names


def _origin(path: Path, node: ast.ImportFrom) -> str:
    """Return the absolute name of what is imported from."""
    if node.level == 0:
        return node.module or ""
    package = path.relative_to(ROOT).parent.parts
    base = package[: len(package) - node.level + 1]
    return ".".join((*base, *([node.module] if node.module else [])))


def sources(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found, package
    return found


def offenders(package: str, forbidden: set[str], part: int) -> list[str]:
    """Return `file: module` for each import whose dotted part is forbidden."""
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources(package)
        for name in sorted(imported(path))
        if part < name.count(".") + 1 and ".".join(name.split(".")[: part + 1]) in forbidden
    ]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_packages_keep_apart(package: str) -> None:
    assert offenders(package, FORBIDDEN[package], 0) == []


@pytest.mark.parametrize("place", range(1, len(WORKER_ROOMS)))
def test_rooms_of_the_worker_import_downward(place: int) -> None:
    above = {f"worker.{room}" for room in WORKER_ROOMS[:place]}

    assert offenders(f"worker/{WORKER_ROOMS[place]}", above, 1) == []


def test_supervisor_is_ours_and_not_supervisord() -> None:
    shown = python("-c", "import supervisor, worker, shared; print(supervisor.__file__)")

    assert Path(shown) == ROOT / "supervisor" / "__init__.py"


def test_programs_start_isolated() -> None:
    assert "accounts" in python("-m", "supervisor", "--help")


@pytest.mark.parametrize("heavy", ["grpc", "google.cloud", "pydantic", "rich", "typer", "segno"])
def test_worker_process_stays_light(heavy: str) -> None:
    loaded = python("-c", f"import sys, worker.process; print({heavy!r} in sys.modules)")

    assert loaded == "False"


def test_only_the_supervisor_knows_firestore() -> None:
    assert offenders("worker", {"google.cloud", "grpc"}, 1) == []
    assert offenders("shared", {"google.cloud", "grpc"}, 1) == []
