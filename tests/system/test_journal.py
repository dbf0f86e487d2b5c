"""What the journal has of it: priorities, and neither secrets nor phone numbers."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from shared.clock import SystemClock
from shared.logs import PRIORITIES
from tests.log_guard import KnownSecrets
from tests.system.service import STATE, Service, pid_inside
from worker.session import SessionFile

FRIEND = "40722100200"


async def test_lines_carry_their_priority_and_workers_lines_their_account(
    service: Service,
) -> None:
    await service.pair()
    worker = pid_inside(await service.worker_pid())
    await service.stop()
    entries = [e for e in await service.journal() if str(e["MESSAGE"]).startswith("{")]
    lines = [json.loads(entry["MESSAGE"]) for entry in entries]
    workers = [line for line in lines if line["module"].startswith("worker.")]

    assert [int(entry["PRIORITY"]) for entry in entries] == [
        PRIORITIES[line["level"]] for line in lines
    ]
    assert {"debug", "info"} <= {line["level"] for line in lines}
    assert {line["account_id"] for line in workers} == {service.account_id}
    assert worker in {entry["_PID"] for entry in entries}


async def test_no_secret_phone_or_text_is_in_the_journal(
    service: Service, known_secrets: KnownSecrets, tmp_path: Path
) -> None:
    owner = await service.pair()
    friend = await service.sim.phone(FRIEND, "Ana")
    written, answered = "a question that nobody else may read", "an answer as private as that"
    friend.send(owner, written)
    await service.ask(
        "POST", "/api/whatsapp/send-message",
        accountId=service.account_id, to=FRIEND, message=answered,
    )  # fmt: skip
    await friend.wait_received(answered)
    await service.sim.wait_settled()
    known_secrets.add_phone(FRIEND)
    for text in (written, answered):
        known_secrets.add(text, "a message's text")
    await service.stop()
    for key in private_keys(service, tmp_path):
        known_secrets.add(key, "a private key")
    assert len(await service.events()) > 10  # they are searched by the fixture


def private_keys(service: Service, copies: Path) -> Iterator[bytes]:
    """Yield the account's own keys, from a copy of its session file."""
    sessions = service.machine.root / STATE / "sessions"
    shutil.copytree(sessions / service.account_id, copies / "session")
    path = copies / "session" / "session.db"
    with SessionFile.open(path, SystemClock()) as file, file.unit() as unit:
        credentials = unit.credentials.get()
    yield credentials.noise_key.private
    yield credentials.identity_key.private
    yield credentials.signed_pre_key.pair.private
    yield credentials.adv_secret
