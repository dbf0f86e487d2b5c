"""A process that bears workers: it has imported everything, and forks when it is asked to.

A forked worker shares the memory of what was imported and starts in milliseconds. Its parent is
the supervisor all the same, which is a child subreaper: the zygote forks an intermediate, that one
forks the worker and ends. Started as `python -P -m worker.zygote SUPERVISOR_PID FD`, with a socket
whose packets `shared/spawn.py` describes.

There is never a second thread here, and nothing that forks badly: no grpc (which breaks forked
children), no event loop, no open file but the socket. OpenSSL's generator reseeds itself in a
forked child since 1.1.1, libsodium and `os.urandom` ask the kernel each time.
"""

import contextlib
import errno
import gc
import os
import random  # noqa: TID251 -- only to find the generators of others
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Never

from shared import prctl
from shared.errors import WakeeperError
from shared.exit_codes import ExitCode
from shared.spawn import BIRTH_BYTES, pack_birth, receive_request

UNWANTED: Final = ("grpc", "pydantic")
_POLL_S: Final = 0.0002
_CRASHED: Final = 1


@dataclass(frozen=True, slots=True)
class Newborn:
    """What a worker knows when it has just been forked."""

    name: str
    order_fd: int


def serve(channel: socket.socket, supervisor_pid: int) -> Newborn | None:
    """Bear workers until the supervisor goes; in a worker, return what it was born as.

    Raises:
        LinkError: the supervisor asked for something unknown.
        OSError: the socket is broken.
    """
    while (request := receive_request(channel)) is not None:
        newborn = Newborn(*request)
        answer = _bear(supervisor_pid)
        if answer is None:
            channel.close()
            return newborn
        os.close(newborn.order_fd)
        channel.send(answer)
    return None


def _bear(supervisor_pid: int) -> bytes | None:
    """Fork a worker and return its pid, packed; in the worker itself return None."""
    told, tell = os.pipe()
    try:
        intermediate = os.fork()
        if intermediate == 0:
            _settle(supervisor_pid, was_parent=_fork_and_end(tell))
            return None
        # Only when it is reaped has the worker certainly become the supervisor's child.
        os.waitpid(intermediate, 0)
        os.set_blocking(told, False)
        return os.read(told, BIRTH_BYTES)
    except OSError as error:
        return pack_birth(-(error.errno or errno.EIO))
    finally:
        os.close(told)
        os.close(tell)


def _fork_and_end(tell: int) -> int:
    """Fork once more, tell the pid, and end; in the worker return the pid of who forked it."""
    own_pid, birth = os.getpid(), -errno.EIO
    try:
        birth = os.fork()
    except OSError as error:
        birth = -(error.errno or errno.EIO)
    finally:
        if birth != 0:
            os.write(tell, pack_birth(birth))
            os._exit(0)
    return own_pid


def _settle(supervisor_pid: int, was_parent: int) -> None:
    """Wait for the supervisor to become the parent, and fall with it from then on."""
    os.setsid()
    while os.getppid() == was_parent:
        time.sleep(_POLL_S)
    prctl.die_with_parent()
    if os.getppid() != supervisor_pid:
        os._exit(ExitCode.BOOT_ERROR)


def _live(newborn: Newborn, life: Callable[[list[str]], int]) -> Never:
    """Be the worker, to its end; the interpreter that others share is not taken down."""
    code = _CRASHED
    try:
        prctl.set_name(newborn.name)
        gc.enable()
        reseed()
        code = life([newborn.name, str(newborn.order_fd)])
    except BaseException:  # noqa: BLE001 -- the outermost frame: it is told, and it is a crash
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def reseed() -> int:
    """Give each generator that aiohttp made at its import a state of its own; return how many.

    It draws the masks of WebSocket frames; workers that share its state would all send the same.
    """
    generators = shared_generators()
    for generator in generators:
        generator.seed()
    return len(generators)


def shared_generators() -> list[random.Random]:
    """Return the generators that stand as default arguments in aiohttp."""
    from aiohttp.http import WebSocketWriter

    defaults = (WebSocketWriter.__init__.__kwdefaults__ or {}).values()
    return [each for each in defaults if isinstance(each, random.Random)]


def check_fit_to_fork() -> None:
    """Refuse to be a zygote where forking would go wrong.

    Raises:
        RuntimeError: there is another thread, or a module that must not be here.
    """
    unwanted = [name for name in UNWANTED if name in sys.modules]
    if unwanted or threading.active_count() != 1:
        raise RuntimeError(
            f"a zygote with {threading.active_count()} threads and {unwanted} can't fork workers"
        )


def main(arguments: list[str]) -> int:
    """Serve the supervisor that `arguments` name: its pid, and the socket's descriptor."""
    supervisor_pid, fd = map(int, arguments)
    prctl.die_with_parent()
    if os.getppid() != supervisor_pid:
        return ExitCode.BOOT_ERROR
    gc.disable()  # a collection before the freeze would leave holes in pages that are shared
    from worker import process
    from worker.warm import warm_up

    with contextlib.suppress(OSError, WakeeperError):  # then workers are larger, and that is all
        warm_up()
    check_fit_to_fork()
    prctl.set_name("wk zygote")
    gc.freeze()  # a collection in a worker would write to, and so copy, all that is shared
    newborn = serve(socket.socket(fileno=fd), supervisor_pid)
    if newborn is not None:
        _live(newborn, process.main)
    return ExitCode.STOPPED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
