"""The order a new worker reads from an inherited file descriptor, and nothing else is secret.

The supervisor writes it into a pipe before the process starts, so that the token appears neither
in the argument vector nor in the environment, which anybody of the same uid could read.
"""

import contextlib
import json
import os
from dataclasses import dataclass, field, fields
from typing import Any, Final

from shared.errors import LinkError
from shared.worker_settings import WorkerSettings

MAX_ORDER_BYTES: Final = 32 * 1024  # well below a pipe's 64 KiB: writing it never blocks
TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class SpawnOrder:
    """Whose worker a process is, where its files are, and how it proves itself.

    Args:
        account_id: the account, as in the store.
        directory: the account's own directory; made by the worker (0700) when missing.
        link_path: the supervisor's Unix socket.
        token: `TOKEN_BYTES` random bytes in hexadecimal, good for one Hello.
        supervisor_pid: what `getppid()` must say once PDEATHSIG is armed.
        settings: what every worker is told.
    """

    account_id: str
    directory: str
    link_path: str
    token: str = field(repr=False)
    supervisor_pid: int
    settings: WorkerSettings

    def encode(self) -> bytes:
        """Return the order as it goes through the pipe.

        Raises:
            LinkError: it is longer than `MAX_ORDER_BYTES`.
        """
        values: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        values["settings"] = json.loads(self.settings.to_json())
        data = json.dumps(values, separators=(",", ":")).encode()
        if len(data) > MAX_ORDER_BYTES:
            raise LinkError(f"the order for a worker is {len(data)} bytes, over {MAX_ORDER_BYTES}")
        return data

    @classmethod
    def decode(cls, data: bytes) -> "SpawnOrder":
        """Return the order that `data` holds.

        Raises:
            LinkError: it is not a whole order.
            ConfigError: its settings are another release's.
        """
        try:
            values = json.loads(data)
            settings = WorkerSettings.from_json(json.dumps(values.pop("settings")))
            order = cls(**values, settings=settings)
            bytes.fromhex(order.token)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise LinkError(
                "the worker's order could not be read",
                hint="workers are started by the supervisor, not by hand",
            ) from error
        return order


def read_order(fd: int) -> SpawnOrder:
    """Read the order to its end from an inherited descriptor, then close that.

    Raises:
        LinkError: there is no whole order on it.
    """
    data = b""
    try:
        while len(data) <= MAX_ORDER_BYTES and (part := os.read(fd, MAX_ORDER_BYTES)):
            data += part
    except OSError as error:
        raise LinkError(f"the worker's order on descriptor {fd} could not be read") from error
    finally:
        with contextlib.suppress(OSError):
            os.close(fd)
    return SpawnOrder.decode(data)
