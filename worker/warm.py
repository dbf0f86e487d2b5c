"""Does once, before forking, what every worker does at its start, with keys that are thrown away.

Whatever is built at its first use (compiled patterns, method caches, specialised bytecode, the
libraries' own tables) is then shared by all workers, instead of being built in each. Nothing else
depends on it: a worker of a zygote that could not warm up is only larger.
"""

import asyncio
import io
import os
import socket
import tempfile
from pathlib import Path
from typing import Final

import aiohttp

from shared import link_pb2 as pb
from shared import logs
from shared.clock import SystemClock
from shared.link import supervisor_end, worker_end
from worker.session import Credentials, SessionFile
from worker.whatsapp import payloads
from worker.wire import Jid, Node, decode, encode
from worker.wire.curve import KeyPair, verify
from worker.wire.frames import FrameReader, frame
from worker.wire.handshake import ClientHandshake
from worker.wire.noise import TransportCipher

_ROUNDS: Final = 10  # the interpreter specialises bytecode after eight calls
_SEND_S: Final = 5.0
_VERSION: Final = (2, 3000, 0)
_JID: Final = Jid("40700000001", "s.whatsapp.net", 1)


def warm_up() -> None:
    """Use what workers use; leaves no thread, no file and no open descriptor.

    Raises:
        OSError, WakeeperError: there is no room for a file that lives for a moment, or no time.
    """
    with tempfile.TemporaryDirectory(prefix="wakeeper-") as folder:
        _use_session(Path(folder) / "session.db")
    _use_logs()
    for _ in range(_ROUNDS):
        _use_wire()
    asyncio.run(_use_loop())


def _use_session(path: Path) -> None:
    clock = SystemClock()
    fresh = Credentials.generate(clock, os.urandom)
    with SessionFile.create(path, clock, lambda unit: unit.credentials.put(fresh)) as file:
        for _ in range(_ROUNDS):
            with file.unit() as unit:
                payloads.registration(unit.credentials.get(), _VERSION)
                unit.spool.waiting(1)
                unit.prune()


def _use_wire() -> None:
    pair = KeyPair.generate(os.urandom)
    verify(pair.public, b"", pair.sign(b""))
    ClientHandshake(pair, now_s=0.0, root=bytes(32), rng=os.urandom).hello()
    payloads.login(_JID, _VERSION)
    node = Node("iq", {"to": str(_JID), "id": "1"}, [Node("ping", {}, bytes(64))])
    sealed = TransportCipher(bytes(32)).encrypt(encode(node))
    for each in FrameReader().feed(frame(sealed)):
        decode(TransportCipher(bytes(32)).decrypt(each))


def _use_logs() -> None:
    logs.configure(stream=io.StringIO(), level="info", fmt="json")  # the worker's own comes later
    log = logs.get_logger(__name__)
    for number in range(_ROUNDS):
        log.info("warming_up", number=number)


async def _use_loop() -> None:
    async with aiohttp.ClientSession():
        ours, theirs = socket.socketpair()
        worker = worker_end(*await asyncio.open_unix_connection(sock=ours))
        supervisor = supervisor_end(*await asyncio.open_unix_connection(sock=theirs))
        for _ in range(_ROUNDS):
            await worker.send(pb.State(reason="warm"), timeout_s=_SEND_S)
            await supervisor.receive()
            await supervisor.send(pb.Deadline(), timeout_s=_SEND_S)
            await worker.receive()
        await asyncio.gather(worker.close(), supervisor.close())
