"""What goes wrong, as an answer: a code, a sentence that helps, and never our internals."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from shared.errors import InputError, StoreError, WakeeperError
from shared.logs import get_logger
from supervisor.api.deps import Deps, deps
from supervisor.api.doors import WorkerUnavailable
from supervisor.api.request_id import request_id
from supervisor.lease.guard import NotHolding
from supervisor.quarantine import SessionBusy, SessionUnmoved
from supervisor.store.contract import Fenced, SendConflict, StatusConflict, UnknownAccount

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TRACE_BYTES: Final = 8
PASSIVE_MESSAGE: Final = "PASSIVE mode: another instance holds lock; retry shortly"
PASSIVE_RETRY_S: Final = 15

log = get_logger(__name__)


class Refused(Exception):
    """A request that is answered with an error; raised by handlers, turned into JSON here.

    Args:
        status: the HTTP status.
        error: the contract's code for it, or a text where the contract has one.
        message: a sentence for people; further fields come from `fields`.
    """

    def __init__(self, status: int, error: str, message: str, /, **fields: Any) -> None:
        super().__init__(f"{status} {error}")
        self.status = status
        self.error = error
        self.message = message
        self.fields = fields


class BadRequest(Refused):
    """400: the request is malformed; nothing was changed."""

    def __init__(self, message: str, /, **fields: Any) -> None:
        super().__init__(400, "invalid_request", message, **fields)


class AccountNotFound(Refused):
    """404: there is no such account."""

    def __init__(self) -> None:
        message = "There is no account with this id. GET /api/whatsapp/accounts lists them."
        super().__init__(404, "account_not_found", message)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every exception as JSON; one that nobody expected is logged with its trace id."""
    try:
        return await handler(request)
    except web.HTTPRedirection:
        raise
    except web.HTTPException as error:
        return _refusal(_of_http(request, error))
    except (Refused, WakeeperError) as error:
        refusal = _expected(request, error)
        return _unexpected(request, error) if refusal is None else _refusal(refusal)
    except Exception as error:  # noqa: BLE001 - this is the last door before the client
        return _unexpected(request, error)


def _expected(request: web.Request, error: Refused | WakeeperError) -> Refused | None:
    """Return the answer to an error that is no surprise here."""
    match error:
        case Refused():
            return error
        case UnknownAccount():
            return AccountNotFound()
        case SendConflict():
            return Refused(409, "client_message_id_conflict", str(error))
        case InputError():
            return BadRequest(_sentence(error))
        case WorkerUnavailable():
            return _unavailable(error)
        case NotHolding() | Fenced():
            log.info("request_while_passive", path=_route(request), why=error.message)
            return passive(deps(request))
        case StatusConflict():
            return Refused(409, "invalid_state", _sentence(error))
        case SessionBusy() | SessionUnmoved():
            log.error("session_not_moved", path=_route(request), error=error)
            return Refused(500, "internal_error", _sentence(error))
        case StoreError():
            log.warning("request_without_store", path=_route(request), error=str(error))
            return _STORE_AWAY
        case _:
            return None


def passive(outside: Deps) -> Refused:
    """Return what an instance answers that does not hold the lease; the body is the contract's."""
    holder = outside.lease.stands().held_by
    fields: dict[str, Any] = {"mode": "passive", "instanceId": outside.config.instance_id}
    if holder is not None:
        fields["holderInstanceId"] = holder
    fields |= {"retryAfterSeconds": PASSIVE_RETRY_S, "waMode": "passive"}
    return Refused(503, "instance_passive", PASSIVE_MESSAGE, **fields)


_STORE_AWAY: Final = Refused(
    503,
    "store_unavailable",
    "The store could not be reached in time. Repeat the request; it is safe to do so.",
    retryAfterSeconds=5,
)


def _refusal(refusal: Refused) -> web.Response:
    body = {
        "success": False,
        "error": refusal.error,
        "message": refusal.message,
        **refusal.fields,
        "requestId": request_id(),
    }
    response = web.json_response(body, status=refusal.status)
    if "retryAfterSeconds" in refusal.fields:
        response.headers["Retry-After"] = str(refusal.fields["retryAfterSeconds"])
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="wakeeper"'
    return response


def _unavailable(error: WorkerUnavailable) -> Refused:
    return Refused(503, "worker_unavailable", _sentence(error), retryAfterSeconds=5)


def _of_http(request: web.Request, error: web.HTTPException) -> Refused:
    if isinstance(error, web.HTTPNotFound):
        return Refused(404, "not_found", "There is no such route. GET / lists those there are.")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = sorted(error.allowed_methods)
        message = f"This route answers {', '.join(allowed)}, not {request.method[:20]}."
        return Refused(405, "method_not_allowed", message, allowed=allowed)
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        cap = deps(request).config.body_cap_bytes
        return Refused(413, "body_too_large", f"The body is over {cap} bytes.", maxBytes=cap)
    return Refused(error.status, "http_error", error.reason)


def _unexpected(request: web.Request, error: Exception) -> web.Response:
    trace_id = deps(request).rng(TRACE_BYTES).hex()
    log.error("request_failed", path=_route(request), trace_id=trace_id, exc_info=error)
    body = {
        "success": False,
        "error": "internal_error",
        "message": "Something broke here. The log has it under the trace id.",
        "traceId": trace_id,
        "requestId": request_id(),
    }
    return web.json_response(body, status=500)


def _sentence(error: WakeeperError) -> str:
    text = f"{error.message}: {error.hint}" if error.hint else error.message
    return f"{text[:1].upper()}{text[1:]}."


def _route(request: web.Request) -> str:
    """Return the route's pattern: the path itself may hold a phone number."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"
