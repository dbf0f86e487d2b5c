import pytest

from supervisor.api import pages
from tests.supervisor.api.conftest import Client

FILES = {
    "index.html": (b"<!doctype html>", "text/html"),
    "app.js": (b"let a = 1;", "text/javascript"),
}


@pytest.fixture(autouse=True)
def _files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "FILES", FILES)


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/dashboard/", "text/html"), ("/dashboard/app.js", "text/javascript")],
)
async def test_the_dashboard_is_served_without_a_token(
    client: Client, path: str, content_type: str
) -> None:
    async with client.get(path) as response:
        assert (response.status, response.content_type) == (200, content_type)
        policy = response.headers["Content-Security-Policy"]

    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/__init__.py",
        "/dashboard/../auth.py",
        "/dashboard/%2e%2e/auth.py",
        "/dashboard/..%2fauth.py",
        "/dashboard//etc/passwd",
        "/dashboard/nothing.js",
    ],
)
async def test_nothing_else_of_the_folder_is_served(client: Client, path: str) -> None:
    async with client.get(path) as response:
        assert response.status == 404


async def test_the_address_without_a_slash_leads_there(client: Client) -> None:
    async with client.get("/dashboard", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/dashboard/")
