"""Batches whose disk fails at the worst moment: between the one bad stanza and the next one."""

import os
from pathlib import Path

import pytest

from shared.clock import SystemClock
from worker.session import Credentials, SessionFile, SessionWriteFailed
from worker.whatsapp.inbound import Inbound
from worker.wire import Node

BAD = Node("receipt", {"from": "15550000002@s.whatsapp.net", "id": "3A01", "t": "9" * 18})
GOOD = Node("receipt", {"from": "15550000002@s.whatsapp.net", "id": "3A02", "t": "1"})


class BreakingClock(SystemClock):
    """Takes the disk away at the moment when a row is stamped."""

    file: SessionFile | None = None

    def wall_s(self) -> float:
        if self.file is not None:
            self.file._connection.execute("PRAGMA query_only = ON")
        return super().wall_s()


def paired(path: Path, clock: SystemClock) -> SessionFile:
    credentials = Credentials.generate(clock, os.urandom).replace(
        jid="15550000001:1@s.whatsapp.net", lid="1000000001:1@lid"
    )
    return SessionFile.create(path, clock, lambda unit: unit.credentials.put(credentials))


def test_a_disk_that_fails_while_stanzas_are_taken_one_by_one_is_not_taken_for_a_bug(
    tmp_path: Path,
) -> None:
    """Refused instead, the good stanza would be gone for ever."""
    clock = BreakingClock()
    with paired(tmp_path / "session.db", clock) as file:
        inbound = Inbound(file, clock, os.urandom)
        clock.file = file
        with pytest.raises(SessionWriteFailed):
            inbound.take([BAD, GOOD])


def test_one_by_one_the_good_ones_are_kept_and_the_bad_one_is_refused(tmp_path: Path) -> None:
    clock = SystemClock()
    with paired(tmp_path / "session.db", clock) as file:
        bad, good = Inbound(file, clock, os.urandom).take([BAD, GOOD])
        assert [reply.attrs.get("error") for reply in bad.replies] == ["500"]
        assert [reply.attrs.get("error") for reply in good.replies] == [None]
        with file.unit() as unit:
            assert unit.spool.count() == 1
