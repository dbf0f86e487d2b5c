"""Who may ask: everything needs the admin token, except what is listed as open."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from supervisor.api.deps import deps
from supervisor.api.errors import Refused

OPEN: Final = frozenset(
    {
        "/",
        "/health",
        "/healthz",
        "/livez",
        "/ready",
        "/readyz",
        "/leader",
        "/dashboard",
        "/dashboard/{name}",
    }
)
"""Route patterns that need no token: they show nothing of any account."""


@web.middleware
async def auth(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Let a request through to its route; an unknown route stays a 404 for everybody."""
    resource = request.match_info.route.resource
    if resource is not None and resource.canonical not in OPEN:
        check_token(request.headers.get("Authorization"), deps(request).config.admin_token)
    return await handler(request)


def check_token(header: str | None, token: str) -> None:
    """Return when an Authorization header carries the token.

    Raises:
        Refused: 401 when there is no bearer token, 403 when it is another.
    """
    scheme, _, given = (header or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        message = "Send the admin token: Authorization: Bearer <ADMIN_TOKEN>."
        raise Refused(401, "missing_auth_token", message)
    # Bytes, because compare_digest takes only ASCII as text.
    if not hmac.compare_digest(given.strip().encode(errors="replace"), token.encode()):
        raise Refused(403, "forbidden", "This is not the admin token.")
