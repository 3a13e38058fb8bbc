"""Tenants, whose number is whose, and proofs under way."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from enum_backend.storage.tables.base import metadata

tenants = Table(
    "tenants",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("title", String(120), nullable=False),
    Column("daily_cost_micros", BigInteger),
    Column("source", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Column("deleted_at", BigInteger),
)
"""Owners of numbers, keys and messages. `source`: `settings` (read-only over the API), `api`.

A deleted one keeps its row: its name is never given out again, because what it sent
and received is still there under that name.
"""

bindings = Table(
    "bindings",
    metadata,
    Column("number", String(16), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("proof", String(16), nullable=False),
    Column("created_by", String(80), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_bindings_tenant_number", "tenant", "number"),
)
"""Whose a number is; each has one owner, whatever proves it.

`proof`: `inventory` (bought, imported, or in the settings of a tenant's own gateway),
`admin`, `code`.
"""

binding_proofs = Table(
    "binding_proofs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("number", String(16), nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("uq_binding_proofs_tenant_number", "tenant", "number", unique=True),
    Index("ix_binding_proofs_expires_at", "expires_at"),
)
"""Proofs by a code that was sent to the number; the code itself is not stored."""
