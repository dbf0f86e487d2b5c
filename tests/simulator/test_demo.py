"""The demo, as a person runs it: QR code, scan, a message in, an answer out, Ctrl-C."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

START_S = 60.0
STOP_S = 40.0
POLL_S = 0.2

Json = dict[str, Any]


class Demo:
    def __init__(self, process: asyncio.subprocess.Process, url: str, token: str) -> None:
        self.process = process
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, **body: Any) -> Json:
        async with (
            aiohttp.ClientSession(headers=self._headers) as session,
            session.request(method, self._url + path, json=body or None) as response,
        ):
            response.raise_for_status()
            answer: Json = await response.json()
            return answer

    async def last_texts(self, account: str) -> dict[str, str]:
        threads = (await self.ask("GET", f"/api/whatsapp/threads/{account}"))["threads"]
        return {thread["displayName"]: thread["lastMessageText"] for thread in threads}

    async def until(self, account: str, name: str, text: str) -> None:
        async with asyncio.timeout(START_S):
            while (await self.last_texts(account)).get(name) != text:  # noqa: ASYNC110  another process knows
                await asyncio.sleep(POLL_S)


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tests.simulator.demo", "--scan-after", "0.2"),
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PORT": "0", "TMPDIR": str(tmp_path), "PYTHONPATH": "."},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            while not (found := _link(await process.stdout.readline())):
                pass
        yield Demo(process, *found)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _link(line: bytes) -> tuple[str, str] | None:
    assert line, "the demo ended before it showed the dashboard"
    found = re.search(rb"(http://\S+)/dashboard/#token=(\S+)", line)
    return (found[1].decode(), found[2].decode()) if found else None


async def test_a_message_arrives_is_answered_and_nothing_is_left_behind(
    demo: Demo, tmp_path: Path
) -> None:
    (account,) = (await demo.ask("GET", "/api/whatsapp/accounts"))["accounts"]
    await demo.until(account["id"], "Ana Ionescu", "Hi! Are you open on Saturday?")
    await demo.until(account["id"], "Bakery team", "The oven is fixed, we can start at six.")

    sent = await demo.ask(
        "POST",
        "/api/whatsapp/send-message",
        accountId=account["id"],
        to="+40722100200",
        message="Yes, from nine to five.",
        clientMessageId="demo-1",
    )
    await demo.until(account["id"], "Ana Ionescu", "Thank you!")
    demo.process.send_signal(signal.SIGINT)
    async with asyncio.timeout(STOP_S):
        code = await demo.process.wait()

    assert sent["status"] == "sent"
    assert code == 0
    assert list(tmp_path.glob("wakeeper-demo-*")) == []  # noqa: ASYNC240  two entries at most
