"""A worker that speaks the link and knows no WhatsApp: `standin.py BEHAVIOUR ALIAS FD`.

A real process with a real socket, started as the real worker is. What it is to do is one word.
"""

import asyncio
import ctypes
import os
import signal
import sys
from pathlib import Path

from shared import link_pb2 as pb
from shared.clock import SystemClock
from shared.exit_codes import ExitCode
from shared.link import VERSION, LinkClosed, WorkerLink, dial
from shared.spawn import SpawnOrder, read_order

PR_SET_PDEATHSIG = 1
SECOND_ID = 2


def die_with_parent(supervisor_pid: int) -> None:
    """Arm the parent-death signal, then look whether the parent had gone before."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != supervisor_pid:
        sys.exit(ExitCode.BOOT_ERROR)


def hello(order: SpawnOrder, behaviour: str) -> pb.Hello:
    """Return the first message, spoiled as the behaviour wants it."""
    greeting = pb.Hello(
        version=VERSION,
        account_id=order.account_id,
        token=bytes.fromhex(order.token),
        pid=os.getpid(),
        boot_ns=SystemClock().boot_ns(),
    )
    match behaviour:
        case "wrong-token":
            greeting.token = bytes(32)
        case "wrong-version":
            greeting.version = VERSION + 1
        case "wrong-clock":
            greeting.boot_ns -= 5_000_000_000
        case "wrong-account":
            greeting.account_id = "account_test_other"
    return greeting


async def beat(link: WorkerLink, interval_s: float, unacked_ms: int = 0) -> None:
    """Send heartbeats for as long as the link lives."""
    while True:
        boot_ns = SystemClock().boot_ns()
        await link.send(pb.Heartbeat(boot_ns=boot_ns, oldest_unacked_ms=unacked_ms), timeout_s=5)
        await asyncio.sleep(interval_s)


async def begin(link: WorkerLink, behaviour: str) -> None:
    """Do what the behaviour does once, right after the welcome."""
    if behaviour.startswith("exit-"):
        code = int(behaviour.removeprefix("exit-"))
        await link.send(pb.State(state=pb.STOPPED, code=401, reason="told to"), timeout_s=5)
        os._exit(code)
    match behaviour:
        case "qr":
            await link.send(pb.State(state=pb.AWAITING_SCAN), timeout_s=5)
            await link.send(pb.Qr(payload="2@stand-in", expires_at_ms=9), timeout_s=5)
        case "pair":
            await link.send(pb.Qr(payload="2@stand-in", expires_at_ms=9), timeout_s=5)
            await link.send(pb.State(state=pb.PAIRING), timeout_s=5)
            paired = pb.Paired(
                phone="40700000001", jid="40700000001:3@s.whatsapp.net", session_id="s1"
            )
            await link.send(paired, timeout_s=5)
            await link.send(pb.State(state=pb.CONNECTED), timeout_s=5)
        case "inbound":
            await link.send(pb.State(state=pb.CONNECTED), timeout_s=5)
            await link.send(batch(1), timeout_s=5)
        case "babble":
            await link.send(hello_again(), timeout_s=5)
        case _:
            await link.send(pb.State(state=pb.CONNECTED), timeout_s=5)


def hello_again() -> pb.Hello:
    """Return what no welcome worker may say."""
    return pb.Hello(version=VERSION)


def batch(batch_id: int) -> pb.Inbound:
    """Return a batch of one text message."""
    message = pb.Message(
        id=f"MESSAGE{batch_id}",
        chat="40700000002@s.whatsapp.net",
        sender="40700000002@s.whatsapp.net",
        timestamp_ms=1_700_000_000_000,
        kind="text",
        text="hello",
    )
    return pb.Inbound(batch_id=batch_id, events=[pb.Event(spool_id=batch_id, message=message)])


async def resend(link: WorkerLink, acked: asyncio.Event, interval_s: float) -> None:
    """Send the batch again until it is acknowledged, as the real spool does."""
    while not acked.is_set():
        await asyncio.sleep(interval_s)
        if not acked.is_set():
            await link.send(batch(1), timeout_s=5)


async def obey(link: WorkerLink, behaviour: str, acked: asyncio.Event) -> None:
    """Answer until told to stop."""
    while True:
        match await link.receive():
            case pb.Send() if behaviour == "hang-up":
                await link.close()
                signal.pause()
            case pb.Send() as send if behaviour != "deaf":
                result = pb.SendResult(
                    request_id=send.request_id,
                    message_id=send.message_id,
                    outcome=pb.SendResult.SENT,
                )
                await link.send(result, timeout_s=5)
                if behaviour == "crash-on-send":
                    os._exit(1)
            case pb.BatchAck() as ack:
                acked.set()
                reason = f"acknowledged {ack.batch_id}"
                await link.send(pb.State(state=pb.CONNECTED, reason=reason), timeout_s=5)
            case pb.Stop() if behaviour != "stubborn":
                return


async def work(order: SpawnOrder, behaviour: str) -> None:
    """Live one life as a worker."""
    link = await dial(Path(order.link_path), timeout_s=5)
    tasks = []
    acked = asyncio.Event()
    try:
        await link.send(hello(order, behaviour), timeout_s=5)
        if not isinstance(await link.receive(), pb.Welcome):
            sys.exit(ExitCode.BOOT_ERROR)
        if behaviour != "silent":
            unacked_ms = 61_000 if behaviour == "stuck" else 0
            beating = beat(link, order.settings.heartbeat_interval_s, unacked_ms)
            tasks.append(asyncio.create_task(beating))
        await begin(link, behaviour)
        if behaviour == "inbound":
            tasks.append(asyncio.create_task(resend(link, acked, 0.05)))
        await obey(link, behaviour, acked)
    except LinkClosed:
        sys.exit(ExitCode.BOOT_ERROR)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await link.close()


def main() -> None:
    """Be born as a worker is."""
    behaviour, _alias, fd = sys.argv[1:]
    order = read_order(int(fd))
    die_with_parent(order.supervisor_pid)
    directory = Path(order.directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "environment").write_text("\n".join(sorted(os.environ)))
    (directory / "open-files").write_text(
        "\n".join(sorted(path.name for path in Path("/proc/self/fd").iterdir()))
    )
    (directory / "pid").write_text(str(os.getpid()))
    if behaviour == "mute":
        signal.pause()
    if behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    asyncio.run(work(order, behaviour))


if __name__ == "__main__":
    main()
