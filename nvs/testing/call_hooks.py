"""What is to happen just before certain RPCs are answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Hook:
    method: str
    callback: Callable[[], object]
    after: int
    times: int | None


class CallHooks:
    """Counts calls."""

    def __init__(self) -> None:
        self._hooks: list[_Hook] = []

    def add(
        self, method: str, callback: Callable[[], object], after: int, times: int | None
    ) -> None:
        """See `FakeChain.before_call`."""
        self._hooks.append(_Hook(method, callback, after, times))

    def due(self, method: str) -> list[Callable[[], object]]:
        """What to run before this call, which is counted."""
        due = []
        for hook in self._hooks:
            if hook.method not in {method, "*"}:
                continue
            if hook.after:
                hook.after -= 1
                continue
            due.append(hook.callback)
            if hook.times is not None:
                hook.times -= 1
        self._hooks = [hook for hook in self._hooks if hook.times != 0]
        return due
