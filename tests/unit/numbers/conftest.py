from __future__ import annotations

import pytest

from enum_backend.storage import Database, Sealer
from tests.unit.numbers.numbers_world import NumbersWorld


@pytest.fixture
def world(database: Database) -> NumbersWorld:
    return NumbersWorld(database, Sealer(bytes(range(32))))
