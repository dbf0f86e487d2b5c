"""What the HTTP API is built from, handed in by the daemon."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiohttp import web

from shared.clock import Clock
from supervisor.api.census import Census
from supervisor.api.doors import Alone, Fleet, Lease, Sender
from supervisor.events import EventBus
from supervisor.store.contract import Store

BODY_CAP_BYTES: Final = 100 * 1024  # what the Node backend's body parser takes


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """The settings the API uses; times are wall-clock milliseconds."""

    admin_token: str
    namespace: str
    max_accounts: int
    instance_id: str
    version: str
    started_at_ms: int
    commit: str | None = None
    store_name: str = "sqlite"
    sessions_path: Path | None = None
    body_cap_bytes: int = BODY_CAP_BYTES

    def __repr__(self) -> str:
        return f"ApiConfig(instance_id={self.instance_id!r}, admin_token=…)"


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything the handlers reach: no globals, no second way to the store."""

    config: ApiConfig
    store: Store
    fleet: Fleet
    sender: Sender
    events: EventBus
    clock: Clock
    lease: Lease = field(default_factory=Alone)
    rng: Callable[[int], bytes] = os.urandom
    adding: asyncio.Lock = field(default_factory=asyncio.Lock)  # count and create belong together
    census: Census = field(default_factory=Census)
    regenerating: set[str] = field(default_factory=set)  # accounts that are about to show a QR

    def now_ms(self) -> int:
        """Return the wall clock in milliseconds."""
        return int(self.clock.wall_s() * 1000)


DEPS: Final = web.AppKey("deps", Deps)


def deps(request: web.Request) -> Deps:
    """Return what the request's application was built from."""
    return request.app[DEPS]
