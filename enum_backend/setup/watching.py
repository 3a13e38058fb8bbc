"""What goes on beside the servers, in one of them at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Watcher(Protocol):
    """A task that looks at something now and then."""

    def start(self) -> None:
        """Begin; returns at once."""

    async def stop(self) -> None:
        """End; may be started again."""


class WatchDuty:
    """Runs watchers while this process leads."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._watchers = watchers

    async def take(self) -> bool:
        """Start them all."""
        for watcher in self._watchers:
            watcher.start()
        return True

    async def leave(self) -> None:
        """Stop them all."""
        for watcher in self._watchers:
            await watcher.stop()
