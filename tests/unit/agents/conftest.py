"""What tests of leased numbers share."""

from __future__ import annotations

import pytest

from enum_backend.storage import Database
from tests.unit.agents.agent_world import AgentWorld, Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that a test moves."""
    return Clock(monkeypatch)


@pytest.fixture
async def world(database: Database, clock: Clock) -> AgentWorld:
    """A pool of two numbers."""
    return await AgentWorld(database).seeded()
