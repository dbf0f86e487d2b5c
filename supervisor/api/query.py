"""Query parameters, bounded and checked."""

from collections.abc import Collection
from typing import Final

from aiohttp import web

from supervisor.api.errors import BadRequest

MAX_LIMIT: Final = 1000


def limit_of(request: web.Request, default: int = 50) -> int:
    """Return how many entries are asked for; more than MAX_LIMIT gives MAX_LIMIT.

    Raises:
        BadRequest: it is no whole number from 1 on.
    """
    given = request.query.get("limit", str(default)).strip()
    if not (given.isascii() and given.isdigit()) or not given.strip("0"):
        message = f'"limit" must be a whole number from 1 to {MAX_LIMIT}.'
        raise BadRequest(message, field="limit")
    # Longer than that is over the bound anyway, and int() of a million digits takes a while.
    return MAX_LIMIT if len(given) > 9 else min(int(given), MAX_LIMIT)


def check_order(request: web.Request, allowed: Collection[str]) -> None:
    """Return when `orderBy` is absent or one of those that can be served.

    Raises:
        BadRequest: it is another.
    """
    given = request.query.get("orderBy")
    if given is not None and given not in allowed:
        message = f'"orderBy" must be one of {", ".join(sorted(allowed))}.'
        raise BadRequest(message, field="orderBy")
