"""A headless Chromium, driven through its DevTools protocol: real clicks, keys and layout."""

import asyncio
import base64
import contextlib
import itertools
import json
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp

START_TIMEOUT_S: Final = 30.0
STEP_TIMEOUT_S: Final = 8.0
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
BREAKABLE: Final = (
    {"urlPattern": "*/api/events", "requestStage": "Request"},
    {"urlPattern": "*/send-message", "requestStage": "Request"},
    {"urlPattern": "*/send-message", "requestStage": "Response"},
)
"""Requests that a test may break; asking about them from the beginning leaves no gap."""
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")

# Resolves when the expression is true; looks at every change of the document, and now and then
# for what is no change of it (scrolling, a value typed in).
UNTIL = """new Promise((resolve, reject) => {
  const deadline = setTimeout(() => finish(reject, new Error("still not true")), %d);
  const again = setInterval(check, 40);
  const seen = new MutationObserver(check);
  seen.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
  function finish(how, value) {
    clearTimeout(deadline); clearInterval(again); seen.disconnect(); how(value);
  }
  function check() { const value = (%s); if (value) finish(resolve, value); }
  check();
})"""

# Finds what is visible and, if a text is given, contains it.
FIND = """(selector, text) => Array.from(document.querySelectorAll(selector)).find((node) =>
  node.getClientRects().length > 0 && node.innerText.replace(/\\n+/g, "\\n").includes(text))"""


class PageError(AssertionError):
    """The page threw, or an expression that was to become true did not."""


