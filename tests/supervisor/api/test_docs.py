"""docs/http.md lists the routes that there are."""

import re
from pathlib import Path

from supervisor.api.app import create_app
from supervisor.api.auth import OPEN
from supervisor.api.deps import Deps

PAGE = Path(__file__).resolve().parents[3] / "docs" / "http.md"
LINE = re.compile(r"^\| `([A-Z]+) (\S+)` \| (\*open\*)?", re.MULTILINE)


def test_every_route_is_listed_and_says_whether_it_is_open(deps: Deps) -> None:
    routes = {
        (
            route.method,
            route.resource.canonical,
            "*open*" if is_open(route.resource.canonical) else "",
        )
        for route in create_app(deps).router.routes()
        if route.resource is not None and route.method not in ("HEAD", "OPTIONS")
    }

    assert set(LINE.findall(PAGE.read_text())) == routes


def is_open(path: str) -> bool:
    """Tell whether a route asks for no token."""
    return path in OPEN
