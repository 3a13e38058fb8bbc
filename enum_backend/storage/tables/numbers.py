"""Numbers of ours and money spent."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from enum_backend.storage.tables.base import ID, metadata

numbers = Table(
    "numbers",
    metadata,
    Column("number", String(16), primary_key=True),
    Column("gateway", String(64), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("source", String(16), nullable=False),
    Column("features", String(40), nullable=False),
    Column("order_id", String(128)),
    Column("detail", Text),
    Column("monthly_micros", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
"""Numbers that were bought or imported, each bound to one gateway and one tenant.

`state`: `pending` (ordered), `active`; `source`: `bought`, `imported`. What is given
back is gone from here.
"""

spend = Table(
    "spend",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("gateway", String(64), nullable=False),
    Column("reference", String(128), nullable=False),
    Column("cost_micros", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
"""US dollars spent on numbers and look-ups (`kind`), counted in `spend_buckets` as well."""

spend_buckets = Table(
    "spend_buckets",
    metadata,
    Column("scope", String(96), primary_key=True),
    Column("bucket_at", BigInteger, primary_key=True),
    Column("micros", BigInteger, nullable=False),
)
"""US dollars spent or estimated, summed per scope and five minutes.

`scope`: `all`, `tenant:NAME`, `client:ID`. Changed in the transaction that spends, so
that a day's total is a short range read however many messages there are.
"""
