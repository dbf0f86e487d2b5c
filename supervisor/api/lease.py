"""PASSIVE over HTTP: what acts is refused with the contract's 503, what reads is served.

The gate stands before every route that changes something. Handlers ask once more right before
their first write, and the store a third time inside it: between the two the lease may be lost.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from shared.errors import StoreError
from shared.logs import get_logger
from supervisor.api.deps import Deps, deps
from supervisor.api.doors import LeaseStands, LeaseStatus
from supervisor.api.errors import BadRequest, Refused, passive
from supervisor.api.json import JsonObject, answer, body_of
from supervisor.api.request_id import request_id
from supervisor.store import contract

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
STEP_DOWN: Final = "/api/admin/lease/step-down"
ASK: Final = "/api/admin/lease/ask"
FORCE_RELEASE: Final = "/api/admin/lease/force-release"
ABOUT_THE_LEASE: Final = frozenset({STEP_DOWN, ASK, FORCE_RELEASE})
RISK: Final = (
    "The holder is not asked. If it lives, its accounts stay connected for seconds, or, if it is "
    "frozen or cut off, until its own deadline; whoever takes the lease meanwhile connects the "
    "same accounts a second time: messages in flight may be lost or sent twice. Do this only when "
    "the holder is known to be dead or stopped; else wait, or use step-down there. "
    'To go on, send {"iUnderstand": true}.'
)

log = get_logger(__name__)


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse whatever would change something while the lease is not held here."""
    resource = request.match_info.route.resource
    acts = request.method not in READING and resource is not None
    if acts and resource is not None and resource.canonical not in ABOUT_THE_LEASE:
        deps(request).lease.check(f"{request.method} {resource.canonical}")
    return await handler(request)


def mode_of(stands: LeaseStands) -> str:
    """Return the mode in the contract's two words."""
    return "active" if stands.active else "passive"


def lock_reason(stands: LeaseStands) -> str | None:
    """Return why this instance is passive, in words."""
    return None if stands.active else stands.why


def lock_fields(stands: LeaseStands) -> JsonObject:
    """Return the lease as `/ready` and `/health` show it."""
    expires_in = None if stands.expires_in_s is None else max(0, round(stands.expires_in_s))
    return {
        "mode": mode_of(stands),
        "waMode": mode_of(stands),
        "lock": {
            "status": stands.status.value,
            "heldBy": stands.held_by,
            "epoch": stands.epoch,
            "expiresInSeconds": expires_in,
        },
        "lockStatus": stands.status.value,
        "heldBy": stands.held_by,
        "lockExpiresInSeconds": expires_in,
        "lockReason": lock_reason(stands),
    }


async def leader(request: web.Request) -> web.Response:
    """`GET /leader`: 200 only while this instance may act; for load balancers."""
    stands = deps(request).lease.stands()
    left_s = stands.expires_in_s
    body: JsonObject = {
        "state": stands.mode,
        "holder": stands.held_by,
        "epoch": stands.epoch,
        "lease_remaining_ms": None if left_s is None else int(max(0.0, left_s) * 1000),
    }
    if stands.active:
        return answer(body)
    response = answer({**body, "why": stands.why}, status=503)
    response.headers["Retry-After"] = str(passive(deps(request)).fields["retryAfterSeconds"])
    return response


async def step_down(request: web.Request) -> web.Response:
    """`POST /api/admin/lease/step-down`: end the workers here, then give the lease back."""
    outside = deps(request)
    before = outside.lease.stands()
    if not outside.lease.step_down():
        message = f"This instance does not hold the lease: {before.why}."
        raise Refused(409, "not_held", message, heldBy=before.held_by)
    log.warning("step_down_asked_for", epoch=before.epoch)
    body: JsonObject = {
        "success": True,
        "message": "The workers end now, then the lease is given back.",
        "epoch": before.epoch,
    }
    return answer({**body, **_who(outside)}, status=202)


async def ask(request: web.Request) -> web.Response:
    """`POST /api/admin/lease/ask`: ask the holder to hand the lease over to this instance."""
    outside = deps(request)
    stands = outside.lease.stands()
    if not outside.lease.ask_for_it():
        raise Refused(409, "held_here", "This instance holds the lease, or is about to.")
    log.info("lease_asked_for", held_by=stands.held_by)
    body: JsonObject = {
        "success": True,
        "message": "The holder is asked; it hands the lease over if it yields (LEASE_YIELDS).",
        "heldBy": stands.held_by,
    }
    return answer({**body, **_who(outside)}, status=202)


async def force_release(request: web.Request) -> web.Response:
    """`POST /api/admin/lease/force-release`: end another instance's tenure; see RISK."""
    outside = deps(request)
    body = await body_of(request)
    if body.get("iUnderstand") is not True:
        raise BadRequest(RISK, field="iUnderstand")
    if outside.lease.stands().status is LeaseStatus.HERE:
        message = "This instance holds the lease itself: use step-down."
        raise Refused(409, "held_here", message)
    try:
        former = await outside.lease.force_release()
    except contract.PreconditionFailed:
        message = "The lease changed meanwhile, so its holder lives. Look at /ready again."
        raise Refused(409, "holder_lives", message) from None
    except contract.Refused as error:
        raise Refused(409, "not_released", f"{error.message}.") from None
    except StoreError as error:
        message = f"Whether the lease was released is unknown: {error.message}."
        raise Refused(503, "store_unavailable", message, retryAfterSeconds=5) from None
    log.critical("lease_released_by_force", former=former)
    return answer(
        {"success": True, "released": former is not None, "heldBy": former, **_who(outside)}
    )


def _who(outside: Deps) -> JsonObject:
    return {"instanceId": outside.config.instance_id, "requestId": request_id()}


ROUTES: Final = (
    web.get("/leader", leader),
    web.post(STEP_DOWN, step_down),
    web.post(ASK, ask),
    web.post(FORCE_RELEASE, force_release),
)
