"""The id that ties a request, its answer and its log lines together."""

import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Final

from aiohttp import web

from shared.logs import bound
from supervisor.api.deps import deps

HEADER: Final = "X-Request-ID"

_USABLE: Final = re.compile(r"[\x21-\x7e]{1,128}")
_CURRENT: Final[ContextVar[str]] = ContextVar("request_id")


def request_id() -> str:
    """Return the id of the request that is being answered."""
    return _CURRENT.get()


@web.middleware
async def request_ids(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Take the caller's id, or make one; echo it, and have it in every log line of the request."""
    given = request.headers.get(HEADER, "")
    current = given if _USABLE.fullmatch(given) else f"req_{deps(request).now_ms()}"
    before = _CURRENT.set(current)
    try:
        with bound(request_id=current):
            response = await handler(request)
    finally:
        _CURRENT.reset(before)
    if not response.prepared:
        response.headers[HEADER] = current
    return response
