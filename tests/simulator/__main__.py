"""Runs a simulated service on its own: `python -m tests.simulator --port 8800`.

Clients connect to ws://127.0.0.1:PORT/ws/chat (wss with --tls) and have to trust the root key
that is printed. Everything else goes by HTTP (`control.py`): on the same port, or with --tls on
--control-port without encryption.
"""

import argparse
import asyncio
import json
import signal

from tests.simulator.control import Control
from tests.simulator.server import Simulator


def main() -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--tls", action="store_true", help="speak wss, self-signed")
    parser.add_argument("--control-port", type=int, default=0, help="with --tls; 0: any free one")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.port, arguments.control_port, tls=arguments.tls))


async def _serve(port: int, control_port: int, *, tls: bool) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    sim = Simulator(port=port, tls=tls)
    Control(sim).attach()
    async with sim:
        control = await sim.listen(control_port) if tls else sim.port
        about = {"url": sim.url, "root": sim.root_public_hex}
        print(json.dumps({**about, "control": f"http://127.0.0.1:{control}"}), flush=True)
        await stopped.wait()


if __name__ == "__main__":
    main()
