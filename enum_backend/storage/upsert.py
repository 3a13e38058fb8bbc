"""INSERT that meets a row which is already there; the same statement for both databases."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert


def insert_or_ignore(table: Table) -> Insert:
    """Insert; a row that breaks a unique index is left out (`rowcount` tells)."""
    return insert(table).on_conflict_do_nothing()
