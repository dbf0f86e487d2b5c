import pytest

from shared.accounts import AccountStatus
from supervisor.store.contract import Store
from tests.supervisor.api.conftest import TOKEN, Call, Client
from tests.supervisor.outbox.fakes import MemoryFleet
from tests.supervisor.store.samples import ACCOUNT, account

PAGE = f"/api/whatsapp/qr/{ACCOUNT}"
QR = "https://wa.me/settings/linked_devices#2@ref,key,identity,secret"
AUTH = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(autouse=True)
async def _account(store: Store) -> None:
    await store.accounts.create(account(name="<b>Shop</b>"))


async def test_the_page_shows_the_code_and_refreshes_itself(
    client: Client, fleet: MemoryFleet
) -> None:
    fleet.show(ACCOUNT, AccountStatus.QR_READY, qr_payload=QR)

    async with client.get(PAGE, headers=AUTH) as response:
        text = await response.text()

    assert (response.status, response.content_type) == (200, "text/html")
    assert 'src="data:image/png;base64,' in text
    assert 'http-equiv="refresh" content="5"' in text
    assert "&lt;b&gt;Shop&lt;/b&gt;" in text
    assert "<b>" not in text
    assert "script" not in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "said"),
    [(PAGE, "QR code not ready"), ("/api/whatsapp/qr/nobody", "Account not found")],
)
async def test_a_page_without_a_code_is_a_404_that_looks_again(
    client: Client, path: str, said: str
) -> None:
    async with client.get(path, headers=AUTH) as response:
        text = await response.text()

    assert (response.status, response.content_type) == (404, "text/html")
    assert said in text
    assert 'http-equiv="refresh"' in text


@pytest.mark.parametrize("how", [{"params": {"format": "svg"}}, {"accept": "image/svg+xml"}])
async def test_the_code_as_svg(
    client: Client, fleet: MemoryFleet, how: dict[str, str | dict[str, str]]
) -> None:
    fleet.show(ACCOUNT, AccountStatus.QR_READY, qr_payload=QR)
    accept = how.get("accept", "*/*")
    params = how.get("params", {})
    assert isinstance(accept, str)
    assert isinstance(params, dict)

    async with client.get(PAGE, headers={**AUTH, "Accept": accept}, params=params) as response:
        body = await response.read()

    assert (response.status, response.content_type) == (200, "image/svg+xml")
    assert b"<svg" in body
    assert b"viewBox" in body
    assert response.headers["Cache-Control"] == "no-store"


async def test_the_code_as_json(call: Call, fleet: MemoryFleet) -> None:
    fleet.show(ACCOUNT, AccountStatus.QR_READY, qr_payload=QR, qr_expires_at_ms=1_790_000_000_000)

    status, body = await call("GET", PAGE, params={"format": "json"})

    assert (status, body["status"], body["qr"]) == (200, "qr_ready", QR)
    assert (body["expiresAtMs"], body["expiresAt"]) == (
        1_790_000_000_000,
        "2026-09-21T14:13:20.000Z",
    )


async def test_json_without_a_code_says_where_the_account_stands(
    call: Call, fleet: MemoryFleet
) -> None:
    fleet.show(ACCOUNT, AccountStatus.CONNECTED, qr_expires_at_ms=5)

    status, body = await call("GET", PAGE, headers={"Accept": "application/json"})

    assert (status, body["status"], body["qr"], body["expiresAtMs"]) == (
        200,
        "connected",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        (f"{PAGE}?format=svg", 404, "qr_not_ready"),
        (f"{PAGE}?format=pdf", 400, "invalid_request"),
        ("/api/whatsapp/qr/nobody?format=json", 404, "account_not_found"),
        ("/api/whatsapp/qr/nobody?format=svg", 404, "account_not_found"),
    ],
)
async def test_what_can_not_be_shown_is_said(
    call: Call, path: str, status: int, error: str
) -> None:
    found, body = await call("GET", path)

    assert (found, body["error"]) == (status, error)
