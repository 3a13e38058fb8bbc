"""How fast gateways and senders may send, counted over all processes."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from enum_backend.storage.tables.base import metadata

gateway_paces = Table(
    "gateway_paces",
    metadata,
    Column("gateway", String(64), primary_key=True),
    Column("empty_at", BigInteger, nullable=False),
)
"""When the bucket of a gateway with a rate last held nothing, microseconds."""

sender_paces = Table(
    "sender_paces",
    metadata,
    Column("gateway", String(64), primary_key=True),
    Column("sender", String(80), primary_key=True),
    Column("ready_at", BigInteger, nullable=False),
)
"""When a sender may send again, milliseconds; `sender` "" = the gateway's own. Past ones go."""
