"""A server with people, on both kinds of storage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from enum_backend.accounts import guard
from tests.people import People, people


@pytest.fixture(autouse=True)
def _waits_outlast_a_slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "FIRST_WAIT_MS", 300_000)


@pytest.fixture
async def town(storage_settings: dict[str, Any]) -> AsyncIterator[People]:
    async with people(storage_settings) as found:
        yield found
