"""Bindings that another process changed."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from enum_backend.errors import DatabaseUnavailable
from enum_backend.numbers import refresh
from enum_backend.numbers.refresh import BindingRefresher


class Store:
    def __init__(self) -> None:
        self.script: list[Exception | None] = [DatabaseUnavailable(), ValueError("odd"), None]
        self.loaded = asyncio.Event()

    async def load(self) -> None:
        step = self.script.pop(0) if self.script else None
        if step is not None:
            raise step
        self.loaded.set()


async def test_reads_again_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh, "PAUSE_SECONDS", 0.01)
    store = Store()
    refresher = BindingRefresher(store)  # type: ignore[arg-type]
    await refresher.stop()
    with capture_logs() as logs:
        refresher.start()
        for _ in range(2):
            await asyncio.wait_for(store.loaded.wait(), 5)
            store.loaded.clear()
        await refresher.stop()
    assert [item["error"] for item in logs] == ["ValueError"]
