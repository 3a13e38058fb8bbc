"""Numbers that agents lease, their leases, and what was read by them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, text

from enum_backend.storage.tables.base import metadata

_LIVE = text("ended_at IS NULL")

agent_numbers = Table(
    "agent_numbers",
    metadata,
    Column("number", String(16), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("source", String(16), nullable=False),
    Column("added_by", String(80), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("removed_at", BigInteger),
    Column("lease_id", String(40)),
    Column("holder_key", String(40)),
    Column("holder_passport", String(128)),
    Column("held_until", BigInteger, nullable=False, server_default="0"),
    Index("ix_agent_numbers_tenant_number", "tenant", "number"),
)
"""The pool. `source`: `settings`, `added`, `bought`.

`lease_id`, `holder_...`: the latest lease and whose it is; `held_until`: when it ends or
has ended, the start of the cool-down. A number that is taken out keeps its row, so that
it cannot be put in again to get round its cool-down.
"""

agent_leases = Table(
    "agent_leases",
    metadata,
    Column("lease_id", String(40), primary_key=True),
    Column("key_id", String(40), nullable=False),
    Column("passport_id", String(128), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("number", String(16), nullable=False),
    Column("service", String(64)),
    Column("started_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("end_reason", String(16)),
    Index(
        "uq_agent_leases_number_live",
        "number",
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    ),
    Index(
        "uq_agent_leases_key_id_passport_id_live",
        "key_id",
        "passport_id",
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    ),
    Index("ix_agent_leases_key_id_started_at", "key_id", "started_at"),
    Index("ix_agent_leases_tenant_started_at", "tenant", "started_at"),
    Index("ix_agent_leases_ended_at", "ended_at"),
)
"""Leases; a number has one live one at most, and so has a passport.

`ended_at` is written by whoever next needs the number; until then a lease is over as soon
as `expires_at` is. `end_reason`: `released`, `expired`, `withdrawn` (by an admin).
"""

agent_reads = Table(
    "agent_reads",
    metadata,
    Column("lease_id", String(40), primary_key=True),
    Column("inbox_id", String(40), primary_key=True),
    Column("read_at", BigInteger, nullable=False),
    Column("claim", String(32)),
    Column("claimed_until", BigInteger),
    Column("consumed_at", BigInteger),
)
"""Messages an agent has seen. One that a wait is about to answer with is claimed for a
moment, and consumed once the answer is written: a crash in between loses nothing."""

agent_usage = Table(
    "agent_usage",
    metadata,
    Column("key_id", String(40), primary_key=True),
    Column("day", BigInteger, primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("leases", Integer, nullable=False, server_default="0"),
    Column("messages", Integer, nullable=False, server_default="0"),
    Column("waits", Integer, nullable=False, server_default="0"),
    Column("timeouts", Integer, nullable=False, server_default="0"),
)
"""What each key has done on a day (its beginning, UTC): leases begun, messages read for
the first time, waits, waits that ended without a message."""

agent_purchases = Table(
    "agent_purchases",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("token", String(32), nullable=False),
    Column("until_at", BigInteger, nullable=False),
)
"""Who is buying a number for a tenant's pool: one at a time, until a time."""
