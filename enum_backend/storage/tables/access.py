"""Who may call."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from enum_backend.storage.tables.base import metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("daily_cost_micros", BigInteger),
    Column("per_minute", Integer),
    Column("senders", Text, nullable=False, server_default="[]"),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
)
"""Bearer keys; only their hash is kept. `senders` is a JSON list, empty = any of the
tenant's; `last_used_at` is coarse."""

shim_tokens = Table(
    "shim_tokens",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("program", String(40), nullable=False),
    Column("server", String(80), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("token", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("per_minute", Integer),
    Column("per_hour", Integer),
    Column("per_day", Integer),
    Column("region", String(2)),
    Column("sender", String(32)),
    Column("gateway", String(64)),
    Column("app", String(80)),
    Column("template", Text),
    Column("secret", LargeBinary),
    Index("uq_shim_tokens_program_server", "program", "server", unique=True),
)
"""Tokens of callers that can only put a secret into a URL. `token` is sealed,
so that the same server gets the same URL again; look-ups go by the hash.
`secret` is what the program signs with, sealed; the other columns are the token's
own settings, NULL = as the deployment has it."""
