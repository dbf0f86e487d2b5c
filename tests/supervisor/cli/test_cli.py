"""The command line as a person and as a script use it: real processes against a real daemon."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.supervisor.daemon.harness import TOKEN, Served, served
from tests.supervisor.processes.house import PATIENCE_S, until_true

PHONE = "+40700000001"


@dataclass
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def wakeeper(*arguments: str, **environment: str) -> Said:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "supervisor", *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "ADMIN_TOKEN": TOKEN, **environment},
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    assert b"Traceback" not in err
    return Said(process.returncode, out.decode(), err.decode())


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as running:
        yield running


async def connected(running: Served) -> dict[str, Any]:
    await running.ask("POST", "/api/whatsapp/add-account", phone=PHONE, name="Shop")
    return await running.account_with("connected")


async def test_add_list_and_status(running: Served) -> None:
    added = await wakeeper("accounts", "add", PHONE, "--name", "Shop", WAKEEPER_URL=running.url)
    await running.account_with("connected")
    listed = await wakeeper("accounts", "list", WAKEEPER_URL=running.url)
    status = await wakeeper("status", WAKEEPER_URL=running.url)

    assert (added.code, listed.code, status.code) == (0, 0, 0)
    assert added.out.startswith("account_test_")
    assert "Shop" in listed.out
    assert "1 of 1 accounts connected" in status.out


async def test_json_is_for_scripts(running: Served) -> None:
    account = await connected(running)
    listed = await wakeeper("accounts", "list", "--json", WAKEEPER_URL=running.url)
    status = await wakeeper("status", "--json", WAKEEPER_URL=running.url)

    assert [entry["id"] for entry in listed.json] == [account["id"]]
    assert status.json["health"]["connected"] == 1


async def test_address_and_token_are_found_by_themselves(tmp_path: Path) -> None:
    async with served(tmp_path, admin_token=None) as running:
        run = str(running.settings.run_path)
        said = await wakeeper(
            "accounts", "list", ADMIN_TOKEN="", WAKEEPER_STATE=str(tmp_path), RUN_PATH=run
        )

    assert (said.code, said.err) == (0, "")
    assert "No accounts yet" in said.out


@pytest.mark.parametrize("wanted", ["Shop", PHONE, "40700000001"])
async def test_send_finds_the_account_by_name_or_phone(running: Served, wanted: str) -> None:
    await connected(running)
    said = await wakeeper("send", wanted, "+40700000002", "hello", WAKEEPER_URL=running.url)

    assert (said.code, said.out) == (0, "sent\n")


async def test_send_from_an_unknown_account_is_wrong_use(running: Served) -> None:
    said = await wakeeper("send", "nobody", "+40700000002", "hello", WAKEEPER_URL=running.url)

    assert said.code == 2
    assert "no account with this id, phone or name" in said.err


async def test_refusal_of_the_daemon_has_its_own_code(running: Served) -> None:
    said = await wakeeper("accounts", "add", "12", WAKEEPER_URL=running.url)

    assert said.code == 4
    assert "only 2 digits" in said.err


async def test_wrong_token_is_refused(running: Served) -> None:
    said = await wakeeper("status", "--json", WAKEEPER_URL=running.url, ADMIN_TOKEN="other")

    assert said.code == 4
    assert "not the admin token" in said.err


async def test_pair_shows_the_qr(tmp_path: Path) -> None:
    async with served(tmp_path, "qr") as running:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "supervisor", "pair", PHONE,
            stdout=asyncio.subprocess.PIPE,
            env={
                "PATH": os.environ["PATH"], "ADMIN_TOKEN": TOKEN, "WAKEEPER_URL": running.url,
                "PYTHONIOENCODING": "utf-8",
            },
        )  # fmt: skip
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            shown = await process.stdout.readuntil(b"Linked devices")
        process.kill()
        await process.communicate()

    assert "▀" in shown.decode()


async def test_pair_ends_when_the_account_is_connected(tmp_path: Path) -> None:
    async with served(tmp_path, "pair") as running:
        said = await wakeeper("pair", PHONE, WAKEEPER_URL=running.url)

    assert said.code == 0
    assert "Connected: account_test_" in said.out


async def test_account_is_taken_off_on_again_and_deleted(running: Served) -> None:
    account = await connected(running)
    off = await wakeeper("accounts", "disconnect", "Shop", WAKEEPER_URL=running.url)
    await running.account_with("disconnected")
    on = await wakeeper("accounts", "restart", "Shop", WAKEEPER_URL=running.url)
    await running.account_with("connected")
    asked = await wakeeper("accounts", "delete", "Shop", WAKEEPER_URL=running.url)
    still = await running.account_with("connected")
    gone = await wakeeper("accounts", "delete", "Shop", "--yes", "--json", WAKEEPER_URL=running.url)
    _, left = await running.ask("GET", "/api/whatsapp/accounts")

    assert (off.code, on.code, gone.code) == (0, 0, 0), (off.err, on.err, gone.err)
    assert (asked.code, still["id"]) == (1, account["id"])
    assert gone.json["accountId"] == account["id"]
    assert left["accounts"] == []


async def test_needed_qr_is_asked_for(tmp_path: Path) -> None:
    async with served(tmp_path, "exit-20") as running:
        await running.ask("POST", "/api/whatsapp/add-account", phone=PHONE, name="Shop")
        await running.account_with("needs_qr")
        said = await wakeeper("regenerate", "Shop", "--json", WAKEEPER_URL=running.url)

    assert (said.code, said.json["status"]) == (0, "in_progress")


async def test_pair_asks_for_the_qr_that_an_account_needs(tmp_path: Path) -> None:
    async with served(tmp_path, "exit-20") as running:
        await running.ask("POST", "/api/whatsapp/add-account", phone=PHONE)
        account = await running.account_with("needs_qr")
        kept = tmp_path / "sessions" / ".quarantine" / account["id"]
        await wakeeper("pair", PHONE, WAKEEPER_URL=running.url)
        await until_true(lambda: len(list(kept.iterdir())) == 2)


async def test_pair_tells_why_it_failed(tmp_path: Path) -> None:
    async with served(tmp_path, "exit-26") as running:
        said = await wakeeper("pair", PHONE, "--json", WAKEEPER_URL=running.url)

    assert said.code == 1
    assert said.json["status"] == "needs_qr"


async def test_dead_daemon_is_named_with_what_to_do(tmp_path: Path) -> None:
    said = await wakeeper("status", WAKEEPER_URL="http://127.0.0.1:9")

    assert said.code == 3
    assert "no daemon answers at http://127.0.0.1:9" in said.err
    assert "wakeeper run" in said.err


async def test_no_daemon_ever_ran_here(tmp_path: Path) -> None:
    said = await wakeeper("status", ADMIN_TOKEN="", WAKEEPER_STATE=str(tmp_path))

    assert said.code == 3
    assert "no daemon has run" in said.err


async def test_other_program_at_the_address_is_not_mistaken(tmp_path: Path) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        said = await wakeeper("status", WAKEEPER_URL=f"http://127.0.0.1:{port}")

    assert said.code == 3
    assert "is not Wakeeper" in said.err


async def test_wrong_use_is_explained() -> None:
    said = await wakeeper("accounts", "add")

    assert said.code == 2
    assert "phone" in said.err.lower()


async def test_daemon_imports_no_tables_and_commands_no_daemon() -> None:
    script = (
        "import sys, supervisor.cli, supervisor.client; "
        "print([n for n in ('rich', 'segno', 'aiohttp', 'grpc') if n in sys.modules]); "
        "import supervisor.daemon; print([n for n in ('rich', 'segno.x') if n in sys.modules])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", script, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()

    assert out.decode().splitlines() == ["[]", "[]"]
