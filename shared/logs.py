"""Structured logs: an event name and fields, one line each; see `redaction.py` for what is hidden.

    log = get_logger(__name__)
    log.info("account_connected", account_id=account_id, took_ms=412)

On a terminal a line is readable; piped it is one JSON object; under systemd the JSON carries the
journal's priority prefix (`<3>`…`<7>`, sd-daemon(3)), so that `journalctl -p err` works. Lines go
straight to stderr, from workers too: no pipe through the supervisor, no back-pressure, and no lost
tail after a crash. What other libraries log through `logging` comes out of the same door.

Workers import this file and are many: it stays light (structlog would pull in rich and pygments).
"""

import contextlib
import io
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, Literal, TextIO, cast

from shared.errors import ConfigError, WakeeperError
from shared.redaction import mask_text, redact


@contextlib.contextmanager
def _without_rich() -> Iterator[None]:
    """Hide rich during an import; it costs every worker 5 MB and is never used for logs."""
    if "rich" in sys.modules:
        yield
        return
    sys.modules["rich"] = cast("Any", None)  # the import system's own way to say: not there
    try:
        yield
    finally:
        del sys.modules["rich"]


with _without_rich():
    import structlog
    from structlog.typing import EventDict, FilteringBoundLogger, Processor

Logger = FilteringBoundLogger
Format = Literal["auto", "console", "json"]

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}  # syslog(3)
MAX_FRAMES: Final = 20  # of a traceback: the innermost ones
MAX_CAUSES: Final = 4  # of a chain of exceptions, and of a group
MAX_LINE_BYTES: Final = 40_000  # journald cuts a line at LineMax, 48 KiB
_ALWAYS_KEPT: Final = ("timestamp", "level", "event", "module", "account_id", "worker_gen")
QUIET_LIBRARIES: Final = ("aiohttp.access", "asyncio", "grpc", "google", "urllib3")

bind = structlog.contextvars.bind_contextvars
"""Attach fields (`account_id=…`, `worker_gen=…`) to every later line of this task and its tasks."""


def bound(**fields: Any) -> AbstractContextManager[None]:
    """Attach fields to the lines logged inside the `with` block."""
    return structlog.contextvars.bound_contextvars(**fields)


def get_logger(name: str) -> Logger:
    """Return the logger of a module; usable before `configure`, and it follows it afterwards."""
    return cast("Logger", structlog.get_logger(module=name))


def configure(
    *, stream: TextIO | None = None, level: str | int = "info", fmt: Format = "auto"
) -> None:
    """Send every log line of this process, `logging`'s and uncaught errors too, to one stream.

    Args:
        stream: where lines go; what `sys.stderr` is at that moment by default.
        level: `debug`, `info`, `warning`, `error`, `critical`, or a number of `logging`.
        fmt: `auto` is `console` on a terminal and `json` elsewhere.

    Raises:
        ConfigError: the level or the format is not one of these.
    """
    threshold = _threshold(level)
    _configure_structlog(_Output(stream), threshold, fmt)
    _bridge_logging(threshold)
    _catch_uncaught()


def journal_mark(level: str, stream: TextIO) -> str:
    """Return what gives a plain line its priority if the stream is the journal's; else nothing."""
    return f"<{PRIORITIES[level]}>" if _is_journal(stream) else ""


def tap(listener: Callable[[str], None]) -> Callable[[], None]:
    """Hand every line of this process to a listener too; return what takes it off again."""
    _taps.append(listener)
    return lambda: _taps.remove(listener)


_taps: list[Callable[[str], None]] = []


_NOWHERE: Final = io.StringIO()
_NOWHERE.close()


