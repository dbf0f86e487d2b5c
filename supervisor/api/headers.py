"""Headers that every answer carries: nothing sniffed, framed, cached or leaked by a referrer."""

from typing import Final

from aiohttp import web

NO_PAGE: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
PAGE: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
POLICY_HEADER: Final = "Content-Security-Policy"
FIXED: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Add what the handler has not set itself."""
    for name, value in FIXED.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault(POLICY_HEADER, NO_PAGE)
    response.headers["Server"] = "wakeeper"
