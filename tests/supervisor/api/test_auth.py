import pytest

from supervisor.api.app import create_app
from supervisor.api.auth import OPEN
from supervisor.api.deps import Deps
from tests.supervisor.api.conftest import TOKEN, Client

PROTECTED = [
    ("GET", "/accounts"),
    ("GET", "/api/whatsapp/accounts"),
    ("POST", "/api/whatsapp/add-account"),
    ("GET", "/api/whatsapp/qr/x"),
    ("POST", "/api/whatsapp/send-message"),
    ("POST", "/api/whatsapp/mark-read"),
    ("GET", "/api/whatsapp/threads/x"),
    ("GET", "/api/whatsapp/messages/x/y"),
    ("GET", "/api/events"),
    ("PATCH", "/api/whatsapp/accounts/x/name"),
    ("GET", "/api/whatsapp/accounts/x/health"),
    ("DELETE", "/api/whatsapp/accounts/x"),
    ("POST", "/api/whatsapp/accounts/x/reset"),
    ("POST", "/api/whatsapp/regenerate-qr/x"),
    ("POST", "/api/whatsapp/disconnect/x"),
    ("POST", "/api/admin/account/x/disconnect"),
    ("POST", "/api/admin/account/x/reconnect"),
    ("POST", "/api/admin/lease/step-down"),
    ("POST", "/api/admin/lease/ask"),
    ("POST", "/api/admin/lease/force-release"),
]


def test_the_list_above_is_complete(deps: Deps) -> None:
    routes = {
        (route.method, route.resource.canonical)
        for route in create_app(deps).router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    shaped = {
        (method, path.replace("/x/y", "/{account_id}/{thread_id}").replace("/x", "/{account_id}"))
        for method, path in PROTECTED
    }

    assert {route for route in routes if route[1] not in OPEN} == shaped


@pytest.mark.parametrize(("method", "path"), PROTECTED)
@pytest.mark.parametrize(
    ("header", "status", "error"),
    [
        (None, 401, "missing_auth_token"),
        ("", 401, "missing_auth_token"),
        ("Bearer", 401, "missing_auth_token"),
        ("Bearer  ", 401, "missing_auth_token"),
        (f"Basic {TOKEN}", 401, "missing_auth_token"),
        (TOKEN, 401, "missing_auth_token"),
        ("Bearer wrong", 403, "forbidden"),
        (f"Bearer {TOKEN}x", 403, "forbidden"),
        (f"Bearer {TOKEN[:-1]}", 403, "forbidden"),
        ("Bearer ünï", 403, "forbidden"),
    ],
)
async def test_nothing_is_told_without_the_token(
    client: Client, method: str, path: str, header: str | None, status: int, error: str
) -> None:
    headers = {} if header is None else {"Authorization": header}

    async with client.request(method, path, headers=headers) as response:
        body = await response.json()

    assert (response.status, body["success"], body["error"]) == (status, False, error)
    assert ("WWW-Authenticate" in response.headers) is (status == 401)


async def test_a_token_in_the_url_is_no_token(client: Client) -> None:
    async with client.get("/api/whatsapp/accounts", params={"token": TOKEN}) as response:
        assert response.status == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_token_opens(client: Client, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {TOKEN}"}

    async with client.get("/api/whatsapp/accounts", headers=headers) as response:
        assert response.status == 200
