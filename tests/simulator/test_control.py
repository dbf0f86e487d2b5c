"""The simulator as a program: a client in any language drives it by HTTP."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

START_S = 20.0
END_S = 10.0
ANN, BOB = "15550000001", "15550000002"


@pytest.fixture(params=[[], ["--tls"]], ids=["ws", "wss"])
async def about(request: pytest.FixtureRequest) -> AsyncIterator[dict[str, str]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.simulator", *request.param),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(START_S):
        yield json.loads(await process.stdout.readline())
    process.terminate()
    async with asyncio.timeout(END_S):
        assert await process.wait() == 0


async def call(about: dict[str, str], method: str, path: str, **body: Any) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, about["control"] + path, json=body) as response,
    ):
        return response.status, await response.json()


async def test_phones_write_each_other_and_the_record_is_read(about: dict[str, str]) -> None:
    await call(about, "POST", "/phones", number=ANN, name="Ann")
    await call(about, "POST", "/phones", number=BOB, name="Bob")
    await call(about, "POST", "/echo", phone=BOB)

    status, sent = await call(about, "POST", "/send", **{"from": ANN, "to": BOB, "text": "hi"})
    _, received = await call(about, "GET", f"/phones/{BOB}/messages")
    _, answers = await call(about, "GET", f"/phones/{ANN}/messages")
    _, record = await call(about, "GET", "/record")

    assert status == 200
    assert [(m["message_id"], m["text"], m["name"]) for m in received] == [
        (sent["id"], "hi", "Ann")
    ]
    assert [message["text"] for message in answers] == ["echo: hi"]
    assert (record["violations"], record["retry_receipts"]) == ([], 0)


async def test_a_bad_request_is_answered_with_a_sentence(about: dict[str, str]) -> None:
    status, no_text = await call(about, "POST", "/send", **{"from": ANN, "to": BOB})
    refused, bad_qr = await call(about, "POST", "/scan", phone=ANN, qr="nonsense")
    unknown, fault = await call(about, "POST", "/fault", kind="earthquake")

    assert (status, refused, unknown) == (400, 409, 400)
    assert "text" in no_text["error"]
    assert "not a QR code" in bad_qr["error"]
    assert "earthquake" in fault["error"]
