"""How the command line shows things to a person: tables, QR codes, and where a status stands."""

import io
import sys
from collections.abc import Sequence
from typing import Any, Final

CLEAR: Final = "\x1b[2J\x1b[H"
COLOURS: Final = {
    "connected": "green",
    "qr_ready": "cyan",
    "needs_qr": "red",
    "logged_out": "red",
    "disconnected": "red",
}


def accounts_table(accounts: Sequence[dict[str, Any]]) -> None:
    """Print accounts as a table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in ("ACCOUNT", "NAME", "PHONE", "STATUS", "SINCE", "WHY"):
        table.add_column(column, overflow="fold", no_wrap=column in ("ACCOUNT", "PHONE"))
    for account in accounts:
        status = str(account["status"])
        table.add_row(
            Text(str(account["id"])),
            Text(str(account["name"])),
            Text(str(account["phone"] or "")),
            Text(status, style=COLOURS.get(status, "yellow")),
            Text(str(account.get("since") or "")[:19].replace("T", " ")),
            Text(str(account.get("reason") or "")),
        )
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


def qr_code(payload: str) -> str:
    """Return a QR code in half blocks, readable on dark and on light terminals."""
    import segno

    picture = io.StringIO()
    segno.make(payload, error="l", boost_error=False).terminal(picture, compact=True)
    return picture.getvalue()


def show_qr(payload: str) -> None:
    """Show a QR code in the place of the former one."""
    begin = CLEAR if sys.stdout.isatty() else ""
    sys.stdout.write(
        f"{begin}{qr_code(payload)}\n"
        "On the phone: WhatsApp > Linked devices > Link a device, then scan this code.\n"
        "A new code appears by itself. Ctrl-C ends the waiting, not the pairing.\n"
    )
    sys.stdout.flush()
