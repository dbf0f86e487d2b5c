"""The dashboard as an operator meets it: a real browser, the real API and store behind it."""

import asyncio
import re
from typing import Final

import aiohttp
import pytest

from shared import link_pb2 as pb
from shared.accounts import AccountStatus
from supervisor.outbox import Outbox
from tests.supervisor.dashboard.browser import Page
from tests.supervisor.dashboard.stage import TOKEN, Stage

ANA: Final = "40722000111@s.whatsapp.net"
IOANA: Final = "40731222333@s.whatsapp.net"
BOX: Final = ".composer textarea"
MARKUP: Final = "<img src=x onerror=\"document.title='broken in'\"><b>bold</b>"


async def enter(page: Page, stage: Stage) -> None:
    await page.go(f"{stage.url}/#token={TOKEN}")
    await page.sees("Live", "#live")


async def open_chat(page: Page, stage: Stage, name: str) -> None:
    await enter(page, stage)
    await page.click(".thread-item", name)
    await page.sees(name, ".thread-head")


# ----------------------------------------------------------------------------------- signing in


async def test_a_wrong_token_is_said_and_the_right_one_opens_the_page(
    page: Page, stage: Stage
) -> None:
    await stage.account("Front desk")
    await page.go(f"{stage.url}/dashboard/")
    await page.fill("#sign-in-token", "not the token")
    await page.press("Enter")
    await page.sees("This is not the admin token.", "#sign-in-error")
    await page.go(f"{stage.url}/#token=nor-this")
    await page.sees("This is not the admin token.", "#sign-in-error")
    assert await page.js("location.hash") == ""
    await page.fill("#sign-in-token", TOKEN)
    await page.press("Enter")
    await page.sees("Front desk", ".account")
    assert await page.js("sessionStorage.getItem('wakeeper.token')") == TOKEN
    assert await page.js("localStorage.length") == 0


async def test_a_link_signs_in_and_leaves_no_token_in_the_address(page: Page, stage: Stage) -> None:
    await stage.account("Front desk")
    await enter(page, stage)
    await page.sees("Front desk", ".account")
    assert TOKEN not in await page.js("location.href")
    assert TOKEN not in await page.js("document.documentElement.outerHTML")
    await page.send("Page.reload")
    await page.sees("Front desk", ".account")


async def test_signing_out_forgets_everything_this_tab_kept(page: Page, stage: Stage) -> None:
    await stage.account("Front desk")
    await enter(page, stage)
    await page.click("#sign-out")
    await page.sees("Sign in", "#sign-in")
    assert await page.js("sessionStorage.length") == 0


# --------------------------------------------------------------------------------- linking phones


async def test_adding_an_account_says_what_is_wrong_then_shows_its_code(
    page: Page, stage: Stage
) -> None:
    await enter(page, stage)
    await page.click("#add-first")
    await page.fill("#add-phone", "0712")
    await page.press("Enter")
    await page.sees("with country code", "#add-error")
    await page.fill("#add-phone", "0712 345 678")
    await page.press("Enter")
    await page.sees("Fetching a QR code", ".link")
    await page.sees("+40 712 345 678", ".account")
    (account_id,) = stage.fleet.ensured
    stage.state(account_id, pb.AWAITING_SCAN)
    stage.qr(account_id, 1)
    await page.until("document.querySelector('.qr').naturalWidth > 0")
    await page.sees("New code in", ".qr-side")


async def test_the_code_changes_by_itself_and_gives_way_to_conversations(
    page: Page, stage: Stage
) -> None:
    account_id = await stage.account(status=AccountStatus.CONNECTING, is_paired=False)
    await enter(page, stage)
    stage.state(account_id, pb.AWAITING_SCAN)
    stage.qr(account_id, 1)
    first = await page.until("document.querySelector('.qr').getAttribute('src')")
    stage.qr(account_id, 2)
    await page.until(f"document.querySelector('.qr').src !== {first!r}")
    stage.state(account_id, pb.PAIRING)
    await page.sees("Finishing the link", ".link")
    stage.state(account_id, pb.CONNECTING)
    await page.sees("Connecting", ".account-head")
    await page.sees("Finishing the link", ".link")
    stage.paired(account_id)
    await page.sees("No conversation is open", ".chat")


