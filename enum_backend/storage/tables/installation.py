"""What belongs to the whole installation."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, String, Table

from enum_backend.storage.tables.base import metadata

installation = Table(
    "installation",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
"""`server_key`: a keyed hash that tells whether a process has the key of the others."""
