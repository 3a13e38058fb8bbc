"""Whether this process belongs to the installation: it must have its server key."""

from __future__ import annotations

from hmac import compare_digest

from sqlalchemy import Connection, select

from enum_backend.errors import SettingsError
from enum_backend.storage.sealing import Sealer
from enum_backend.storage.tables import installation
from enum_backend.storage.upsert import insert_or_ignore

_NAME = "server_key"


def check_server_key(connection: Connection, sealer: Sealer) -> None:
    """Refuse a key that is not the one of the processes before; the first one's counts.

    With another key nothing that is stored could be read, and repeats would not be
    recognised.

    Raises:
        SettingsError: it is another key.
    """
    mark = sealer.digest("installation")
    connection.execute(insert_or_ignore(installation).values(name=_NAME, value=mark))
    if not _is_mark(connection, mark):
        raise SettingsError(
            "server_key: the database belongs to another key; use the same server_key (or "
            "data_dir/server.key) in every process, or the one of the backup"
        )


def has_server_key(connection: Connection, sealer: Sealer) -> bool | None:
    """Whether it is the installation's; None = no process has started on it yet."""
    if _mark(connection) is None:
        return None
    return _is_mark(connection, sealer.digest("installation"))


def _is_mark(connection: Connection, mark: bytes) -> bool:
    return compare_digest(_mark(connection) or b"", mark)


def _mark(connection: Connection) -> bytes | None:
    query = select(installation.c.value).where(installation.c.name == _NAME)
    found: bytes | None = connection.execute(query).scalar()
    return found
