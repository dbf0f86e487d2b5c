"""The id that ties a request, its answer and its log lines together."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from shared.logs import bound
from supervisor.api.deps import deps

HEADER: Final = "X-Request-ID"

_USABLE: Final = re.compile(r"[\x21-\x7e]{1,128}")
_KEY: Final = "request_id"


def request_id(request: web.Request) -> str:
    """Return the caller's id where it gave a usable one, else `req_` and the time."""
    known: str | None = request.get(_KEY)
    if known is None:
        given = request.headers.get(HEADER, "")
        known = given if _USABLE.fullmatch(given) else f"req_{deps(request).now_ms()}"
        request[_KEY] = known
    return known


@web.middleware
async def request_ids(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Echo the id in a header, and have it in every log line of the request."""
    with bound(request_id=request_id(request)):
        response = await handler(request)
    if not response.prepared:
        response.headers[HEADER] = request_id(request)
    return response
