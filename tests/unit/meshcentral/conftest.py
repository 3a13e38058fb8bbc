"""MeshCentral's own schema, where it is at hand."""

from __future__ import annotations

from typing import Any

import pytest

from meshcentral_plugin.config.schema import read_schema
from tests.unit.meshcentral.configurations import SCHEMA


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    if not SCHEMA.exists():
        pytest.skip("MeshCentral's schema is not here")
    return read_schema(SCHEMA)
