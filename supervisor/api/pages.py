"""The dashboard's files, from `supervisor/api/dashboard/`: read once, served by name."""

from importlib import resources
from typing import Final

from aiohttp import web

from supervisor.api.headers import PAGE, POLICY_HEADER

INDEX: Final = "index.html"
CONTENT_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
"""What is served; anything else in the folder is none of the browser's business."""


def wants_page(request: web.Request) -> bool:
    """Tell whether a browser asks, rather than a program."""
    return "text/html" in request.headers.get("Accept", "")


async def to_index(_: web.Request) -> web.Response:
    """`GET /dashboard`: relative links in the page need the slash."""
    raise web.HTTPFound("/dashboard/")


async def page(request: web.Request) -> web.Response:
    """`GET /dashboard/…`: a file of the dashboard."""
    name = request.match_info["name"] or INDEX
    found = FILES.get(name)
    if found is None:
        raise web.HTTPNotFound
    body, content_type = found
    charset = "utf-8" if content_type.startswith("text/") else None
    return web.Response(
        body=body,
        content_type=content_type,
        charset=charset,
        headers={POLICY_HEADER: PAGE, "Cache-Control": "no-cache"},
    )


def _files() -> dict[str, tuple[bytes, str]]:
    """Return the folder's files by name; a path can't be asked for, only one of these names."""
    folder = resources.files("supervisor.api") / "dashboard"
    if not folder.is_dir():
        return {}
    typed = ((file, CONTENT_TYPES.get(_suffix(file.name))) for file in folder.iterdir())
    return {file.name: (file.read_bytes(), kind) for file, kind in typed if kind is not None}


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]


FILES: Final = _files()

ROUTES: Final = (web.get("/dashboard", to_index), web.get("/dashboard/{name:.*}", page))
