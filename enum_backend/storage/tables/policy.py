"""Who wants no messages, who knows which number of ours, and which spend alerts were raised."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, String, Table

from enum_backend.storage.tables.base import ID, metadata

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("recipient", String(16), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("sender", String(80), nullable=False),
    Column("source", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("uq_opt_outs_recipient_tenant_sender", "recipient", "tenant", "sender", unique=True),
    Index("ix_opt_outs_tenant_id", "tenant", "id"),
)
"""People who want no messages of a tenant from a sender.

`tenant` `*`: whoever sends from it; `sender` `*`: every sender of the tenant,
`gateway:NAME`: whatever number that gateway picks. `source`: `keyword`, `provider`,
`refused`, `manual`.
"""

sticky_senders = Table(
    "sticky_senders",
    metadata,
    Column("recipient", String(16), primary_key=True),
    Column("tenant", String(64), primary_key=True),
    Column("gateway", String(64), nullable=False),
    Column("sender", String(80)),
    Column("used_at", BigInteger, nullable=False),
)
"""The gateway, and the number of ours, that a recipient's last message went out by."""

keyword_answers = Table(
    "keyword_answers",
    metadata,
    Column("recipient", String(16), primary_key=True),
    Column("sender", String(80), primary_key=True),
    Column("keyword", String(8), primary_key=True),
    Column("answered_at", BigInteger, nullable=False),
    Column("day", Integer, nullable=False),
    Column("answers", Integer, nullable=False),
)
"""When a handset last got the answer to a keyword from a number of ours, and how many on
that day (of UTC, days since 1970): somebody's robot must not make us answer for ever."""

spend_alerts = Table(
    "spend_alerts",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("scope", String(96), nullable=False),
    Column("day", Integer, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("used_micros", BigInteger, nullable=False),
    Column("limit_micros", BigInteger, nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("next_attempt_at", BigInteger),
    Column("told", String(40), nullable=False),
    Index("uq_spend_alerts_scope_day_level", "scope", "day", "level", unique=True),
    Index("ix_spend_alerts_next_attempt_at", "next_attempt_at"),
)
"""Daily spend limits that were neared: one row per scope (as in `spend_buckets`), day of
UTC (days since 1970) and level (per cent).

`told` are the ways it went out by, with blanks between them; `next_attempt_at` is when
the others are tried again, empty when nothing is left to do.
"""
