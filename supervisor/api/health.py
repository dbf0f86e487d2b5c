"""Whether this instance lives, for people, load balancers and scripts; open to everybody."""

import asyncio
from typing import Final

from aiohttp import web

from shared.accounts import AccountStatus
from shared.errors import StoreError
from supervisor.api.accounts import status_of
from supervisor.api.deps import Deps, deps
from supervisor.api.json import JsonObject, answer, iso
from supervisor.api.pages import wants_page
from supervisor.api.request_id import request_id

SERVICE: Final = "wakeeper"
STORE_WAIT_S: Final = 1.0  # whoever asks for health wants an answer, not the store


async def root(request: web.Request) -> web.Response:
    """`GET /`: what this is; a browser is led to the dashboard."""
    if wants_page(request):
        raise web.HTTPFound("/dashboard/")
    about = await _about(deps(request))
    resources = {resource.canonical for resource in request.app.router.resources()}
    return answer({**about, "status": "online", "endpoints": sorted(resources)})


async def health(request: web.Request) -> web.Response:
    """`GET /health`: always 200 while the process can answer."""
    about = await _about(deps(request))
    now_ms = deps(request).now_ms()
    return answer(
        {
            **about,
            "ok": True,
            "status": "healthy",
            "instanceId": deps(request).config.instance_id,
            "uptime": int(about["uptime"]),
            "timestamp": iso(now_ms),
            "requestId": request_id(),
        }
    )


async def alive(request: web.Request) -> web.Response:
    """`GET /healthz` and `/livez`: the event loop answers."""
    return answer({"status": "ok", "timestamp": iso(deps(request).now_ms())})


async def ready(request: web.Request) -> web.Response:
    """`GET /ready`: always 200; `ready` says whether the store answers."""
    outside = deps(request)
    body: JsonObject = {
        "ready": True,
        "mode": "active",
        "instanceId": outside.config.instance_id,
        "lockStatus": None,
        "heldBy": None,
        "lockExpiresInSeconds": None,
        "timestamp": iso(outside.now_ms()),
    }
    try:
        async with asyncio.timeout(STORE_WAIT_S):
            await outside.store.ping()
    except (StoreError, TimeoutError):
        body |= {"ready": False, "mode": "unknown", "error": "store_unavailable"}
    return answer(body)


async def _about(outside: Deps) -> JsonObject:
    config = outside.config
    return {
        "service": SERVICE,
        "version": config.version,
        "commit": config.commit,
        "bootTimestamp": iso(config.started_at_ms),
        "uptime": (outside.now_ms() - config.started_at_ms) / 1000,
        "maxAccounts": config.max_accounts,
        **await _counts(outside),
    }


async def _counts(outside: Deps) -> JsonObject:
    """Return how many accounts there are; a store that is away is said, not raised."""
    try:
        async with asyncio.timeout(STORE_WAIT_S):
            records = await outside.store.accounts.list()
    except (StoreError, TimeoutError):
        return {"accounts": None, "accounts_total": None, "connected": None, **_store("error")}
    shown = [record for record in records if record.status is not AccountStatus.DELETED]
    connected = [
        record for record in shown if status_of(outside, record) is AccountStatus.CONNECTED
    ]
    return {
        "accounts": len(shown),
        "accounts_total": len(shown),
        "connected": len(connected),
        **_store("ok"),
    }


def _store(state: str) -> JsonObject:
    # `firestore` is what older scripts read; this store is another.
    return {"store": state, "firestore": "disabled"}


ROUTES: Final = (
    web.get("/", root),
    web.get("/health", health),
    web.get("/healthz", alive),
    web.get("/livez", alive),
    web.get("/ready", ready),
)
