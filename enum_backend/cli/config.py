"""`enum-backend config show`: the effective settings and where each came from."""

from __future__ import annotations

from pathlib import Path

import click

from enum_backend.cli.common import common_options, load, reports_errors, show
from enum_backend.settings.shown import ShownSetting, shown
from enum_backend.setup.gateways import build_pool


@click.group()
def config() -> None:
    """Settings."""


@config.command("show")
@common_options
@reports_errors
def show_config(config_file: Path | None, as_json: bool) -> None:
    """Print every effective setting, secrets masked, with its origin."""
    loaded = load(config_file)
    mode = build_pool(loaded).mode
    lines = [_with_mode(line, mode) for line in shown(loaded)]
    document = {line.path: {"value": line.value, "from": line.origin} for line in lines}
    width = max(len(line.path) for line in lines)
    show(
        document,
        as_json,
        lambda: "\n".join(
            f"{line.path:<{width}} = {_plain(line.value)}   # {line.origin}" for line in lines
        ),
    )


def _with_mode(line: ShownSetting, mode: str) -> ShownSetting:
    """The mode that follows from the gateways, where none is set."""
    if line.path == "mode" and line.value is None:
        return ShownSetting("mode", mode, "derived from the gateways")
    return line


def _plain(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
