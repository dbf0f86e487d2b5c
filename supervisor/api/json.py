"""The JSON of the contract: timestamps as Firestore's client writes them, bodies read with care."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from supervisor.api.errors import BadRequest

JsonObject = dict[str, Any]
MAX_TEXT_CHARS: Final = 65_536  # the longest text that WhatsApp carries


def timestamp(at_ms: int | None) -> JsonObject | None:
    """Return milliseconds as a Firestore Timestamp leaves the Node backend."""
    if at_ms is None:
        return None
    seconds, milliseconds = divmod(at_ms, 1000)
    return {"_seconds": seconds, "_nanoseconds": milliseconds * 1_000_000}


def iso(at_ms: int) -> str:
    """Return milliseconds as JavaScript's `toISOString` writes them."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def answer(body: JsonObject, *, status: int = 200) -> web.Response:
    """Return a JSON response."""
    return web.json_response(body, status=status, dumps=_dumps)


def _dumps(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


async def body_of(request: web.Request) -> JsonObject:
    """Return the request's JSON object; an empty body is an empty object.

    Raises:
        BadRequest: it is no JSON object.
    """
    raw = await request.read()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not valid JSON. Send an object like {}.") from error
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object, for example {}.")
    return body


def text_field(
    body: JsonObject, name: str, *, required: bool = False, limit: int = MAX_TEXT_CHARS
) -> str | None:
    """Return a text field; None when it is absent, null or blank.

    Raises:
        BadRequest: it is required and missing, no text, too long, or not valid Unicode.
    """
    value = body.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        if required:
            raise BadRequest(f'"{name}" is missing. Give a text that is not empty.', field=name)
        return None
    if not isinstance(value, str):
        raise BadRequest(f'"{name}" must be a text in quotes.', field=name)
    if len(value) > limit:
        raise BadRequest(
            f'"{name}" is {len(value)} characters long, at most {limit} are possible.', field=name
        )
    if not _is_unicode(value):
        raise BadRequest(f'"{name}" contains half a surrogate pair: no valid text.', field=name)
    return value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
