"""One line per event, in the form that fits where it goes."""

import io
import json
import logging
import os
import pty
import subprocess
import sys
import threading
from typing import Any

import pytest

from shared import logs
from shared.errors import ConfigError, WakeeperError

log = logs.get_logger("tests.logs")


def _configured(level: str | int = "debug", fmt: logs.Format = "json") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(stream=stream, level=level, fmt=fmt)
    return stream


def _events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def _run(script: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-P", "-c", script],
        env={**os.environ, **environ},
        capture_output=True,
        timeout=30,
        check=False,
    )


def test_an_event_is_one_json_object_with_its_fields() -> None:
    stream = _configured()

    log.info("account_connected", account_id="account_prod_x", took_ms=412)

    (event,) = _events(stream)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "level": "info",
        "event": "account_connected",
        "module": "tests.logs",
        "account_id": "account_prod_x",
        "took_ms": 412,
    }


def test_phones_secrets_and_bodies_do_not_reach_a_line() -> None:
    stream = _configured()

    log.warning(
        "sent to +40712345678", to="40712345678@s.whatsapp.net", token="t0psecret", body="hi"
    )

    assert not any(word in stream.getvalue() for word in ("4071234", "t0psecret", "hi,"))


def test_lines_below_the_level_are_dropped() -> None:
    stream = _configured(level="warning")

    log.info("too_low")
    log.warning("high_enough")
    logging.getLogger("library").info("too low too")

    assert [event["event"] for event in _events(stream)] == ["high_enough"]


@pytest.mark.parametrize("level", ["loud", ""])
def test_an_unknown_level_is_refused_with_the_known_ones(level: str) -> None:
    with pytest.raises(ConfigError, match=r"LOG_LEVEL.*debug, info, warning"):
        logs.configure(level=level)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"LOG_FORMAT.*auto, console or json"):
        logs.configure(fmt="xml")  # type: ignore[arg-type]


def test_bound_fields_are_on_every_line_until_the_block_ends() -> None:
    stream = _configured()

    logs.bind(account_id="a1")
    with logs.bound(worker_gen=3):
        log.info("inside")
    log.info("outside")

    inside, outside = _events(stream)
    assert (inside["account_id"], inside["worker_gen"]) == ("a1", 3)
    assert outside["account_id"] == "a1"
    assert "worker_gen" not in outside


def test_a_logger_made_earlier_follows_a_later_configuration() -> None:
    before = logs.get_logger("early")
    stream = _configured()

    before.debug("late")

    assert _events(stream)[0]["event"] == "late"


def test_an_exception_shows_type_message_hint_frames_and_cause_but_no_locals() -> None:
    stream = _configured()

    def fail() -> None:
        secret_local = "local-secret"
        try:
            raise KeyError(f"{len(secret_local)} of +40712345678")
        except KeyError as cause:
            raise WakeeperError("restore the session", hint="scan again") from cause

    try:
        fail()
    except WakeeperError:
        log.exception("restore_failed")

    report = _events(stream)[0]["exception"]
    assert (
        report["type"],
        report["message"],
        report["hint"],
    ) == ("WakeeperError", "restore the session", "scan again")
    assert report["frames"][-1].endswith(" fail")
    assert report["cause"]["type"] == "KeyError"
    assert "4071234" not in stream.getvalue()
    assert "local-secret" not in stream.getvalue()


def test_every_member_of_an_exception_group_is_shown() -> None:
    stream = _configured()

    log.error("tasks_failed", exc_info=ExceptionGroup("two", [ValueError("a"), OSError("b")]))

    members = _events(stream)[0]["exception"]["members"]
    assert [member["type"] for member in members] == ["ValueError", "OSError"]


def test_a_chain_of_exceptions_in_a_circle_ends() -> None:
    stream = _configured()
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first

    log.error("failed", exc_info=first)

    assert len(_events(stream)) == 1


def test_records_of_logging_come_out_once_and_masked() -> None:
    stream = _configured()
    logs.configure(stream=stream, level="debug", fmt="json")

    logging.getLogger("library").error("no route to %s", "40712345678@s.whatsapp.net")

    (event,) = _events(stream)
    assert (
        event["level"],
        event["module"],
        event["event"],
    ) == ("error", "library", "no route to 40•••••78@s.whatsapp.net")


def test_an_odd_level_of_logging_is_rounded_up() -> None:
    stream = _configured()

    logging.getLogger("library").log(25, "between info and warning")
    logging.getLogger("library").log(99, "beyond critical")

    assert [event["level"] for event in _events(stream)] == ["warning", "critical"]


def test_a_record_with_wrong_arguments_does_not_raise() -> None:
    stream = _configured()

    record = logging.makeLogRecord({"msg": "%d accounts", "args": ("many",), "levelno": 40})
    logs._Bridge().handle(record)  # pytest's own handler would raise

    assert "%d accounts" in stream.getvalue()


