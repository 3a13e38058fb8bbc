"""Logging: structlog, readable on a terminal, one JSON object a line otherwise.

Texts, codes, full numbers and secrets never get here. Tracebacks are written
without local variables, which could hold any of them.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import logging
import sys
import time
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

_ENCODER = json.JSONEncoder(default=repr)


TOGETHER_SECONDS = 0.05
"""How long a line may wait for others to be written with it; warnings do not wait."""


class _Stream:
    """Where our own loggers write: to the stream itself, as records of the standard
    library cost more than the rest of a line; many lines at once inside an event loop."""

    def __init__(self, target: TextIO) -> None:
        self._target = target
        self._lines: deque[str] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        atexit.register(self.flush)

    def put(self, line: str) -> None:
        """Write it soon, or now where no event loop would do so later."""
        self._lines.append(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(TOGETHER_SECONDS, self._due)

    def _due(self) -> None:
        self._loop = None
        self.flush()

    def flush(self) -> None:
        """Write what waits. That a disk is full, or the reader gone, stops nothing else."""
        waiting = []
        with contextlib.suppress(IndexError):
            while True:
                waiting.append(self._lines.popleft())
        if not waiting:
            return
        try:
            self._target.write("\n".join(waiting) + "\n")
            self._target.flush()
        except (OSError, ValueError):
            return


class _Lines:
    """A logger of ours."""

    def __init__(self, name: str, stream: _Stream) -> None:
        self.name = name
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write one line soon."""
        self._stream.put(line)

    def now(self, line: str) -> None:
        """Write one line now, and those before it."""
        self._stream.put(line)
        self._stream.flush()

    debug = info = log = msg
    warning = warn = error = critical = fatal = exception = now


class _KindOnly(logging.Filter):
    """Keeps an exception's type: its text quotes the request line, which can hold a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            kind = record.exc_info[0]
            record.msg = f"{record.msg}: {kind.__name__ if kind else 'unknown'}"
            record.exc_info = None
        return True


def protocol_log() -> logging.Logger:
    """The logger of the HTTP protocol itself: requests that never became one."""
    logger = logging.getLogger("enum_backend.http")
    if not any(isinstance(item, _KindOnly) for item in logger.filters):
        logger.addFilter(_KindOnly())
    return logger


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> Callable[[], None]:
    """Send every log, ours and the libraries', to `stream` (standard error by default).

    Returns:
        What writes the lines that still wait to be written together.
    """
    target = stream or sys.stderr
    together = _Stream(target)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: list[Processor]
    if target.isatty():
        plain = structlog.dev.plain_traceback
        final = [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
        own = [*shared, *final]
    else:
        final = [structlog.processors.format_exc_info, _as_json]
        own = [structlog.contextvars.merge_contextvars, _Labels(), *final]
    structlog.configure(
        processors=own,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda name="": _Lines(name, together),
        cache_logger_on_first_use=False,
    )
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[without_meta, *final]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("alembic", "asyncio", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return together.flush


class _Labels:
    """Level, logger and time of a line of ours: three of structlog's processors in one."""

    def __init__(self) -> None:
        self._shown = (0, "")

    def __call__(
        self, logger: Any, name: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        second, nanos = divmod(time.time_ns(), 1_000_000_000)
        shown, text = self._shown
        if second != shown:
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._shown = second, text
        event["level"] = _LEVELS.get(name, name)
        event["logger"] = logger.name
        event["timestamp"] = f"{text}.{nanos // 1000:06d}Z"
        return event


_LEVELS = {"warn": "warning", "exception": "error"}


def _as_json(_logger: object, _name: str, event: MutableMapping[str, Any]) -> str:
    return _ENCODER.encode(event)
