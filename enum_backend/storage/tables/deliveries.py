"""Where tenants want their inbound messages, and each handing-over."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from enum_backend.storage.tables.base import ID, metadata

_QUEUED = text("state = 'queued'")
_DEAD = text("state = 'dead'")
_SMS = text("kind = 'sms'")

QUEUED = text("deliveries.state = 'queued'")
"""A database uses an index of a condition only for queries that spell it alike."""
DEAD = text("deliveries.state = 'dead'")
SMS = text("deliveries.kind = 'sms'")

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("address", Text, nullable=False),
    Column("failover_url", Text),
    Column("secret", LargeBinary),
    Column("previous_secret", LargeBinary),
    Column("events", String(200), nullable=False),
    Column("source", String(16), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("disabled_reason", String(32)),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_endpoints_tenant", "tenant"),
)
"""Addresses of tenants. `kind`: `webhook`, `email`, `sms`; `source`: `settings`, `api`.

The secrets are sealed; `previous_secret` still signs during a rotation. `events` are
words with blanks between them.
"""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("delivery_id", String(40), nullable=False, unique=True),
    Column("inbox_id", String(40), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("target", String(80), nullable=False),
    Column("address", Text),
    Column("sender", String(32)),
    Column("body", LargeBinary),
    Column("content_hash", LargeBinary),
    Column("state", String(12), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", BigInteger),
    Column("lease_owner", String(40)),
    Column("status", Integer),
    Column("reason", String(32)),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Index("uq_deliveries_inbox_id_target", "inbox_id", "target", unique=True),
    Index(
        "ix_deliveries_due",
        "next_attempt_at",
        "target",
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    ),
    Index("ix_deliveries_dead", "id", sqlite_where=_DEAD, postgresql_where=_DEAD),
    Index("ix_deliveries_tenant_id", "tenant", "id"),
    Index(
        "ix_deliveries_target_finished_at",
        "target",
        "finished_at",
        sqlite_where=_SMS,
        postgresql_where=_SMS,
    ),
    Index("ix_deliveries_content_hash", "content_hash", sqlite_where=_SMS, postgresql_where=_SMS),
)
"""One row per message and target.

`state`: `queued`, `delivered`, `dead`, `skipped` (not to be sent, see `reason`). `target`
is an endpoint's id, or stands for an address that a record or a keyword named, which is
then in `address`. Work on a row is leased by moving `next_attempt_at`; `lease_owner` says
to whom. `sender` and the sealed `body` belong to texts of our own; other deliveries carry
the message of `inbox_id`. `content_hash` recognises a forwarded text that comes back.
"""