def chromium_path() -> str | None:
    """Return where a Chromium is, None when this machine has none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextlib.contextmanager
def running_chromium(program: str, profile: Path) -> Iterator[str]:
    """Start it with an empty profile; yield its DevTools address."""
    process = subprocess.Popen(
        [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    reader = threading.Thread(target=_read_address, args=(process, told), daemon=True)
    reader.start()
    try:
        yield told.get(timeout=START_TIMEOUT_S)
    finally:
        process.terminate()
        process.wait(timeout=10)
        reader.join(timeout=10)
        assert process.stderr is not None
        process.stderr.close()


def _read_address(process: "subprocess.Popen[str]", told: "queue.SimpleQueue[str]") -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"DevTools listening on (ws://\S+)", line):
            told.put(found[1])


class Page:
    """One page in a context of its own: nothing is shared with other pages."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._context = ""
        self._session = ""
        self.problems: list[str] = []
        """Exceptions, and what the browser itself complains of (CSP), except failed requests."""
        self.lose_answer_of = ""
        """Part of the addresses (see BREAKABLE) whose next answer gets lost on its way."""
        self.refuse = ""
        """Part of the addresses (see BREAKABLE) that can't be reached."""

    # ------------------------------------------------------------------------------- protocol

    async def open(self) -> None:
        """Make the page, and listen to what it complains of."""
        context = await self.send("Target.createBrowserContext")
        self._context = context["browserContextId"]
        target = await self.send(
            "Target.createTarget", url="about:blank", browserContextId=self._context
        )
        attached = await self.send(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.send(f"{domain}.enable")
        await self.send("Fetch.enable", patterns=list(BREAKABLE))
        await self.send("Emulation.setTimezoneOverride", timezoneId="Europe/Bucharest")
        await self.send("Emulation.setLocaleOverride", locale="en-GB")
        await self.screen(1280, 800)

    async def close(self) -> None:
        """Leave the page, and have the browser forget it."""
        self._session = ""
        await self.send("Target.disposeBrowserContext", browserContextId=self._context)

    async def send(self, method: str, /, **params: Any) -> dict[str, Any]:
        """Call a method of the DevTools protocol."""
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        await self._post(number, method, params)
        async with asyncio.timeout(STEP_TIMEOUT_S + 5):
            return await answer

    async def _post(self, number: int, method: str, params: dict[str, Any]) -> None:
        about = {"sessionId": self._session} if self._session else {}
        await self._socket.send_json({"id": number, "method": method, "params": params, **about})

    async def listen(self) -> None:
        """Read until the socket closes."""
        async for message in self._socket:
            heard = json.loads(message.data)
            if "id" in heard:
                self._settle(heard)
            else:
                await self._hear(heard["method"], heard.get("params", {}))

    def _settle(self, heard: dict[str, Any]) -> None:
        answer = self._answers.pop(heard["id"], None)
        if answer is None or answer.done():
            return
        if "error" in heard:
            answer.set_exception(PageError(heard["error"].get("message", "?")))
        else:
            answer.set_result(heard["result"])

    async def _hear(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            told = details.get("exception", {}).get("description", details["text"])
            self.problems.append(told)
        elif method == "Log.entryAdded" and params["entry"]["source"] != "network":
            self.problems.append(params["entry"]["text"])
        elif method == "Fetch.requestPaused":
            await self._pass(params)

    async def _pass(self, params: dict[str, Any]) -> None:
        """Let a request or its answer through, or break it off."""
        url, is_answer = params["request"]["url"], "responseStatusCode" in params
        is_lost = bool(is_answer and self.lose_answer_of and self.lose_answer_of in url)
        if is_lost:
            self.lose_answer_of = ""
        step: dict[str, Any] = {"requestId": params["requestId"]}
        method = "Fetch.continueRequest"
        if is_lost or (self.refuse and self.refuse in url):
            method, step["errorReason"] = "Fetch.failRequest", "ConnectionReset"
        await self._post(next(self._numbers), method, step)

    # ------------------------------------------------------------------------------- the page

    async def go(self, url: str) -> None:
        """Navigate; returns when the new document is there, not when the page is ready."""
        await self.send("Page.navigate", url=url)

    async def screen(self, width: int, height: int, *, scheme: str = "light") -> None:
        """Set the window's size and the colour scheme; below 600 px it is a phone."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1 if width > 600 else 2,
            mobile=width <= 600,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await self.send("Emulation.setEmulatedMedia", features=[feature])

    async def js(self, expression: str) -> Any:
        """Evaluate an expression (a promise is awaited) and return its JSON value."""
        answer = await self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    async def until(self, condition: str, *, within_s: float = STEP_TIMEOUT_S) -> Any:
        """Wait until an expression is true; return its value."""
        async with asyncio.timeout(2 * within_s):
            while True:
                try:
                    return await self.js(UNTIL % (within_s * 1000, condition))
                except PageError as error:
                    if "navigated" in str(error):
                        continue  # the next document is asked
                    body = await self.js("document.body.innerText")
                    raise PageError(f"{condition}: {error}; the page says:\n{body}") from None

    async def sees(self, text: str, selector: str = "body", **options: float) -> None:
        """Wait until a text is visible inside an element."""
        await self.until(
            f"({FIND})({json.dumps(selector)}, {json.dumps(text)}) !== undefined", **options
        )

    async def text(self, selector: str) -> str:
        """Return the visible text of the first such element."""
        found: str = await self.js(f"document.querySelector({json.dumps(selector)}).innerText")
        return found

    async def click(self, selector: str, text: str = "", *, times: int = 1) -> None:
        """Click the middle of the visible element, when it is there."""
        found = f"({FIND})({json.dumps(selector)}, {json.dumps(text)})"
        await self.until(f"{found} !== undefined && !{found}.disabled")
        spot = await self.js(
            f"(() => {{ const node = {found}; node.scrollIntoView({{block: 'nearest'}});"
            "const box = node.getBoundingClientRect();"
            "return {x: box.x + box.width / 2, y: box.y + box.height / 2}; })()"
        )
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                await self.send(
                    "Input.dispatchMouseEvent",
                    type=kind,
                    button="left",
                    clickCount=count,
                    **spot,
                )

    async def type(self, text: str) -> None:
        """Type into what has the focus."""
        await self.send("Input.insertText", text=text)

    async def fill(self, selector: str, text: str) -> None:
        """Replace what stands in a field."""
        await self.click(selector)
        await self.js(f"document.querySelector({json.dumps(selector)}).select()")
        await self.type(text)

    async def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key."""
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38}
        text = {"text": "\r"} if key == "Enter" else {}
        about = {
            "key": key,
            "code": key,
            "windowsVirtualKeyCode": codes[key],
            "modifiers": 8 if shift else 0,
        }
        await self.send("Input.dispatchKeyEvent", type="keyDown", **about, **text)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **about)

    async def screenshot(self) -> bytes:
        """Return a PNG of the window."""
        return base64.b64decode((await self.send("Page.captureScreenshot", format="png"))["data"])


@contextlib.asynccontextmanager
async def open_page(address: str) -> AsyncIterator[Page]:
    """Open a page in a running Chromium."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(address, max_msg_size=0, heartbeat=None) as socket,
    ):
        page = Page(socket)
        listening = asyncio.create_task(page.listen())
        try:
            await page.open()
            yield page
            await page.close()
        finally:
            await socket.close()
            await listening
