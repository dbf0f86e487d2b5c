"""Whether this instance lives, for people, load balancers and scripts; open to everybody."""

import asyncio
import os
from pathlib import Path
from typing import Final

from aiohttp import web

from shared.accounts import AccountStatus
from shared.errors import StoreError
from supervisor.api.accounts import status_of
from supervisor.api.deps import Deps, deps
from supervisor.api.json import JsonObject, answer, iso
from supervisor.api.lease import lock_fields, lock_reason, mode_of
from supervisor.api.pages import wants_page
from supervisor.api.request_id import request_id

SERVICE: Final = "wakeeper"
PROBES: Final = ("/health", "/healthz", "/livez", "/ready", "/readyz", "/leader")
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
            **lock_fields(deps(request).lease.stands()),
            "sessions_dir_writable": await _sessions_writable(deps(request)),
            "startsHeld": deps(request).fleet.condition().starts_held,
            "sessionsWithoutAccount": deps(request).fleet.condition().sessions_without_account,
            "uptime": int(about["uptime"]),
            "timestamp": iso(now_ms),
            "requestId": request_id(),
        }
    )


async def alive(request: web.Request) -> web.Response:
    """`GET /healthz` and `/livez`: the event loop answers."""
    return answer({"status": "ok", "timestamp": iso(deps(request).now_ms())})


async def ready(request: web.Request) -> web.Response:
    """`GET /ready`: always 200; says whether the store answers, and who holds the lease."""
    outside = deps(request)
    stands = outside.lease.stands()
    counts = await _counts(outside)
    body: JsonObject = {
        "ready": True,
        **lock_fields(stands),
        "instanceId": outside.config.instance_id,
        "accounts_total": counts["accounts_total"],
        "connected": counts["connected"],
        "needs_qr": counts["needs_qr"],
        "sessions_dir_writable": await _sessions_writable(outside),
        "timestamp": iso(outside.now_ms()),
    }
    if not stands.active:
        body["reason"] = lock_reason(stands)
    if counts["store"] != "ok":
        body |= {"ready": False, "error": "store_unavailable"}
    return answer({"ok": body["ready"], **body})


async def readyz(request: web.Request) -> web.Response:
    """`GET /readyz`: 200 when this instance is active, or could be if the lease came to it."""
    outside = deps(request)
    store = (await _counts(outside))["store"]
    writable = await _sessions_writable(outside)
    fit = store == "ok" and writable
    body: JsonObject = {
        "status": "ready" if fit else "not_ready",
        "checks": {
            "store": store,
            "firestore": _firestore(outside, store),
            "worker": "ok" if writable else "sessions_dir_not_writable",
            "mode": mode_of(outside.lease.stands()),
            "timestamp": iso(outside.now_ms()),
        },
    }
    return answer(body, status=200 if fit else 503)


async def options(_: web.Request) -> web.Response:
    """`OPTIONS` of a probe: load balancers ask with it."""
    return web.Response(status=204, headers={"Allow": "GET, HEAD, OPTIONS"})


async def _sessions_writable(outside: Deps) -> bool | None:
    """Tell whether sessions can be written; None where that is not known in time."""
    path = outside.config.sessions_path
    if path is None:
        return True
    try:
        async with asyncio.timeout(STORE_WAIT_S):  # a dead disk must not stop the event loop
            return await asyncio.to_thread(_writable, path)
    except TimeoutError:
        return None


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK | os.X_OK)


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
            records = await outside.census.records(
                outside.store, outside.config.store_name, outside.clock
            )
    except (StoreError, TimeoutError):
        unknown = dict.fromkeys(("accounts", "accounts_total", "connected", "needs_qr"))
        return {**unknown, **_store(outside, "error")}
    shown = [record for record in records if record.status is not AccountStatus.DELETED]
    statuses = [status_of(outside, record) for record in shown]
    return {
        "accounts": len(shown),
        "accounts_total": len(shown),
        "connected": statuses.count(AccountStatus.CONNECTED),
        "needs_qr": statuses.count(AccountStatus.NEEDS_QR),
        **_store(outside, "ok"),
    }


def _store(outside: Deps, state: str) -> JsonObject:
    return {"store": state, "firestore": _firestore(outside, state)}


def _firestore(outside: Deps, state: str) -> str:
    """Return what older scripts read."""
    if outside.config.store_name != "firestore":
        return "disabled"
    return "connected" if state == "ok" else "disconnected"


ROUTES: Final = (
    web.get("/", root),
    web.get("/health", health),
    web.get("/healthz", alive),
    web.get("/livez", alive),
    web.get("/ready", ready),
    web.get("/readyz", readyz),
    *(web.options(path, options) for path in PROBES),
)
