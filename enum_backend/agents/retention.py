"""What is forgotten: leases that ended long ago, what was read in them, old usage.

Functions of a connection inside a transaction.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from enum_backend.agents.leases import settle
from enum_backend.agents.pool import lock_of
from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import agent_leases, agent_reads, agent_usage

AT_ONCE = 500
"""Leases forgotten in one transaction."""


def forget(connection: Connection, before: int) -> bool:
    """Forget leases that ended, and usage of days, before a time; whether more may be left."""
    old = list(
        connection.execute(
            select(agent_leases.c.lease_id)
            .where(agent_leases.c.ended_at < before)
            .order_by(agent_leases.c.ended_at)
            .limit(AT_ONCE)
        ).scalars()
    )
    if old:
        connection.execute(delete(agent_reads).where(agent_reads.c.lease_id.in_(old)))
        connection.execute(delete(agent_leases).where(agent_leases.c.lease_id.in_(old)))
    connection.execute(delete(agent_usage).where(agent_usage.c.day < before))
    return len(old) == AT_ONCE


def settle_all(connection: Connection, now: int) -> None:
    """Write down the end of every lease that ran out."""
    tenants = connection.execute(
        select(agent_leases.c.tenant)
        .where(agent_leases.c.ended_at.is_(None), agent_leases.c.expires_at <= now)
        .distinct()
    ).scalars()
    for tenant in sorted(tenants):
        serialize(connection, lock_of(tenant))
        settle(connection, tenant, now)
