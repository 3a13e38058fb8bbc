"""Extensions: packages that add paths and commands, found by entry point.

Declare in `pyproject.toml`:

    [project.entry-points."enum_backend.extensions"]
    example = "example_package:ExampleExtension"
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Protocol

import click

from enum_backend.errors import SettingsError
from enum_backend.web.endpoints import Endpoint
from enum_backend.web.services import Services

GROUP = "enum_backend.extensions"


class Extension(Protocol):
    """What an entry point of the group must construct without arguments."""

    name: str

    def endpoints(self) -> Sequence[Endpoint]:
        """Paths to add to the HTTP server."""
        ...

    def commands(self) -> Sequence[click.Command]:
        """Commands to add to the command line."""
        ...

    async def start_lines(self, services: Services, base_url: str) -> Sequence[tuple[str, str]]:
        """(title, line) pairs that `serve` prints for the user to copy."""
        ...


def load_extensions() -> list[Extension]:
    """Every installed extension, by name.

    Raises:
        SettingsError: an extension cannot be loaded.
    """
    found: list[Extension] = []
    for point in sorted(entry_points(group=GROUP), key=lambda item: item.name):
        try:
            found.append(point.load()())
        except Exception as error:
            raise SettingsError(f"extension {point.name}: cannot be loaded: {error}") from error
    return found
