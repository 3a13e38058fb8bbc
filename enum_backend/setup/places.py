"""Where things are: data directory, database, addresses."""

from __future__ import annotations

from pathlib import Path

from enum_backend.errors import SettingsError
from enum_backend.settings import Settings
from enum_backend.storage.database import sqlite_file, sqlite_url


def database_url(settings: Settings) -> str:
    """The configured database, or the embedded one."""
    return settings.database.url.get_secret_value() or sqlite_url(settings.data_dir)


def database_file(settings: Settings) -> Path | None:
    """The file of a configured database; None for the embedded one of the data directory."""
    url = settings.database.url.get_secret_value()
    return sqlite_file(url) if url else None


def prepare_data_dir(settings: Settings) -> Path:
    """Make the data directory, readable by its owner only.

    Raises:
        SettingsError: it cannot be made.
    """
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not settings.database.url.get_secret_value():
            sqlite_file(sqlite_url(settings.data_dir)).touch(mode=0o600)
    except OSError as error:
        raise SettingsError(f"data_dir: {settings.data_dir}: {error.strerror}") from None
    return settings.data_dir


def local_address(host: str) -> str:
    """Where this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def local_url(host: str, port: int) -> str:
    """The same as the start of a URL: IPv6 addresses in brackets."""
    shown = local_address(host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
