"""A messaging stack on a temporary database, and a dispatcher that does not wait long."""

from __future__ import annotations

from pathlib import Path

import pytest

from enum_backend.messaging import dispatcher as dispatcher_module
from enum_backend.messaging import handover as handover_module
from enum_backend.messaging import rooms as rooms_module
from enum_backend.storage import Database, Sealer
from tests.unit.messaging.messaging_world import World


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, Sealer(bytes(range(32))), tmp_path)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher_module, "POLL_SECONDS", 0.03)
    monkeypatch.setattr(rooms_module, "POLL_SECONDS", 0.03)
    monkeypatch.setattr(rooms_module, "BUSY_POLL_SECONDS", 0.01)
    monkeypatch.setattr(handover_module, "ANSWER_MARGIN", 0.05)
    monkeypatch.setattr(dispatcher_module, "START_SECONDS", 0.3)
    monkeypatch.setattr(dispatcher_module, "SHUTDOWN_SECONDS", 0.3)
