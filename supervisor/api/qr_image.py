"""A QR payload as a picture: PNG data URLs for the existing clients, SVG for the dashboard."""

import functools
import io
from typing import Final

import segno

PNG_SCALE: Final = 6  # pixels per module: a phone reads it from a laptop's screen
QUIET_ZONE: Final = 4  # modules of white around the code, as ISO 18004 asks
CACHED: Final = 256  # a QR lives 20 s and is polled every few


@functools.lru_cache(maxsize=CACHED)
def png_data_url(payload: str) -> str:
    """Return `data:image/png;base64,…`."""
    return _code(payload).png_data_uri(scale=PNG_SCALE, border=QUIET_ZONE)


@functools.lru_cache(maxsize=CACHED)
def svg(payload: str) -> bytes:
    """Return an SVG document that scales to the box it is put in."""
    target = io.BytesIO()
    _code(payload).save(
        target, kind="svg", border=QUIET_ZONE, light="#fff", omitsize=True, svgns=True
    )
    return target.getvalue()


def _code(payload: str) -> segno.QRCode:
    # A low error level keeps the modules large; a screen has no scratches.
    return segno.make_qr(payload, error="l")
