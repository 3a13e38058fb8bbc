"""The servers that several processes share: PostgreSQL and Redis."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from enum_backend.doctor.model import Finding, note, ok, problem, warning
from enum_backend.errors import SettingsError
from enum_backend.settings import Settings
from enum_backend.setup.places import database_url
from enum_backend.setup.sharing import open_redis
from enum_backend.storage.database import is_shared
from enum_backend.storage.once import in_transaction

BESIDE = 2
"""Connections of a process beside `database.connections`: each for what it may lead."""

_FACTS = text(
    "SELECT current_setting('server_version'), current_setting('max_connections')::int"
    " - current_setting('superuser_reserved_connections')::int,"
    " current_setting('fsync') = 'on', pg_is_in_recovery()"
)


def postgres(settings: Settings) -> Iterator[Finding]:
    """That the server keeps what it says it has stored, and has room for this process."""
    url = database_url(settings)
    if not is_shared(url):
        return
    try:
        version, room, keeps, only_reads = in_transaction(url, _facts)
    except (SQLAlchemyError, OSError, SettingsError):
        return  # said of the database already
    wanted = settings.database.connections + BESIDE
    if only_reads:
        yield problem(
            "PostgreSQL", "the server only reads (a standby)", "point database.url at the primary"
        )
    elif not keeps:
        yield warning(
            "PostgreSQL",
            "fsync is off: a crash of its machine loses accepted messages",
            "set fsync = on in postgresql.conf",
        )
    elif room < wanted:
        yield warning(
            "PostgreSQL",
            f"room for {room} connections, one process takes up to {wanted}",
            "raise max_connections, or lower database.connections",
        )
    else:
        yield ok("PostgreSQL", f"{version}, room for {room // wanted} processes like this one")


def _facts(connection: Connection) -> tuple[str, int, bool, bool]:
    version, room, keeps, only_reads = connection.execute(_FACTS).one()
    return str(version), int(room), bool(keeps), bool(only_reads)


async def redis(settings: Settings) -> list[Finding]:
    """That it can be written to; what goes on without it."""
    try:
        link = open_redis(settings)
    except SettingsError as error:
        return [problem("Redis", str(error), "install it, or remove redis.url")]
    if link is None:
        if is_shared(database_url(settings)):
            why = "not set: each process counts client limits by itself"
            return [note("Redis", why, "set redis.url when several processes run")]
        return []
    try:
        if why := await link.trouble():
            closed = [name for name, word in settings.limits.redis_lost.items() if word == "closed"]
            refusing = f"; refusing: {', '.join(sorted(closed))}" if closed else ""
            make = problem if closed else warning
            fix = "start it, let it take writes, or correct redis.url"
            return [make("Redis", f"{why}{refusing}", fix)]
        return [ok("Redis", f"takes writes, keys begin with {link.prefix}")]
    finally:
        await link.close()
