"""The log of a test, in memory."""

from __future__ import annotations

import io

from enum_backend.logs import configure_logging


class LogText(io.StringIO):
    """What is logged from now on; whole whenever it is read."""

    def __init__(self, level: str) -> None:
        super().__init__()
        self._write_waiting = configure_logging(level, self)

    def getvalue(self) -> str:
        """Every line so far."""
        self._write_waiting()
        return super().getvalue()
