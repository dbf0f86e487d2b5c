"""The command line: `wakeeper run` is the daemon, everything else talks to it.

Imports stay inside the commands: the daemon does not pay for tables, nor a table for the daemon.
"""

import enum
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from shared.clock import SystemClock
from shared.errors import ConfigError, InputError, WakeeperError

if TYPE_CHECKING:
    from supervisor.client import Client, Json
    from supervisor.daemon import Address

PAIR_POLL_S: Final = 1.0
PAIR_TIMEOUT_S: Final = 660.0  # a little longer than the worker shows QRs
NEEDS_SCAN: Final = frozenset({"needs_qr", "logged_out"})
GIVEN_UP: Final = frozenset({"needs_qr", "logged_out", "disconnected", "deleted", "deleting"})


class Exit(enum.IntEnum):
    """What a script sees."""

    OK = 0
    FAILED = 1  # it was tried, and did not work
    USAGE = 2  # the command itself is wrong; the command line parser's own code
    UNREACHABLE = 3  # no daemon answers
    REFUSED = 4  # the daemon answered no
    CONFIG = 78  # settings forbid it; systemd does not try again (EX_CONFIG)


app = typer.Typer(
    name="wakeeper",
    help="Keeps WhatsApp accounts connected.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they would show local variables, and so secrets
)
accounts_app = typer.Typer(help="The accounts.", no_args_is_help=True)
app.add_typer(accounts_app, name="accounts")

EnvFile = Annotated[Path | None, typer.Option("--env-file", help="A file of NAME=value settings.")]
Url = Annotated[
    str | None, typer.Option("--url", envvar="WAKEEPER_URL", help="Another daemon's address.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")]
Phone = Annotated[str, typer.Argument(help="With country code: +40712345678.")]
Which = Annotated[str, typer.Argument(help="The account's id, phone, or name.")]
Name = Annotated[str | None, typer.Option("--name", help="What you call the account.")]


def main() -> NoReturn:
    """Run a command, and end the process with its exit code."""
    try:
        app()
    except WakeeperError as error:
        _complain(error)
        sys.exit(_exit_code(error))
    sys.exit(Exit.OK)


