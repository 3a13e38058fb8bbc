"""What all tables share.

Times are integer milliseconds since 1970 (UTC), columns ending in `_at`.
Money is integer millionths of a unit of `currency`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = BigInteger().with_variant(Integer, "sqlite")
"""Type of a growing primary key: SQLite numbers rows only in a column of type INTEGER."""
