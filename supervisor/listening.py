"""Where the HTTP API listens, and who finds it there."""

import contextlib
import errno
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from shared.errors import ConfigError, WakeeperError
from shared.settings import Settings
from supervisor.api.app import create_app
from supervisor.api.deps import Deps
from supervisor.premises import AdminToken, publish_address, withdraw_address

API_SHUTDOWN_S: Final = 5.0  # for requests that are being answered


class PortBusy(WakeeperError):
    """The API's address is taken by another program."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the API is, and what it asks for."""

    url: str
    token: AdminToken

    @property
    def dashboard(self) -> str:
        """The dashboard's address."""
        return f"{self.url}/dashboard/"


@contextlib.asynccontextmanager
async def listening(settings: Settings, deps: Deps) -> AsyncIterator[str]:
    """Serve the API meanwhile; give its address.

    Raises:
        PortBusy: another program listens there.
        ConfigError: HOST is no address of this machine.
    """
    runner = web.AppRunner(create_app(deps), access_log=None, shutdown_timeout=API_SHUTDOWN_S)
    await runner.setup()
    try:
        await _bind(runner, settings.host, settings.port)
        url = _url(settings.host, runner.addresses[0][1])
        publish_address(settings.run_path, url)
        yield url
    finally:
        withdraw_address(settings.run_path)
        await runner.cleanup()


async def _bind(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortBusy(
                f"port {port} of {host} is in use by another program",
                hint="stop that one, or set PORT to a free port (0 takes any)",
            ) from error
        raise ConfigError(
            f"the API can't listen on {host}, port {port}: {error.strerror}",
            hint="set HOST to an address of this machine, and PORT to one you may use",
        ) from error


def _url(host: str, port: int) -> str:
    """Return where a browser on this machine finds the API."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
