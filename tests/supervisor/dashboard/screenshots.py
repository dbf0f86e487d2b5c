"""Pictures of the page in its main states: `python -m tests.supervisor.dashboard.screenshots DIR`.

Every state is taken on a desk and on a phone, light and dark.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from shared import link_pb2 as pb
from shared.accounts import AccountStatus
from tests.supervisor.dashboard.browser import Page, chromium_path, open_page, running_chromium
from tests.supervisor.dashboard.stage import TOKEN, Stage, open_stage

SCREENS = {"desk": (1280, 800), "phone": (390, 844)}
ANA = "40722000111@s.whatsapp.net"
IOANA = "40731222333@s.whatsapp.net"
GROUP = "120363041234567890@g.us"
MINUTE_MS = 60_000
REFUSED = (
    "pair this account: the phone that scanned ends in …11, the number asked for ends in …20 — "
    "scan with the phone of the number that was entered, or add the other number"
)
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


class Cast:
    """The accounts in the pictures."""

    front_desk = ""
    sales = ""
    support = ""


async def set_stage(stage: Stage) -> Cast:
    cast = Cast()
    cast.front_desk = await stage.account("Front desk", "+40712345678")
    cast.sales = await stage.account(
        "Sales", "+40733555120", AccountStatus.CONNECTING, is_paired=False
    )
    cast.support = await stage.account(
        "Support Cluj",
        "+40744100200",
        AccountStatus.NEEDS_QR,
        reason="the phone removed this device; scan a new QR code",
    )
    await stage.account("Events", "+40755800900")
    await stage.account(
        "Deliveries",
        "+40766321654",
        AccountStatus.RECONNECTING,
        reason="WhatsApp stopped answering",
        delay_s=42,
    )
    await stage.account("Night shift", "+40721777888")
    await converse(stage, cast.front_desk)
    return cast


async def converse(stage: Stage, account_id: str) -> None:
    now_ms = stage.now_ms()

    async def said(minutes_ago: int, text: str, **about: object) -> str:
        at_ms = now_ms - minutes_ago * MINUTE_MS
        return await stage.message(account_id, text, at_ms=at_ms, **about)  # type: ignore[arg-type]

    await said(1600, "Good evening! Is the small hall free on Saturday?")
    ours = [await said(1590, "Good evening, Ana. Yes, until 22:00.", chat=ANA, from_me=True)]
    await said(52, "Perfect. We would be 24 people, and two of them with wheelchairs.")
    await said(51, "This is how we set the tables last year:")
    await said(51, "Tables, seen from the door", kind="image")
    ours.append(
        await said(
            44,
            "Thank you! The hall is on the ground floor and the ramp is by the side entrance.\n\n"
            "Shall I keep it for you from 17:00?",
            chat=ANA,
            from_me=True,
        )
    )
    await said(6, "Yes please")
    await said(5, "", kind="audio")
    ours.append(await said(3, "Done: Saturday, 17:00 to 22:00.", chat=ANA, from_me=True))
    await stage.receipt(account_id, ANA, pb.Receipt.READ, *ours[:2])
    await stage.receipt(account_id, ANA, pb.Receipt.DELIVERED, ours[2])
    subject = pb.GroupSubject(chat=GROUP, subject="House team")
    await said(
        300, "The lift is being repaired until noon.", name="Mihai", sender="40745@lid", chat=GROUP
    )
    await stage.happened(account_id, pb.Event(group_subject=subject))
    await said(90, "Thanks, I will tell the guests", chat=GROUP, from_me=True)
    people = (
        (130, "40731222333", "Ioana Marin", "Can I come by at six to see the rooms?"),
        (700, "447700900123", "James", "Invoice received, thank you."),
        (1500, "40729111222", "", "Hello"),
        (3000, "4915112345678", "Katrin Vogel", "Danke, bis morgen!"),
    )
    for minutes_ago, number, name, text in people:
        await said(minutes_ago, text, chat=f"{number}@s.whatsapp.net", name=name)


async def sign_in(page: Page, stage: Stage) -> None:
    await page.go("about:blank")
    await page.go(f"{stage.url}/#token={TOKEN}")
    await page.sees("Live", "#live, .account")


async def take(page: Page, stage: Stage, cast: Cast, folder: Path) -> None:
    async def save(state: str) -> None:
        away = {"type": "mouseMoved", "x": 1, "y": 1}
        await page.send("Input.dispatchMouseEvent", **away)
        for screen, size in SCREENS.items():
            for scheme in ("light", "dark"):
                await page.screen(*size, scheme=scheme)
                await page.js(PAINTED)
                (folder / f"{state}-{screen}-{scheme}.png").write_bytes(await page.screenshot())
        await page.screen(1280, 800)

    await page.go(f"{stage.url}/dashboard/")
    await page.sees("Sign in")
    await save("sign-in")
    await sign_in(page, stage)
    await page.click(".account", "Front desk")
    await page.sees("House team")
    await save("conversations")
    await page.click(".thread-item", "Ana Pop")
    await page.sees("17:00 to 22:00", ".bubble")
    await stage.message(
        cast.front_desk,
        "Great, see you then!",
        chat="40731222333@s.whatsapp.net",
        name="Ioana Marin",
    )
    await page.sees("Great, see you then!", ".fresh")
    await save("conversation")
    await page.click(".thread-item", "House team")
    await page.sees("repaired", ".bubble")
    await save("group")
    await page.screen(1280, 800)
    await page.click(".account", "Support Cluj")
    await page.sees("Show a QR code")
    await save("needs-qr")
    await page.click(".account", "Sales")
    stage.state(cast.sales, pb.AWAITING_SCAN)
    stage.qr(cast.sales, 1)
    await page.until("document.querySelector('.qr')?.complete && document.querySelector('.qr').src")
    await save("qr")
    stage.state(cast.sales, pb.RECONNECTING, REFUSED, 1)
    stage.state(cast.sales, pb.AWAITING_SCAN, REFUSED)
    stage.qr(cast.sales, 2)
    await page.sees("the number asked for", ".notice")
    await page.sees("New code in")
    await save("wrong-phone")
    await page.click(".account", "Deliveries")
    await page.sees("Next try in")
    await save("reconnecting")
    await page.click("#add-account")
    await page.fill("#add-phone", "0712")
    await page.press("Enter")
    await page.sees("digits", "#add-error")
    await save("add")
    print(*page.problems, sep="\n")


async def main(folder: Path) -> None:
    program = chromium_path()
    assert program is not None, "no Chromium here"
    with (
        tempfile.TemporaryDirectory() as scratch,
        running_chromium(program, Path(scratch) / "profile") as address,
    ):
        async with open_stage(Path(scratch)) as (stage, _), open_page(address) as page:
            await take(page, stage, await set_stage(stage), folder)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
