"""Files that come with the program."""

from __future__ import annotations

import sys
from pathlib import Path

from enum_backend.errors import SettingsError


def shipped(name: str, setting: str) -> Path:
    """A file of `config/`: of the checkout, or as installed.

    Raises:
        SettingsError: it is not installed; names the setting that replaces it.
    """
    places = (
        Path(__file__).resolve().parent.parent / "config" / name,
        Path(sys.prefix) / "share" / "enum-backend" / name,
    )
    for path in places:
        if path.is_file():
            return path
    raise SettingsError(f"{setting}: not set, and {name} is not installed")
