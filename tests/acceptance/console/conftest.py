"""A server in simulation, its browser, and a folder for screenshots."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.console.browser import Screens

EMAIL = "admin@example.org"
PASSWORD = "correct horse battery"  # scan-secrets: allow


@pytest.fixture
def screens(tmp_path: Path) -> Screens:
    return Screens(tmp_path)
