"""Logging: structlog, readable on a terminal, one JSON object a line otherwise.

Texts, codes, full numbers and secrets never get here. Tracebacks are written
without local variables, which could hold any of them.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

_ENCODER = json.JSONEncoder(default=repr)


class _Lines:
    """Where our own loggers write: to the stream itself, as records of the standard
    library cost more than the rest of a line."""

    def __init__(self, name: str, target: TextIO) -> None:
        self.name = name
        self._target = target

    def msg(self, line: str) -> None:
        """Write one line. That a disk is full, or the reader gone, stops nothing else."""
        try:
            self._target.write(line + "\n")
            self._target.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = warn = error = critical = fatal = exception = log = msg


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


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every log, ours and the libraries', to `stream` (standard error by default)."""
    target = stream or sys.stderr
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
        logger_factory=lambda name="": _Lines(name, target),
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
