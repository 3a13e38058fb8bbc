"""Where things are: data directory, database, addresses."""

from __future__ import annotations

import contextlib
import fcntl
import os
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from enum_backend.errors import SettingsError
from enum_backend.settings import Settings
from enum_backend.storage.database import is_shared, sqlite_file, sqlite_url


def database_url(settings: Settings) -> str:
    """The configured database, or the embedded one."""
    return settings.database.url.get_secret_value() or sqlite_url(settings.data_dir)


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


def hold_places(settings: Settings) -> ExitStack:
    """Lock the data directory, and a database file elsewhere, until the result is closed.

    Two dispatchers on one file would not see each other's crash, so SQLite is held
    alone. Servers with a shared database may share a data directory as well, but not
    with one that keeps its database there.

    Raises:
        SettingsError: another server runs on it, or it cannot be written.
    """
    url = settings.database.url.get_secret_value()
    shared = is_shared(url)
    with ExitStack() as stack:
        lock = settings.data_dir / "server.lock"
        stack.callback(_lock(lock, f"data_dir: {settings.data_dir}", shared).close)
        if url and not shared:
            file = sqlite_file(url)
            lock = file.with_name(f"{file.name}.lock")
            stack.callback(_lock(lock, f"database.url: {file}", False).close)
        return stack.pop_all()


def _lock(path: Path, what: str, shared: bool) -> IO[str]:
    try:
        file = path.open("a+", encoding="ascii")
    except OSError as error:
        raise SettingsError(f"{what}: cannot be written ({error.strerror})") from None
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise SettingsError(f"{what}: another server is running on it") from None
    with contextlib.suppress(OSError):
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
    return file


def local_address(host: str) -> str:
    """Where this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def local_url(host: str, port: int) -> str:
    """The same as the start of a URL: IPv6 addresses in brackets."""
    shown = local_address(host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
