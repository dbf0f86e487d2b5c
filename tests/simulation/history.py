"""What happened, in the order in which it truly happened: one line each, the same for all runs.

Events, with what they carry beside time, host and epoch:

acquire, release   the store wrote it; `holder`
renew_ok           its answer reached the holder (as did that of a taking); `hard_ns`: the instant
                   before it was sent, plus H, on the host's boot clock
spawn, exit        a worker; `worker`, and on exit `boot_ns`, `resumed_ns` (when it last ran again
                   after it had been stopped or frozen), `cause`
act                a worker did something that WhatsApp sees; `worker`
fence              the store raised an account's fence; `account`
write_accepted, write_rejected   a write for an account reached the store; `account`
vm_pause           a host stood still with all its clocks
edited             somebody changed the lease document by hand
calm, calm_end     from here on, and until here, nothing goes wrong; `bound_s`, `killed`
end                of the run, for each host; `boot_ns`
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Event:
    """One event; `t_s` is true time, or one clock that all hosts of a real run share."""

    t_s: float
    event: str
    host: str
    epoch: int
    more: dict[str, Any] = field(default_factory=dict)

    def to_line(self) -> str:
        about = {"t_s": round(self.t_s, 6), "event": self.event, "host": self.host}
        return json.dumps({**about, "epoch": self.epoch, **self.more})


def read(path: Path) -> list[Event]:
    """Read a history of JSON lines, in true order."""
    events = [_event(json.loads(line)) for line in path.read_text().splitlines()]
    return sorted(events, key=lambda event: event.t_s)


def write(events: Iterable[Event], path: Path) -> None:
    path.write_text("".join(event.to_line() + "\n" for event in events))


def _event(line: dict[str, Any]) -> Event:
    return Event(
        line.pop("t_s"), line.pop("event"), line.pop("host"), line.pop("epoch", 0), more=line
    )
