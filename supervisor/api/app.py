"""The application: routes to handlers, and what stands around all of them."""

from aiohttp import web

from supervisor.api import (
    account,
    accounts,
    events,
    health,
    lease,
    messages,
    pages,
    pairing,
    qr,
    reading,
    send,
    switching,
)
from supervisor.api.auth import auth
from supervisor.api.deps import DEPS, Deps
from supervisor.api.errors import errors
from supervisor.api.headers import add_headers
from supervisor.api.request_id import request_ids


def create_app(deps: Deps) -> web.Application:
    """Return the HTTP API over the given store, fleet, outbox and events.

    Long-lived answers end when `deps.events` is closed, which the application does when it shuts
    down.
    """
    app = web.Application(
        middlewares=[request_ids, errors, auth, lease.gate],
        client_max_size=deps.config.body_cap_bytes,
    )
    app[DEPS] = deps
    app[events.STREAMS] = []
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(_end_streams)
    app.add_routes([
        *health.ROUTES,
        *lease.ROUTES,
        *accounts.ROUTES,
        *account.ROUTES,
        *pairing.ROUTES,
        *switching.ROUTES,
        *qr.ROUTES,
        *send.ROUTES,
        *messages.ROUTES,
        *reading.ROUTES,
        *events.ROUTES,
        *pages.ROUTES,
    ])  # fmt: skip
    return app


async def _end_streams(app: web.Application) -> None:
    app[DEPS].events.close()
