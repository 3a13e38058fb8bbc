"""What keys do, counted by day. Functions of a connection inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, text

from enum_backend.agents.model import DAY_MS, Caller, Usage
from enum_backend.storage.tables import agent_usage

_ADD = text(
    "INSERT INTO agent_usage (key_id, day, tenant, leases, messages, waits, timeouts)"
    " VALUES (:key_id, :day, :tenant, :leases, :messages, :waits, :timeouts)"
    " ON CONFLICT (key_id, day) DO UPDATE SET"
    " leases = agent_usage.leases + excluded.leases,"
    " messages = agent_usage.messages + excluded.messages,"
    " waits = agent_usage.waits + excluded.waits,"
    " timeouts = agent_usage.timeouts + excluded.timeouts"
)


def add(
    connection: Connection,
    caller: Caller,
    now: int,
    *,
    leases: int = 0,
    messages: int = 0,
    waits: int = 0,
    timeouts: int = 0,
) -> None:
    """Count what a key has done."""
    connection.execute(
        _ADD,
        {
            "key_id": caller.key_id,
            "day": now - now % DAY_MS,
            "tenant": caller.tenant,
            "leases": leases,
            "messages": messages,
            "waits": waits,
            "timeouts": timeouts,
        },
    )


def of_keys(connection: Connection, key_id: str | None, since: int) -> Sequence[Usage]:
    """A key's days, None = every key's, newest first."""
    query = select(agent_usage).where(agent_usage.c.day >= since)
    if key_id is not None:
        query = query.where(agent_usage.c.key_id == key_id)
    rows = connection.execute(query.order_by(agent_usage.c.day.desc(), agent_usage.c.key_id))
    return [
        Usage(
            key_id=row.key_id,
            tenant=row.tenant,
            day=row.day,
            leases=row.leases,
            messages=row.messages,
            waits=row.waits,
            timeouts=row.timeouts,
        )
        for row in rows
    ]
