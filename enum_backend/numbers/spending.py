"""Money spent in 24 hours: on messages and on numbers, under one ceiling.

Functions of a connection inside the transaction that spends, so two requests
cannot both take what is left.
"""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Connection, delete, func, insert, select

from enum_backend.errors import CostLimitExceeded
from enum_backend.storage.tables import outbox, spend

WINDOW_MS = 86_400_000
NUMBER = "number"
"""`kind` of what a number costs: its first month and its set-up."""

_MICROS = 1_000_000


def spent(connection: Connection, now: int) -> Decimal:
    """US dollars spent or estimated in the last 24 hours."""
    total = Decimal(0)
    for table in (outbox, spend):
        micros = connection.execute(
            select(func.coalesce(func.sum(table.c.cost_micros), 0)).where(
                table.c.created_at > now - WINDOW_MS
            )
        ).scalar_one()
        total += Decimal(int(micros)) / _MICROS
    return total


def reserve(
    connection: Connection,
    *,
    ceiling: Decimal,
    amount: Decimal,
    tenant: str,
    gateway: str,
    number: str,
    now: int,
) -> None:
    """Count the price of a number before it is ordered.

    Args:
        ceiling: US dollars in 24 hours, 0 = none.

    Raises:
        CostLimitExceeded: nothing is counted.
    """
    if ceiling and spent(connection, now) + amount > ceiling:
        raise CostLimitExceeded(f"The daily spend limit of {ceiling} USD is reached.")
    connection.execute(
        insert(spend).values(
            kind=NUMBER,
            tenant=tenant,
            gateway=gateway,
            reference=number,
            cost_micros=int((amount * _MICROS).to_integral_value()),
            created_at=now,
        )
    )


def give_back(connection: Connection, *, number: str, reserved_at: int) -> None:
    """Count no more what was reserved for an order that came to nothing."""
    connection.execute(
        delete(spend).where(
            spend.c.kind == NUMBER,
            spend.c.reference == number,
            spend.c.created_at == reserved_at,
        )
    )
