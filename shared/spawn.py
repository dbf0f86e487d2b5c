"""The order a new worker reads from an inherited file descriptor, and nothing else is secret.

The supervisor writes it into a pipe, so that the token appears neither in the argument vector nor
in the environment, which anybody of the same uid could read.

A zygote is asked for a worker over a SOCK_SEQPACKET: one packet holds the worker's name and the
pipe's read end, the answer the worker's pid. The order itself never passes through the zygote,
whose memory every later worker inherits; it is written once the supervisor holds the process.
"""

import contextlib
import json
import os
import socket
import struct
from dataclasses import dataclass, field, fields
from typing import Any, Final

from shared.errors import LinkError
from shared.worker_settings import WorkerSettings

MAX_ORDER_BYTES: Final = 32 * 1024  # well below a pipe's 64 KiB: writing it never blocks
TOKEN_BYTES: Final = 32
MAX_WORKER_NAME_BYTES: Final = 256

_BIRTH: Final = struct.Struct("!i")  # a pid, or an errno as a negative number
BIRTH_BYTES: Final = _BIRTH.size


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


# ------------------------------------------------------------------------ asking for a process


def request_birth(channel: socket.socket, name: str, order_fd: int) -> None:
    """Ask a zygote for a worker that reads its order from `order_fd`.

    Raises:
        LinkError: the name is too long, or empty.
        OSError: the zygote is gone, or takes nothing.
    """
    data = name.encode()
    if not 0 < len(data) <= MAX_WORKER_NAME_BYTES:
        raise LinkError(f"a worker's name of {len(data)} bytes: 1 to {MAX_WORKER_NAME_BYTES}")
    socket.send_fds(channel, [data], [order_fd])


def receive_request(channel: socket.socket) -> tuple[str, int] | None:
    """Return the name of the worker that is wanted and its order's descriptor; None at the end.

    Raises:
        LinkError: it is not such a request.
    """
    data, fds, flags, _ = socket.recv_fds(
        channel, MAX_WORKER_NAME_BYTES, 1, socket.MSG_CMSG_CLOEXEC
    )
    if not data and not fds:
        return None
    if len(fds) != 1 or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        for fd in fds:
            os.close(fd)
        raise LinkError("a zygote was asked for a worker in a way that it does not know")
    return data.decode(), fds[0]


def pack_birth(birth: int) -> bytes:
    """Return the answer to a request: a pid, or the errno, negated, of why there is none."""
    return _BIRTH.pack(birth)


def read_birth(answer: bytes) -> int:
    """Return the pid that a zygote answered with.

    Raises:
        OSError: it could not fork; the errno says why.
        LinkError: this is no answer: the zygote is gone.
    """
    if len(answer) != BIRTH_BYTES:
        raise LinkError("the zygote ended without an answer")
    (birth,) = _BIRTH.unpack(answer)
    if birth <= 0:
        raise OSError(-birth, os.strerror(-birth))
    return int(birth)
