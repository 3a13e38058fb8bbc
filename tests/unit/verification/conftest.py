"""Verification on both databases, and a dispatcher that does not wait long."""

from __future__ import annotations

from pathlib import Path

import pytest

from enum_backend.messaging import dispatcher as dispatcher_module
from enum_backend.messaging import rooms as rooms_module
from enum_backend.storage import Database, Sealer
from tests.unit.messaging.messaging_world import World
from tests.unit.verification.verification_world import Time, Verifying


@pytest.fixture
def verifying(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verifying:
    monkeypatch.setattr(dispatcher_module, "POLL_SECONDS", 0.03)
    monkeypatch.setattr(rooms_module, "POLL_SECONDS", 0.03)
    monkeypatch.setattr(rooms_module, "BUSY_POLL_SECONDS", 0.01)
    world = World(database, Sealer(bytes(range(32))), tmp_path)
    world.gateway("alpha")
    return Verifying(world, Time(monkeypatch))
