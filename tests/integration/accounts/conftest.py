"""A server with people, on both kinds of storage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.people import People, people


@pytest.fixture
async def town(storage_settings: dict[str, Any]) -> AsyncIterator[People]:
    async with people(storage_settings) as found:
        yield found