class _Output:
    """Writes whole lines; structlog calls the method named after the level."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    @property
    def stream(self) -> TextIO:
        return self._stream or sys.stderr or _NOWHERE  # None where fd 2 was closed at the start

    def write(self, line: str) -> None:
        for listener in tuple(_taps):
            listener(line)
        # A log that can't be written must not take the account down with it, and there is no
        # other place to say so: closed stderr, full disk, reader gone.
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(line + "\n")
            self.stream.flush()

    debug = info = warning = error = critical = write


class _Renderer:
    """Makes one line of an event, of the kind that fits where it goes."""

    def __init__(self, output: _Output, fmt: Format) -> None:
        self._output = output
        self._fmt = fmt
        self._stream: TextIO | None = None
        self._render: Callable[[EventDict, str], str] = _json

    def __call__(self, _: Any, method: str, event: EventDict) -> str:
        if self._output.stream is not self._stream:
            self._stream = self._output.stream
            self._render = self._choose(self._stream)
        line = self._render(dict(event), method)
        size_bytes = len(line.encode(errors="replace"))
        if size_bytes <= MAX_LINE_BYTES:
            return line
        kept = {name: event[name] for name in _ALWAYS_KEPT if name in event}
        return self._render({**kept, "cut": f"<{size_bytes} bytes>"}, method)

    def _choose(self, stream: TextIO) -> Callable[[EventDict, str], str]:
        if self._fmt == "console" or (self._fmt == "auto" and _is_terminal(stream)):
            return _console(colours=_is_terminal(stream))
        return _json_with_priority if _is_journal(stream) else _json


def _configure_structlog(output: _Output, threshold: int, fmt: Format) -> None:
    if fmt not in ("auto", "console", "json"):
        raise ConfigError(
            f"LOG_FORMAT is {fmt!r}, which is no log format", hint="use auto, console or json"
        )
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _take_exception,
        _redact,
        _Renderer(output, fmt),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: output,
        cache_logger_on_first_use=False,
    )


def _threshold(level: str | int) -> int:
    if isinstance(level, int):
        return level
    try:
        return LEVELS[level.lower()]
    except KeyError:
        raise ConfigError(
            f"LOG_LEVEL is {level!r}, which is no log level", hint=f"use one of {', '.join(LEVELS)}"
        ) from None


# ------------------------------------------------------------------------------ what a line holds


def _redact(_: Any, __: str, event: EventDict) -> EventDict:
    own = {name: event.pop(name) for name in ("timestamp", "level", "exception") if name in event}
    name = mask_text(str(event.pop("event", "")))
    return {**own, "event": name, **redact(event)}


def _take_exception(_: Any, __: str, event: EventDict) -> EventDict:
    """Turn `exc_info` (True, an exception, or logging's triple) into a field `exception`."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = describe(error)
    return event


def describe(error: BaseException, depth: int = 0) -> dict[str, Any]:
    """Return an exception as plain values: type, message, hint, frames without locals, causes."""
    message = error.message if isinstance(error, WakeeperError) else str(error)
    report: dict[str, Any] = {"type": type(error).__qualname__, "message": mask_text(message)}
    if isinstance(error, WakeeperError) and error.hint:
        report["hint"] = mask_text(error.hint)
    report["frames"] = _frames(error)
    if depth >= MAX_CAUSES:
        return report
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        report["cause"] = describe(cause, depth + 1)
    if isinstance(error, BaseExceptionGroup):
        members = error.exceptions[:MAX_CAUSES]
        report["members"] = [describe(member, depth + 1) for member in members]
    return report


def _frames(error: BaseException) -> list[str]:
    stack = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in stack]


def _short(filename: str) -> str:
    parts = filename.rsplit("/", 4)
    return filename if len(parts) < 5 else "/".join(parts[-3:])


# --------------------------------------------------------------------------------- how it is shown


def _json(event: EventDict, _: str) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _json_with_priority(event: EventDict, method: str) -> str:
    return f"<{PRIORITIES.get(event['level'], 6)}>{_json(event, method)}"


def _console(*, colours: bool) -> Callable[[EventDict, str], str]:
    renderer = structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=28, sort_keys=False)

    def render(event: EventDict, method: str) -> str:
        event["timestamp"] = event["timestamp"][11:19]
        event.pop("module", None)
        report = event.pop("exception", None)
        line = renderer(None, method, event)
        return line if report is None else f"{line}\n{_as_text(report)}"

    return render


def _as_text(report: dict[str, Any], indent: str = "    ") -> str:
    lines = [f"{indent}{report['type']}: {report['message']}"]
    if "hint" in report:
        lines.append(f"{indent}→ {report['hint']}")
    lines += [f"{indent}  at {frame}" for frame in reversed(report["frames"])]
    if "cause" in report:
        lines += [f"{indent}because of", _as_text(report["cause"], indent + "  ")]
    lines += [_as_text(member, indent + "  ") for member in report.get("members", ())]
    return "\n".join(lines)


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def _is_journal(stream: TextIO) -> bool:
    """Tell whether the stream is the journal's socket, as systemd.exec(5) says to find out."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


# ---------------------------------------------------------------------------- what others also say


class _Bridge(logging.Handler):
    """Passes the records of `logging` on to our logger, so that they are masked as well."""

    def emit(self, record: logging.LogRecord) -> None:
        level = min((number for number in LEVELS.values() if number >= record.levelno), default=50)
        get_logger(record.name).log(level, _message(record), exc_info=record.exc_info)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # arguments that do not fit: the text alone is worth having
        return str(record.msg)


def _bridge_logging(threshold: int) -> None:
    root = logging.getLogger()
    for handler in list(root.handlers):
        if type(handler) in (_Bridge, logging.StreamHandler):  # not the subclasses of others
            root.removeHandler(handler)
    root.addHandler(_Bridge())
    root.setLevel(threshold)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    logging.captureWarnings(capture=True)


def _catch_uncaught() -> None:
    """Log what nobody caught; a hook that somebody else has already set is left alone."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _log_uncaught
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = lambda args: _log_uncaught(
            args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
        )


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    get_logger("uncaught").critical("uncaught_exception", exc_info=(kind, error, trace))


_configure_structlog(_Output(None), logging.INFO, "auto")