def _complain(error: WakeeperError) -> None:
    """Say on stderr what is wrong, and to the journal how bad it is."""
    from shared.logs import journal_mark

    mark = journal_mark("error", sys.stderr)
    sys.stderr.write(f"{mark}wakeeper: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"{mark}          {error.hint}\n")


def _exit_code(error: WakeeperError) -> Exit:
    from supervisor.client import Refused, Unreachable

    kinds = (
        (Unreachable, Exit.UNREACHABLE),
        (Refused, Exit.REFUSED),
        (ConfigError, Exit.CONFIG),
        (InputError, Exit.USAGE),
    )
    return next((code for kind, code in kinds if isinstance(error, kind)), Exit.FAILED)


# --------------------------------------------------------------------------------------- commands


@app.command()
def run(env_file: EnvFile = None) -> None:
    """Start the daemon here, and stay until it is stopped."""
    from shared.settings import Settings
    from supervisor import daemon

    daemon.run(Settings.load(env_file), _announce, lambda: Settings.load(env_file))


@app.command()
def status(url: Url = None, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Show how the daemon and its accounts are."""
    client = _client(env_file, url)
    health, accounts = client.health(), client.accounts()
    if as_json:
        _print_json({"health": health, "accounts": accounts})
        return
    version, connected = health["version"], health["connected"]
    typer.echo(
        f"Wakeeper {version} at {client.url}, {health['mode']}, "
        f"up {_duration(health['uptime'])}: "
        f"{connected} of {len(accounts)} accounts connected"
    )
    _print_accounts(accounts)


@app.command("step-down")
def step_down(url: Url = None, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Hand the lease over: end the workers here, so that another instance takes the accounts."""
    told = _client(env_file, url).step_down()
    _print_json(told) if as_json else typer.echo(told["message"])


@app.command("take-over")
def take_over(url: Url = None, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Have the daemon here ask for the lease: whoever holds it hands it over."""
    told = _client(env_file, url).take_over()
    _print_json(told) if as_json else typer.echo(told["message"])


@accounts_app.command("list")
def accounts_list(url: Url = None, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """List the accounts."""
    accounts = _client(env_file, url).accounts()
    _print_json(accounts) if as_json else _print_accounts(accounts)


@accounts_app.command("add")
def accounts_add(
    phone: Phone,
    name: Name = None,
    url: Url = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Add an account, or start the one that this phone already has."""
    account = _client(env_file, url).add(phone, name)
    if as_json:
        _print_json(account)
    else:
        typer.echo(f"{account['id']} is {account['status']}")


@accounts_app.command("restart")
def accounts_restart(
    account: Which, url: Url = None, env_file: EnvFile = None, as_json: AsJson = False
) -> None:
    """Take an account off and on again, and wait until it is connected."""
    client = _client(env_file, url)
    account_id = _account_id(client, account)
    client.disconnect(account_id)
    _tell(client.reconnect(account_id), f"{account_id} is connected again", as_json=as_json)


@accounts_app.command("disconnect")
def accounts_disconnect(
    account: Which, url: Url = None, env_file: EnvFile = None, as_json: AsJson = False
) -> None:
    """Take an account off, until somebody starts it again; its session is kept."""
    client = _client(env_file, url)
    account_id = _account_id(client, account)
    _tell(client.disconnect(account_id), f"{account_id} is disconnected", as_json=as_json)


@accounts_app.command("delete")
def accounts_delete(
    account: Which,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    url: Url = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Unlink an account and remove its sessions; threads and messages stay."""
    client = _client(env_file, url)
    account_id = _account_id(client, account)
    if not yes:
        typer.confirm(f"Delete {account_id}? Its phone must scan again to come back", abort=True)
    _tell(client.delete(account_id), f"{account_id} is deleted", as_json=as_json)


@app.command()
def regenerate(
    account: Which, url: Url = None, env_file: EnvFile = None, as_json: AsJson = False
) -> None:
    """Ask for a new QR code for an account that needs one; `pair` shows it here."""
    client = _client(env_file, url)
    answer = client.regenerate(_account_id(client, account))
    _tell(answer, str(answer["message"]), as_json=as_json)


@app.command()
def pair(
    phone: Phone,
    name: Name = None,
    url: Url = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Show an account's QR code until a phone has scanned it; adds the account if need be."""
    client = _client(env_file, url)
    added = client.add(phone, name)
    account_id = added["id"]
    if added["status"] in NEEDS_SCAN:
        client.regenerate(account_id)
    try:
        end = _wait_for_scan(client, account_id, as_json=as_json)
    except KeyboardInterrupt:
        typer.echo("\nNot waiting any longer; the QR stays in the dashboard.", err=True)
        raise typer.Exit(Exit.FAILED) from None
    if as_json:
        _print_json({"accountId": account_id, **_known(end)}, indent=None)
    elif end["status"] == "connected":
        typer.echo(f"Connected: {account_id}")
    else:
        typer.echo(f"Not connected: {end['reason'] or end['status']}", err=True)
    raise typer.Exit(Exit.OK if end["status"] == "connected" else Exit.FAILED)


@app.command()
def send(
    account: Annotated[str, typer.Argument(help="The account's id, phone, or name.")],
    to: Annotated[str, typer.Argument(help="A phone with country code, or a JID.")],
    text: Annotated[str, typer.Argument(help="What to send.")],
    message_id: Annotated[
        str | None, typer.Option("--id", help="Your own id: repeated, nothing is sent twice.")
    ] = None,
    url: Url = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Send a text message."""
    client = _client(env_file, url)
    sent = client.send(_account_id(client, account), to, text, message_id)
    if as_json:
        _print_json(sent)
    else:
        typer.echo("sent" if sent["status"] == "sent" else "queued until the account is connected")


# ------------------------------------------------------------------------------------ their steps


def _announce(address: "Address") -> None:
    """Say where the dashboard is; the token itself only to a person at a terminal."""
    typer.echo(f"Dashboard:   {address.dashboard}")
    typer.echo(f"Admin token: {address.token.path or 'as set in ADMIN_TOKEN'}")
    if address.token.path is not None and sys.stdout.isatty():
        typer.echo(f"Sign in:     {address.dashboard}#token={address.token.value}")


def _client(env_file: Path | None, url: str | None) -> "Client":
    from shared.settings import Settings
    from supervisor.client import Client

    return Client.find(Settings.load(env_file), url)


def _wait_for_scan(client: "Client", account_id: str, *, as_json: bool) -> "Json":
    """Show each QR once, and return the state that ends the waiting."""
    shown = ""
    clock = SystemClock()
    deadline_ns = clock.boot_ns() + int(PAIR_TIMEOUT_S * 1e9)
    while clock.boot_ns() < deadline_ns:
        state = client.qr(account_id)
        if state["status"] == "connected" or state["status"] in GIVEN_UP:
            return state
        if (payload := state["qr"]) and payload != shown:
            shown = payload
            _show_qr(state, as_json=as_json)
        time.sleep(PAIR_POLL_S)
    return {"status": state["status"], "reason": "nobody scanned the code in time"}


def _show_qr(state: "Json", *, as_json: bool) -> None:
    from supervisor import terminal

    if as_json:
        _print_json({"qr": state["qr"], **_known(state)}, indent=None)
    else:
        terminal.show_qr(state["qr"])


def _known(state: "Json") -> "Json":
    return {name: state.get(name) for name in ("status", "reason", "expiresAt")}


def _account_id(client: "Client", wanted: str) -> str:
    """Return the id of the one account that `wanted` means.

    Raises:
        InputError: none does, or several do.
    """
    accounts = client.accounts()
    digits = "".join(char for char in wanted if char.isdigit())
    found = [account for account in accounts if account["id"] == wanted] or [
        account
        for account in accounts
        if account["name"] == wanted or (digits and account["phone"] == f"+{digits}")
    ]
    if len(found) == 1:
        return str(found[0]["id"])
    problem = "no account" if not found else f"{len(found)} accounts"
    raise InputError(
        f"{problem} with this id, phone or name", hint="`wakeeper accounts list` shows them all"
    )


def _print_accounts(accounts: "list[Json]") -> None:
    from supervisor import terminal

    if accounts:
        terminal.accounts_table(accounts)
    else:
        typer.echo("No accounts yet: wakeeper pair +40712345678")


def _tell(answer: "Json", words: str, *, as_json: bool) -> None:
    _print_json(answer) if as_json else typer.echo(words)


def _print_json(value: Any, indent: int | None = 2) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=indent))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)[:40] or "0 s"
