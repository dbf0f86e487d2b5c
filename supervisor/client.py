"""Our own command line's way to the running daemon: its HTTP API, with the token it left for us."""

import http.client
import json
from typing import Any, Final
from urllib.parse import quote, urlsplit

from shared.errors import ConfigError, WakeeperError
from shared.settings import Settings
from supervisor.premises import TOKEN_FILE, published_address, read_token

TIMEOUT_S: Final = 75.0  # longer than any answer waits: a reconnect, for a minute
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024

Json = dict[str, Any]


class Unreachable(WakeeperError):
    """No daemon answers at the address."""


class Refused(WakeeperError):
    """The daemon answered that it will not; `answer` is what it said."""

    def __init__(self, status: int, answer: Json) -> None:
        super().__init__(str(answer.get("message") or answer.get("error") or f"HTTP {status}"))
        self.status = status
        self.answer = answer


class Client:
    """Asks one daemon; every call is a connection of its own."""

    def __init__(self, url: str, token: str) -> None:
        self.url: Final = url.rstrip("/")
        self._token = token

    @classmethod
    def find(cls, settings: Settings, url: str | None = None) -> "Client":
        """Return a client for `url`, else for the daemon that runs with these settings.

        Raises:
            ConfigError: there is no token to show.
        """
        default = f"http://{settings.host}:{settings.port}"
        return cls(url or published_address(settings.run_path) or default, _token(settings))

    def get(self, path: str) -> Json:
        """Return the answer to a GET.

        Raises:
            Unreachable, Refused: it did not come, or it is a no.
        """
        return self._ask("GET", path, None)

    def post(self, path: str, body: Json) -> Json:
        """Return the answer to a POST.

        Raises:
            Unreachable, Refused: it did not come, or it is a no.
        """
        return self._ask("POST", path, body)

    # ----------------------------------------------------------------------- what can be asked

    def health(self) -> Json:
        """Return how the daemon is."""
        return self.get("/health")

    def accounts(self) -> list[Json]:
        """Return all accounts."""
        return list(self.get("/api/whatsapp/accounts")["accounts"])

    def step_down(self) -> Json:
        """Have it hand the lease over; returns before it has."""
        return self.post("/api/admin/lease/step-down", {})

    def take_over(self) -> Json:
        """Have it ask for the lease; returns before it has it."""
        return self.post("/api/admin/lease/ask", {})

    def add(self, phone: str, name: str | None) -> Json:
        """Add an account, or return the one that this phone already has."""
        body = {"phone": phone, "name": name}
        return dict(self.post("/api/whatsapp/add-account", body)["account"])

    def regenerate(self, account_id: str) -> Json:
        """Have an account show a QR, or connect with the session it has."""
        return self.post(f"/api/whatsapp/regenerate-qr/{quote(account_id, safe='')}", {})

    def disconnect(self, account_id: str) -> Json:
        """Take an account off, until somebody starts it again."""
        return self.post(f"/api/whatsapp/disconnect/{quote(account_id, safe='')}", {})

    def reconnect(self, account_id: str) -> Json:
        """Start an account, and wait until it is connected."""
        return self.post(f"/api/admin/account/{quote(account_id, safe='')}/reconnect", {})

    def delete(self, account_id: str) -> Json:
        """Delete an account; its threads and messages stay."""
        return self._ask("DELETE", f"/api/whatsapp/accounts/{quote(account_id, safe='')}", None)

    def qr(self, account_id: str) -> Json:
        """Return an account's status and, while one is live, its QR payload as `qr`."""
        return self.get(f"/api/whatsapp/qr/{quote(account_id, safe='')}?format=json")

    def send(self, account_id: str, to: str, text: str, client_message_id: str | None) -> Json:
        """Send a text."""
        body: Json = {"accountId": account_id, "to": to, "message": text}
        if client_message_id is not None:
            body["clientMessageId"] = client_message_id
        return self.post("/api/whatsapp/send-message", body)

    # ------------------------------------------------------------------------------ how it goes

    def _ask(self, method: str, path: str, body: Json | None) -> Json:
        status, raw = self._exchange(method, path, None if body is None else json.dumps(body))
        try:
            answer = json.loads(raw)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Unreachable(
                f"what answers at {self.url} is not Wakeeper (HTTP {status})",
                hint="set PORT to Wakeeper's, or name it with --url",
            )
        if status >= 400:
            raise Refused(status, answer)
        return answer

    def _exchange(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        connection = self._connection()
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                f"no daemon answers at {self.url} ({error or type(error).__name__})",
                hint="start it with `wakeeper run`, or name another with --url",
            ) from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme == "http" and parts.hostname:
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
        if parts.scheme == "https" and parts.hostname:
            return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
        raise ConfigError(
            f"{self.url!r} is no address of a daemon", hint="for example http://127.0.0.1:8080"
        )


def _token(settings: Settings) -> str:
    if settings.admin_token is not None:
        return settings.admin_token.get_secret_value()
    path = settings.wakeeper_state / TOKEN_FILE
    try:
        token = read_token(path)
    except OSError as error:
        raise ConfigError(
            f"the admin token in {path} can't be read: {error.strerror}",
            hint="run this as the daemon's user, or set ADMIN_TOKEN",
        ) from error
    if token is None:
        raise Unreachable(
            f"no daemon has run with {settings.wakeeper_state} yet",
            hint="start it with `wakeeper run`, or set WAKEEPER_STATE as it has it",
        )
    return token
