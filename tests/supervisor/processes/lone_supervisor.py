"""A supervisor to be killed: starts one stand-in, prints its pid, and waits for its end."""

import asyncio
import sys
from pathlib import Path

from tests.supervisor.processes.house import ACCOUNT, open_house


async def main(state: Path) -> None:
    """Run until killed."""
    async with open_house(state) as house:
        await house.started()
        print(house.file("pid", ACCOUNT), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
