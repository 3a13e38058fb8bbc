"""`enum-backend db upgrade`: bring the database to this version's schema."""

from __future__ import annotations

from pathlib import Path

import click

from enum_backend.cli.common import common_options, load, reports_errors, show
from enum_backend.setup.places import database_url, prepare_data_dir
from enum_backend.storage.schema import revisions, upgrade


@click.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
@common_options
@reports_errors
def upgrade_database(config_file: Path | None, as_json: bool) -> None:
    """Run the migrations that are missing (serve does so by itself)."""
    loaded = load(config_file)
    prepare_data_dir(loaded.settings)
    url = database_url(loaded.settings)
    before, _ = revisions(url)
    upgrade(url)
    after, _ = revisions(url)
    show(
        {"success": True, "from": before, "to": after},
        as_json,
        lambda: f"schema {after}" + ("" if before == after else f" (was {before or 'empty'})"),
    )