def test_the_console_form_is_one_readable_line() -> None:
    stream = _configured(fmt="console")

    log.info("account_connected", phone="+40712345678", name="two words\n")

    line = stream.getvalue()
    assert line.count("\n") == 1
    assert "account_connected" in line
    assert "phone=+40•••••78" in line
    assert "\x1b" not in line


def test_the_console_form_of_an_exception_ends_in_its_cause_and_hint() -> None:
    stream = _configured(fmt="console")

    error = WakeeperError("open the session", hint="restore it")
    error.__cause__ = ExceptionGroup("disk", [OSError("full")])
    log.error("failed", exc_info=error)

    text = stream.getvalue()
    for part in ("WakeeperError: open the session", "→ restore it", "because of", "OSError: full"):
        assert part in text


def test_a_stream_that_can_t_be_written_does_not_raise() -> None:
    stream = _configured()
    stream.close()

    log.info("nowhere_to_go")


def test_a_process_without_stderr_logs_nowhere() -> None:
    ran = _run(
        "import sys; sys.stderr = None; import shared.logs as l; l.get_logger('x').info('e')"
    )

    assert (ran.returncode, ran.stdout) == (0, b"")


def test_a_line_that_the_journal_would_cut_keeps_what_names_it() -> None:
    stream = _configured()

    log.info("huge", account_id="a1", items=["é" * 1_900] * 40)

    (event,) = _events(stream)
    assert len(stream.getvalue()) < logs.MAX_LINE_BYTES
    assert (event["event"], event["account_id"]) == ("huge", "a1")
    assert event["cut"].endswith(" bytes>")


def test_a_listener_sees_every_line_until_it_is_taken_off() -> None:
    _configured()
    lines: list[str] = []
    take_off = logs.tap(lines.append)

    log.info("seen")
    take_off()
    log.info("not_seen")

    assert [json.loads(line)["event"] for line in lines] == ["seen"]


def test_a_pipe_gets_json_without_a_priority_even_before_configure() -> None:
    ran = _run("from shared.logs import get_logger; get_logger('x').info('early', n='é')")

    assert ran.stdout == b""
    assert json.loads(ran.stderr)["event"] == "early"


def test_the_journal_gets_priorities() -> None:
    script = """
import os, sys
status = os.fstat(2)
os.environ["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
from shared.logs import configure, get_logger
configure(level="debug")
for level in ("debug", "info", "warning", "error", "critical"):
    getattr(get_logger("x"), level)("event")
"""
    lines = _run(script).stderr.decode().splitlines()

    assert [line[:4] for line in lines] == ["<7>{", "<6>{", "<4>{", "<3>{", "<2>{"]


def test_a_journal_stream_of_somebody_else_changes_nothing() -> None:
    ran = _run(
        "from shared.logs import get_logger; get_logger('x').info('e')", JOURNAL_STREAM="1:2"
    )

    assert ran.stderr.startswith(b"{")


def test_a_terminal_gets_readable_lines() -> None:
    ours, theirs = pty.openpty()
    script = "from shared.logs import configure, get_logger; configure(); get_logger('x').info('e')"
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        subprocess.run([sys.executable, "-P", "-c", script], stderr=theirs, timeout=30, check=True)
        line = terminal.read(4096).decode()
        os.close(theirs)

    assert "info" in line
    assert not line.startswith("{")


def test_an_uncaught_error_is_a_log_line_and_still_ends_the_process() -> None:
    ran = _run("""
from shared.logs import configure
configure(fmt="json")
raise RuntimeError("call +40712345678")
""")

    event = json.loads(ran.stderr)
    assert ran.returncode == 1
    assert event["event"] == "uncaught_exception"
    assert event["exception"]["message"] == "call +40•••••78"


def test_an_uncaught_error_of_a_thread_and_a_warning_are_log_lines() -> None:
    ran = _run("""
import threading, warnings
from shared.logs import configure
configure(fmt="json")
warnings.warn("old way")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start(); thread.join()
""")

    warning, error = map(json.loads, ran.stderr.splitlines())
    assert warning["level"] == "warning"
    assert error["exception"]["type"] == "ZeroDivisionError"


def test_lines_of_many_threads_are_not_mixed() -> None:
    stream = _configured()

    def chat(name: int) -> None:
        for count in range(50):
            log.info("line", name=name, count=count)

    threads = [threading.Thread(target=chat, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert len(_events(stream)) == 200


def test_workers_do_not_pay_for_rich_or_pydantic() -> None:
    ran = _run("""
import sys
import shared.logs, shared.link, shared.accounts, shared.worker_settings, shared.disconnects
import shared.deadline
print(sorted({"rich", "pygments", "pydantic", "google.cloud", "grpc"} & set(sys.modules)))
import rich.console
""")

    assert (ran.stdout, ran.returncode) == (b"[]\n", 0)
