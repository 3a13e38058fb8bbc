"""What SIM cards of our own have sent."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from enum_backend.storage.tables.base import metadata

sim_sends = Table(
    "sim_sends",
    metadata,
    Column("card", String(64), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("own_id", String(36), nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Index("ix_sim_sends_own_id", "own_id"),
    Index("ix_sim_sends_sent_at", "sent_at"),
)
"""Messages of each card of an Android gateway, the last 24 hours.

`place` counts a card's messages; `own_id` is the message's id at the phone.
"""
