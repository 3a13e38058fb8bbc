from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from enum_backend.storage import Database, Sealer
from enum_backend.storage.database import sqlite_url
from enum_backend.storage.schema import upgrade
from tests.unit.numbers.numbers_world import NumbersWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[NumbersWorld]:
    url = sqlite_url(tmp_path)
    upgrade(url)
    database = Database(url)
    yield NumbersWorld(database, Sealer(bytes(range(32))))
    database.close()
