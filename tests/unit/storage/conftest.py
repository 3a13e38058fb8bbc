from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from enum_backend.storage import Database
from enum_backend.storage.database import sqlite_url
from enum_backend.storage.schema import upgrade


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = sqlite_url(tmp_path)
    upgrade(url)
    return url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()
