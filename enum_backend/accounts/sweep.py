"""Removes what is over: sessions, logins under way, counts of failures."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from enum_backend.accounts import guard, pending, sessions
from enum_backend.storage import Database

PAUSE_SECONDS: Final = 3600.0


async def sweep(database: Database, idle_seconds: float) -> None:
    """Remove it; several processes may do it at once.

    Args:
        idle_seconds: after which a session is over.
    """

    def work(connection: Connection) -> None:
        sessions.sweep_in(connection, idle_seconds)
        pending.sweep_in(connection)
        guard.sweep_in(connection)

    await database.write(work)