async def test_a_phone_that_was_not_asked_for_is_told_beside_the_next_code(
    page: Page, stage: Stage
) -> None:
    account_id = await stage.account(status=AccountStatus.CONNECTING, is_paired=False)
    await enter(page, stage)
    reason = "pair this account: the phone that scanned ends in …11 — scan with the other phone"
    stage.state(account_id, pb.RECONNECTING, reason, 1)
    await page.sees("Reconnecting", ".account-head")
    await page.sees("Fetching a QR code", ".link")
    stage.state(account_id, pb.AWAITING_SCAN, reason)
    stage.qr(account_id, 1)
    await page.until("document.querySelector('.qr').naturalWidth > 0")
    await page.sees("The phone that scanned ends in …11.", ".notice")
    await page.sees("Scan with the other phone.", ".notice")
    stage.paired(account_id)
    await page.until("document.querySelector('.notice').getClientRects().length === 0")


async def test_an_account_that_needs_a_code_says_why_and_gets_one_on_request(
    page: Page, stage: Stage
) -> None:
    reason = "the phone removed this device"
    account_id = await stage.account(status=AccountStatus.NEEDS_QR, reason=reason)
    await enter(page, stage)
    await page.sees("The phone removed this device.", ".link")
    await page.sees("1 account needs attention", ".accounts-pane")
    await page.click("button", "Show a QR code")
    await page.sees("Connecting", ".account-head")
    assert stage.fleet.ensured == [account_id]


async def test_an_account_without_a_number_can_ask_for_a_code_too(page: Page, stage: Stage) -> None:
    account_id = await stage.account("Any phone", None, AccountStatus.NEEDS_QR)
    await enter(page, stage)
    await page.click("button", "Show a QR code")
    await page.sees("Connecting", ".account-head")
    assert stage.fleet.ensured == [account_id]


async def test_a_lost_connection_is_told_with_its_reason_and_the_time_of_the_next_try(
    page: Page, stage: Stage
) -> None:
    account_id = await stage.account()
    await enter(page, stage)
    await page.sees("1 of 1 connected", "#summary")
    stage.state(account_id, pb.RECONNECTING, "WhatsApp stopped answering", 90)
    await page.sees("WhatsApp stopped answering.", ".banner")
    await page.sees("Next try in 1 min", ".banner")
    await page.sees("0 of 1 connected", "#summary")
    stage.state(account_id, pb.CONNECTED)
    await page.until("document.querySelector('.banner').hidden")


# ---------------------------------------------------------------------------------- conversations


async def test_a_message_appears_by_itself_and_is_marked_until_it_is_read(
    page: Page, stage: Stage
) -> None:
    account_id = await stage.account()
    await stage.message(account_id, "the first", name="Ana Pop")
    theirs = await stage.message(account_id, "hello", chat=IOANA, name="Ioana", at_ms=1)
    ours = await stage.message(account_id, "hello", chat=IOANA, from_me=True)
    await open_chat(page, stage, "Ana Pop")
    await stage.message(account_id, "are you there?", name="Ana Pop")
    await page.sees("are you there?", ".bubble")
    assert await page.js("document.querySelectorAll('.fresh').length") == 0
    await stage.message(account_id, "me too", chat=IOANA, name="Ioana")
    await page.sees("me too", ".fresh")
    await page.sees("1", ".account .badge")
    await page.until("document.title === '(1) Wakeeper'")
    # Word of older messages is no sign that the new one was read.
    await stage.receipt(account_id, IOANA, pb.Receipt.DELIVERED, ours)
    await stage.receipt(account_id, IOANA, pb.Receipt.READ_SELF, theirs)
    await stage.message(account_id, "the last", name="Ana Pop")
    await page.sees("the last", ".bubble")
    assert await page.js("document.querySelectorAll('.fresh').length") == 1
    await page.click(".thread-item", "Ioana")
    await page.until("document.querySelectorAll('.fresh').length === 0")
    await page.until("document.title === 'Wakeeper'")


