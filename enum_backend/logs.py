"""Logging: structlog, readable on a terminal, one JSON object a line otherwise.

Texts, codes, full numbers and secrets never get here. Tracebacks are written
without local variables, which could hold any of them.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import Processor


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
    final: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if target.isatty():
        plain = structlog.dev.plain_traceback
        final.append(structlog.dev.ConsoleRenderer(exception_formatter=plain))
    else:
        final += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("alembic", "asyncio", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
