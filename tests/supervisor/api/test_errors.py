import json
from collections.abc import AsyncIterator

import pytest

from supervisor.store.contract import Store
from tests.supervisor.api.conftest import TOKEN, Call, Client, StartApi

ADD = "/api/whatsapp/add-account"
SEND = "/api/whatsapp/send-message"
AUTH = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("path", ["/nothing", "/api/whatsapp/nothing", "/api/whatsapp/", "/a//b"])
async def test_an_unknown_route_is_a_json_404(client: Client, path: str) -> None:
    async with client.get(path) as response:
        body = await response.json()

    assert (response.status, body["success"], body["error"]) == (404, False, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", ADD, ["POST"]),
        ("DELETE", "/health", ["GET", "HEAD", "OPTIONS"]),
        ("PUT", SEND, ["POST"]),
    ],
)
async def test_an_unknown_method_is_a_json_405(
    client: Client, method: str, path: str, allowed: list[str]
) -> None:
    async with client.request(method, path) as response:
        body = await response.json()

    assert (response.status, body["error"]) == (405, "method_not_allowed")
    assert body["allowed"] == allowed


@pytest.mark.parametrize(
    "raw",
    [b"{", b"not json", b'{"a":', b"\xff\xfe", b"[" * 50_000, b"{'name': 'x'}", b"\x00"],
)
@pytest.mark.parametrize("path", [ADD, SEND])
async def test_malformed_json_is_a_400_that_helps(call: Call, path: str, raw: bytes) -> None:
    status, body = await call("POST", path, data=raw)

    assert (status, body["error"]) == (400, "invalid_request")
    assert "JSON" in body["message"]


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"7", b"null", b"true"])
async def test_json_that_is_no_object_is_a_400(call: Call, raw: bytes) -> None:
    status, body = await call("POST", ADD, data=raw)

    assert (status, body["error"]) == (400, "invalid_request")
    assert "object" in body["message"]


async def test_a_body_over_the_cap_is_a_json_413(call: Call, store: Store) -> None:
    status, body = await call("POST", ADD, data=json.dumps({"name": "x" * 110_000}))

    assert (status, body["error"], body["maxBytes"]) == (413, "body_too_large", 102_400)
    assert await store.accounts.count() == 0


async def test_a_body_without_a_length_is_capped_too(call: Call) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 10_000

    status, body = await call("POST", ADD, data=chunks())

    assert (status, body["error"]) == (413, "body_too_large")


async def test_what_nobody_expected_is_answered_without_internals(
    start_api: StartApi, log_lines: list[str]
) -> None:
    client = await start_api(store=None)  # a bug of ours

    async with client.get("/api/whatsapp/accounts", headers=AUTH) as response:
        body = await response.json()

    assert (response.status, body["success"], body["error"]) == (500, False, "internal_error")
    assert "NoneType" not in json.dumps(body)
    assert any(body["traceId"] in line and "AttributeError" in line for line in log_lines)


async def test_a_store_that_is_away_is_a_503(call: Call, store: Store) -> None:
    await store.close()

    status, body = await call("GET", "/api/whatsapp/accounts")

    assert (status, body["error"]) == (503, "store_unavailable")
    assert "wakeeper.db" not in json.dumps(body)


@pytest.mark.parametrize("path", ["/health", "/nothing", "/api/whatsapp/accounts"])
async def test_every_answer_carries_the_protecting_headers(client: Client, path: str) -> None:
    async with client.get(path) as response:
        headers = response.headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Server"] == "wakeeper"


@pytest.mark.parametrize(
    ("given", "echoed"),
    [("abc-123", True), ("x" * 128, True), ("x" * 129, False), ("with space", False), ("", False)],
)
async def test_a_request_id_is_echoed_or_made(client: Client, given: str, echoed: bool) -> None:
    async with client.get("/nothing", headers={"X-Request-ID": given}) as response:
        body = await response.json()

    assert response.headers["X-Request-ID"] == body["requestId"]
    assert (body["requestId"] == given) is echoed
    assert echoed or body["requestId"].startswith("req_")
