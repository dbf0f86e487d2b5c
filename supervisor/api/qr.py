"""An account's QR code: a page that refreshes itself, or SVG and JSON for other pages."""

import base64
import hashlib
import html
from typing import Final

from aiohttp import web

from supervisor.api.accounts import known_account, status_of
from supervisor.api.deps import deps
from supervisor.api.doors import AccountView
from supervisor.api.errors import AccountNotFound, BadRequest, Refused
from supervisor.api.headers import POLICY_HEADER
from supervisor.api.json import answer, iso
from supervisor.api.qr_image import png_data_url, svg
from supervisor.api.request_id import request_id

REFRESH_S: Final = 5
FORMATS: Final = ("html", "svg", "json")
STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;"
    "place-items:center;text-align:center;background:#f6f7f6;color:#1d2320}"
    "main{padding:2rem;max-width:28rem}img{width:min(80vw,22rem);background:#fff;"
    "border-radius:12px}p{margin:.75rem 0}"
    "@media(prefers-color-scheme:dark){body{background:#141816;color:#e8ece9}}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


async def qr(request: web.Request) -> web.Response:
    """`GET /api/whatsapp/qr/:accountId`, as HTML, `?format=svg`, or `?format=json`."""
    form = _format(request)
    if form == "html":
        return await _page(request)
    account_id = request.match_info["account_id"]
    record = await known_account(deps(request), account_id)
    view = deps(request).fleet.view(account_id)
    if form == "svg":
        return _svg(view)
    payload = None if view is None else view.qr_payload
    expires_at_ms = None if view is None else view.qr_expires_at_ms
    return answer(
        {
            "success": True,
            "accountId": account_id,
            "status": status_of(deps(request), record).value,
            "reason": record.reason if view is None else view.reason,
            "qr": payload,
            "qrCode": png_data_url(payload) if payload else None,
            "expiresAt": iso(expires_at_ms) if payload and expires_at_ms else None,
            "expiresAtMs": expires_at_ms if payload else None,
            "requestId": request_id(),
        }
    )


def _format(request: web.Request) -> str:
    asked = request.query.get("format")
    if asked is not None:
        if asked not in FORMATS:
            raise BadRequest(f'"format" must be one of {", ".join(FORMATS)}.', field="format")
        return asked
    accepted = request.headers.get("Accept", "")
    if "image/svg+xml" in accepted and "text/html" not in accepted:
        return "svg"
    return "json" if "application/json" in accepted else "html"


def _svg(view: AccountView | None) -> web.Response:
    if view is None or not view.qr_payload:
        message = "No QR code is live right now. Ask again in a few seconds."
        raise Refused(404, "qr_not_ready", message)
    return web.Response(body=svg(view.qr_payload), content_type="image/svg+xml")


async def _page(request: web.Request) -> web.Response:
    try:
        record = await known_account(deps(request), request.match_info["account_id"])
    except AccountNotFound:
        return _html("Account not found", "There is no account with this id.", status=404)
    view = deps(request).fleet.view(record.account_id)
    if view is None or not view.qr_payload:
        status = status_of(deps(request), record).value
        text = f"The account is {status}. This page looks again every {REFRESH_S} seconds."
        return _html("QR code not ready", text, status=404)
    picture = f'<img alt="QR code" src="{png_data_url(view.qr_payload)}">'
    text = "Open WhatsApp on the phone, then Linked devices, Link a device, and scan this code."
    return _html(f"Scan to connect {record.name}", text, picture=picture)


def _html(title: str, text: str, *, picture: str = "", status: int = 200) -> web.Response:
    safe_title, safe_text = html.escape(title), html.escape(text)
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="refresh" content="{REFRESH_S}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{safe_title}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{safe_title}</h1>{picture}<p>{safe_text}</p></main></body></html>"
    )
    headers = {POLICY_HEADER: POLICY}
    return web.Response(text=page, content_type="text/html", status=status, headers=headers)


ROUTES: Final = (web.get("/api/whatsapp/qr/{account_id}", qr),)
