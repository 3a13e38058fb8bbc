"""What a server stands on: settings, data directory, server key, database, price list."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from enum_backend.doctor.model import Finding, note, ok, problem, warning
from enum_backend.errors import SettingsError
from enum_backend.settings import LoadedSettings, Settings
from enum_backend.setup.numbers import build_prices
from enum_backend.setup.places import database_url
from enum_backend.storage.database import is_shared, sqlite_file
from enum_backend.storage.installation import has_server_key
from enum_backend.storage.once import in_transaction
from enum_backend.storage.schema import revisions
from enum_backend.storage.sealing import Sealer, load_server_key

OLD_PRICES_DAYS = 365


def settings(loaded: LoadedSettings) -> Iterator[Finding]:
    """That they could be read, and what in them has no effect."""
    given = len(loaded.origins)
    yield ok("settings", f"read, {given} of them set")
    for sentence in loaded.warnings:
        yield warning("settings", sentence, "remove it, or use a version that knows it")


def data_directory(settings: Settings) -> Iterator[Finding]:
    """That it can be used, and that nobody else reads it."""
    folder = settings.data_dir
    if not folder.exists():
        above = next(parent for parent in folder.resolve().parents if parent.exists())
        if os.access(above, os.W_OK):
            yield note("data directory", f"{folder} is made at first start")
        else:
            yield problem(
                "data directory",
                f"{folder} does not exist and cannot be made in {above}",
                "set data_dir, or let the server's user write there",
            )
        return
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield problem(
            "data directory",
            f"{folder} cannot be written",
            "let the server's user write there, or set data_dir",
        )
        return
    yield from _private("data directory", folder, 0o700)


def server_key(settings: Settings) -> Iterator[Finding]:
    """That what is stored can be read again; makes no key."""
    configured = settings.server_key.get_secret_value()
    path = settings.data_dir / "server.key"
    if not configured and not path.exists():
        yield note("server key", "made at first start; put it into your backups then")
        return
    try:
        load_server_key(configured, settings.data_dir)
    except SettingsError as error:
        fix = "restore the key from a backup; a new one opens nothing of what is stored"
        yield problem("server key", str(error), fix)
        return
    if configured:
        yield ok("server key", "set")
    else:
        yield from _private("server key", path, 0o600)


def database(settings: Settings) -> Iterator[Finding]:
    """That it opens, its tables are this version's, and it is of this server key."""
    url = database_url(settings)
    if not is_shared(url) and not _has_content(sqlite_file(url)):
        yield note("database", "made at first start")
        return
    try:
        current, newest = revisions(url)
    except SettingsError as error:
        shared = "start its server, or correct database.url"
        alone = "restore it from a backup, or set database.url"
        yield problem("database", str(error), shared if is_shared(url) else alone)
        return
    if current == newest:
        yield ok("database", f"schema {current}")
        yield from _same_key(settings, url)
    elif current is None or current < (newest or ""):
        yield note(
            "database",
            f"schema {current or 'none'}, this version has {newest}",
            "enum-backend db upgrade (the server does it when it starts)",
        )
    else:
        yield problem(
            "database",
            f"schema {current} is of a newer version, this one has {newest}",
            "start the newer version again",
        )


def _has_content(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


def _same_key(settings: Settings, url: str) -> Iterator[Finding]:
    configured = settings.server_key.get_secret_value()
    if not configured and not (settings.data_dir / "server.key").exists():
        return
    try:
        sealer = Sealer(load_server_key(configured, settings.data_dir))
        same = in_transaction(url, lambda connection: has_server_key(connection, sealer))
    except (SettingsError, SQLAlchemyError, OSError):
        return  # said of the key or the database already
    if same is False:
        yield problem(
            "server key",
            "it is not the one that this database was used with",
            "use the same server_key in every process, or the one of the backup",
        )


def price_list(settings: Settings) -> Iterator[Finding]:
    """That estimates have prices, and not too old ones."""
    try:
        prices = build_prices(settings)
    except SettingsError as error:
        yield problem("prices", str(error), "correct prices_file, or remove it")
        return
    day = prices.as_of
    age = (datetime.now(UTC).date() - day).days
    if age > OLD_PRICES_DAYS:
        yield warning(
            "prices", f"as of {day}, {age} days old", "bring prices_file and its as_of up to date"
        )
    else:
        yield ok("prices", f"as of {day}, {len(prices.providers)} providers")


def _private(check: str, path: Path, wanted: int) -> Iterator[Finding]:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        yield warning(check, f"{path} can be read by other users", f"chmod {wanted:o} {path}")
    else:
        yield ok(check, str(path))
