"""A supervisor to be killed: a zygote and a worker that waits for its order; prints their pids.

With `thread`, both are asked for by a thread that has ended when the pids are printed.
"""

import asyncio
import signal
import sys
import threading

from supervisor.zygote import Zygote

NAME = "lone"


async def stay() -> None:
    """Keep a worker until killed."""
    async with Zygote.running() as zygote:
        worker = await zygote.spawn(NAME)
        print(zygote.pid, worker.pid, flush=True)
        await asyncio.Event().wait()


def stay_without_the_thread() -> None:
    """Keep a worker that a thread asked for, which is no more."""
    loop = asyncio.new_event_loop()
    pids: list[int] = []

    running = Zygote.running()  # held: a context that nobody holds is closed

    async def begin() -> Zygote:
        return await running.__aenter__()

    async def spawn(zygote: Zygote) -> None:
        pids.append((await zygote.spawn(NAME)).pid)

    zygote = loop.run_until_complete(begin())
    thread = threading.Thread(target=lambda: loop.run_until_complete(spawn(zygote)))
    thread.start()
    thread.join()
    print(zygote.pid, *pids, flush=True)
    signal.pause()


if __name__ == "__main__":
    if sys.argv[1] == "thread":
        stay_without_the_thread()
    else:
        asyncio.run(stay())