async def test_who_wrote_is_told_that_it_was_read_once_somebody_looks(
    page: Page, stage: Stage
) -> None:
    account_id = await stage.account()
    first = await stage.message(account_id, "the first", name="Ana Pop", at_ms=1)
    await stage.message(account_id, "not looked at", chat=IOANA, name="Ioana")
    await open_chat(page, stage, "Ana Pop")
    async with asyncio.timeout(10), stage.events.subscribe() as events:
        if not stage.fleet.read:
            await anext(events)
    assert [(mark.chat, list(mark.ids)) for mark in stage.fleet.read] == [(ANA, [first])]

    await page.js("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    second = await stage.message(account_id, "while away", name="Ana Pop")
    await page.sees("while away", ".bubble")
    assert len(stage.fleet.read) == 1
    await page.js("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    await page.until("performance.getEntriesByName(location.origin + '/api/whatsapp/mark-read')[1]")
    assert [list(mark.ids) for mark in stage.fleet.read] == [[first], [second]]


async def test_enter_sends_once_and_the_ticks_follow(page: Page, stage: Stage) -> None:
    account_id = await stage.account()
    await stage.message(account_id, "hello", name="Ana Pop")
    await open_chat(page, stage, "Ana Pop")
    await page.click(BOX)
    await page.type("  ăîșț 👍 <&>")
    await page.press("Enter", shift=True)
    await page.type("and another  ")
    await page.press("Enter")
    await page.press("Enter")
    await page.sees("and another", ".ours .bubble")
    await page.until("document.querySelector('.tick-sent') !== null")
    (send,) = stage.fleet.sends
    assert (send.to, send.text) == (ANA, "ăîșț 👍 <&>\nand another")
    assert await page.js("document.querySelectorAll('.ours').length") == 1
    await stage.receipt(account_id, ANA, pb.Receipt.DELIVERED, send.message_id)
    await page.until("document.querySelector('.tick-delivered') !== null")
    await stage.receipt(account_id, ANA, pb.Receipt.READ, send.message_id)
    await page.until("document.querySelector('.tick-read') !== null")


async def test_a_lost_answer_is_asked_for_again_and_the_message_is_sent_once(
    page: Page, stage: Stage
) -> None:
    account_id = await stage.account()
    await stage.message(account_id, "hello", name="Ana Pop")
    await open_chat(page, stage, "Ana Pop")
    page.lose_answer_of = "/send-message"
    await page.click(BOX)
    await page.type("only once")
    await page.click(".send", times=2)
    await page.until("document.querySelector('.ours .tick-sent') !== null")
    await page.until("document.querySelectorAll('.on-its-way').length === 0")
    assert page.lose_answer_of == ""
    assert [send.text for send in stage.fleet.sends] == ["only once"]
    assert await page.js("document.querySelectorAll('.ours').length") == 1


async def test_a_message_that_whatsapp_refuses_says_so(page: Page, stage: Stage) -> None:
    account_id = await stage.account()
    await stage.message(account_id, "hello", name="Ana Pop")
    stage.fleet.answer = pb.SendResult(outcome=pb.SendResult.REFUSED, reason="no such number")
    await open_chat(page, stage, "Ana Pop")
    await page.click(BOX)
    await page.type("to nobody")
    await page.press("Enter")
    await page.sees("No such number.", ".failure")
    title = await page.js("document.querySelector('.tick-failed').title")
    assert title == "Not sent: no such number"


async def test_a_new_conversation_begins_with_a_number_and_a_text(page: Page, stage: Stage) -> None:
    await stage.account()
    await enter(page, stage)
    await page.click("[aria-label='New conversation']")
    await page.fill("#new-phone", "12")
    await page.fill("#new-text", "good morning")
    await page.click("#new-form button", "Send")
    await page.sees("with country code", "#new-error")
    await page.fill("#new-phone", "+40 722 000 111")
    await page.click("#new-form button", "Send")
    await page.sees("good morning", ".ours .bubble")
    await page.sees("+40 722 000 111", ".thread-head")
    assert [send.to for send in stage.fleet.sends] == [ANA]


async def test_a_group_names_its_senders_and_other_kinds_have_placeholders(
    page: Page, stage: Stage
) -> None:
    account_id = await stage.account()
    group = "120363041234567890@g.us"
    about = {"chat": group, "sender": IOANA, "name": "Ioana"}
    await stage.message(account_id, "hello all", **about)  # type: ignore[arg-type]
    await stage.message(account_id, "our hall", kind="image", **about)  # type: ignore[arg-type]
    await stage.message(account_id, "", kind="something new", **about)  # type: ignore[arg-type]
    unread = pb.Undecryptable(
        id="X1", chat=group, sender=ANA, timestamp_ms=stage.now_ms(), reason="no session"
    )
    subject = pb.GroupSubject(chat=group, subject="House team")
    events = (pb.Event(undecryptable=unread), pb.Event(group_subject=subject))
    await stage.happened(account_id, *events)
    await open_chat(page, stage, "House team")
    await page.sees("Ioana", ".sender")
    await page.sees("Photo\nour hall", ".bubble")
    await page.sees("not shown here", ".bubble")
    await page.sees("This message can't be read yet", ".bubble")


async def test_what_people_write_is_text_and_never_markup(page: Page, stage: Stage) -> None:
    account_id = await stage.account(name=MARKUP)
    await stage.message(account_id, MARKUP, name=MARKUP)
    await open_chat(page, stage, "onerror")
    await page.sees(MARKUP, ".bubble")
    await page.sees(MARKUP, ".account-head")
    assert await page.js("document.querySelectorAll('b, #app img:not(.qr)').length") == 0
    assert await page.js("document.title") == "Wakeeper"


# --------------------------------------------------------------------------------- live, or not


async def test_a_supervisor_that_goes_and_returns_is_noticed_and_nothing_is_missed(
    page: Page, stage: Stage, outbox: Outbox
) -> None:
    account_id = await stage.account()
    await stage.message(account_id, "before", name="Ana Pop")
    await open_chat(page, stage, "Ana Pop")
    await stage.close()
    await page.sees("Offline", "#live")
    await stage.message(account_id, "while you were away", name="Ana Pop")
    await stage.serve(outbox)
    await page.sees("while you were away", ".bubble")
    await page.sees("Live", "#live")


FAST_POLLS: Final = """{
  const real = window.setInterval;
  window.setInterval = (act, ms) => real(act, ms === 5000 ? 100 : ms);
}"""


async def test_without_events_the_page_asks_every_few_seconds(page: Page, stage: Stage) -> None:
    account_id = await stage.account()
    await stage.message(account_id, "before", name="Ana Pop")
    page.refuse = "/api/events"
    await page.send("Page.addScriptToEvaluateOnNewDocument", source=FAST_POLLS)
    await page.go(f"{stage.url}/#token={TOKEN}")
    await page.sees("Every 5 s", "#live")
    await page.click(".thread-item", "Ana Pop")
    await page.sees("before", ".bubble")
    await stage.message(account_id, "after", name="Ana Pop")
    await page.sees("after", ".bubble")


async def test_a_token_that_is_refused_later_asks_for_the_new_one(
    page: Page, stage: Stage, outbox: Outbox
) -> None:
    account_id = await stage.account(name="Front desk")
    await stage.message(account_id, "a private matter", name="Ana Pop")
    await open_chat(page, stage, "Ana Pop")
    await stage.close()
    await stage.serve(outbox, token="another token")
    await page.sees("The admin token is no longer accepted.", "#sign-in-error")
    assert "private" not in await page.js("document.documentElement.outerHTML")
    assert await page.js("sessionStorage.length") == 0


# ------------------------------------------------------------------------------- for everybody


async def test_on_a_phone_one_thing_is_shown_at_a_time(page: Page, stage: Stage) -> None:
    account_id = await stage.account()
    await stage.message(account_id, "hello", name="Ana Pop")
    await page.screen(390, 844)
    await enter(page, stage)
    await page.click(".account")
    await page.click(".thread-item", "Ana Pop")
    await page.sees("hello", ".bubble")
    assert await page.js("document.documentElement.scrollWidth") <= 390
    await page.click(".thread-head .back")
    await page.sees("Ana Pop", ".thread-item")
    await page.click(".account-head .back")
    await page.sees("Front desk", ".account")
    await page.js("history.back()")
    await page.sees("Ana Pop", ".thread-item")


async def test_the_keyboard_is_enough(page: Page, stage: Stage) -> None:
    first = await stage.account("First", "+40711111111")
    await stage.account("Second", "+40722222222")
    await stage.message(first, "hello", name="Ana Pop")
    await enter(page, stage)
    await page.js("document.querySelector('.account').focus()")
    await page.press("ArrowDown")
    await page.press("Enter")
    await page.sees("Second", ".account-head")
    await page.press("ArrowUp")
    await page.press("Enter")
    await page.sees("Ana Pop", ".thread-item")
    await page.js("document.querySelector('.thread-item').focus()")
    await page.press("Enter")
    await page.until(f"document.activeElement.matches({BOX!r})")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_stands_out_from_its_ground(page: Page, stage: Stage, scheme: str) -> None:
    account_id = await stage.account()
    for number, status in enumerate(AccountStatus):
        if status is not AccountStatus.DELETED:
            await stage.account(
                f"is {status}", f"+4079900000{number:02}", status, reason="a reason"
            )
    await stage.message(account_id, "hello", name="Ana Pop")
    await stage.message(account_id, "mine", chat=ANA, from_me=True)
    await stage.message(account_id, "new", chat=IOANA, name="Ioana")
    await page.screen(1280, 800, scheme=scheme)
    await open_chat(page, stage, "Ana Pop")
    assert await page.js(TOO_FAINT) == []
    for name in ("needs_qr", "qr_ready", "disconnected", "reconnecting", "passive"):
        await page.click(".account", f"is {name}")
        await page.sees(f"is {name}", ".account-head")
        assert await page.js(TOO_FAINT) == []


# WCAG 2.2, 1.4.3: every visible text against the first ground behind it that is not transparent.
TOO_FAINT: Final = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = (css) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = css; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [x, y, z]) =>
    [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
  const light = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    const behind = node.parentElement ? () => ground(node.parentElement) : () => [255, 255, 255, 1];
    const own = rgba(getComputedStyle(node).backgroundColor);
    return own[3] === 1 ? own : over(own, behind());
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text; (text = walker.nextNode());) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.checkVisibility() || node.closest("script, :disabled")) continue;
    let opacity = 1;
    for (let up = node; up; up = up.parentElement) opacity *= Number(getComputedStyle(up).opacity);
    const back = ground(node);
    const colour = rgba(getComputedStyle(node).color);
    colour[3] *= opacity;
    const [a, b] = [light(over(colour, back)), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${text.data.trim()}: ${ratio.toFixed(2)}`);
  }
  return faint;
})()"""


# -------------------------------------------------------------------------------- what is shipped


async def test_the_page_is_strict_with_itself(stage: Stage) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{stage.url}/dashboard/") as answer:
        html = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.findall(r"\sstyle=|\son\w+=|<style|<script(?! type=\"module\" src=)", html) == []
    assert re.findall(r"https?://", html) == []


async def test_every_module_and_style_of_the_page_is_served(stage: Stage) -> None:
    seen: dict[str, str] = {}
    wanted = ["index.html"]
    async with aiohttp.ClientSession() as http:
        while wanted:
            name = wanted.pop()
            async with http.get(f"{stage.url}/dashboard/{name}") as answer:
                assert answer.status == 200, name
                seen[name] = await answer.text()
            found = re.findall(r'(?:href|src|from) ?=? ?"(?:\./)?([\w-]+\.\w+)"', seen[name])
            wanted += [other for other in found if other not in seen and other not in wanted]
    assert {"main.js", "base.css", "sync.js", "favicon.svg"} <= seen.keys()
    for name, text in seen.items():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text), name
