"""Money spent in 24 hours, per scope: the deployment, a tenant, a client.

Functions of a connection inside the transaction that spends, so two requests
cannot both take what is left. Sums are kept in buckets of five minutes: what a
day's total costs to read does not depend on how much was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from enum_backend.errors import CostLimitExceeded
from enum_backend.storage.locks import serialize
from enum_backend.storage.many import Inserted, Listed
from enum_backend.storage.tables import spend, spend_buckets
from enum_backend.tenants.store import ceilings

WINDOW_MS = 86_400_000
BUCKET_MS = 300_000
ALL = "all"
"""The scope of the whole deployment."""
NUMBER = "number"
"""`kind` of what a number costs: its first month and its set-up."""

_MICROS = 1_000_000

_ADD = Inserted(
    spend_buckets,
    ("scope", "bucket_at", "micros"),
    "ON CONFLICT (scope, bucket_at) DO UPDATE SET micros = spend_buckets.micros + excluded.micros",
)

_TOTALS = Listed(
    spend_buckets.c.scope,
    lambda among: (
        select(spend_buckets.c.scope, func.sum(spend_buckets.c.micros))
        .where(among, spend_buckets.c.bucket_at > bindparam("since"))
        .group_by(spend_buckets.c.scope)
    ),
)


def scopes(tenant: str, client: str | None = None) -> tuple[str, ...]:
    """The scopes that one amount counts in, widest first."""
    return (ALL, f"tenant:{tenant}") + ((f"client:{client}",) if client else ())


def totals(connection: Connection, wanted: Iterable[str], now: int) -> dict[str, Decimal]:
    """US dollars spent or estimated in the last 24 hours (to five minutes more), per scope."""
    names = sorted(set(wanted))
    rows = _TOTALS.run(connection, names, since=now - WINDOW_MS - BUCKET_MS)
    found = {name: Decimal(int(micros)) / _MICROS for name, micros in rows}
    return {name: found.get(name, Decimal(0)) for name in names}


def spent(connection: Connection, now: int) -> Decimal:
    """US dollars spent or estimated by the whole deployment in the last 24 hours."""
    return totals(connection, [ALL], now)[ALL]


def add(connection: Connection, amounts: Mapping[tuple[str, int], int]) -> None:
    """Add micros (also negative ones) to scopes: `{(scope, time in ms): micros}`."""
    summed: dict[tuple[str, int], int] = {}
    for (scope, at), micros in amounts.items():
        bucket = (scope, at - at % BUCKET_MS)
        summed[bucket] = summed.get(bucket, 0) + micros
    # In one order everywhere, so that two transactions do not wait for each other.
    _ADD.run(
        connection,
        [(scope, at, micros) for (scope, at), micros in sorted(summed.items()) if micros],
    )


def reserve(
    connection: Connection,
    *,
    ceiling: Decimal | None,
    amount: Decimal,
    tenant: str,
    gateway: str,
    number: str,
    now: int,
    kind: str = NUMBER,
) -> None:
    """Count the price of a number before it is ordered, or of what else is paid for it.

    Args:
        ceiling: US dollars in 24 hours, 0 = none.

    Raises:
        CostLimitExceeded: nothing is counted.
    """
    serialize(connection, "outbox")
    if ceiling is not None:
        _check(connection, ceiling, amount, tenant, now)
    micros = int((amount * _MICROS).to_integral_value())
    connection.execute(
        insert(spend).values(
            kind=kind,
            tenant=tenant,
            gateway=gateway,
            reference=number,
            cost_micros=micros,
            created_at=now,
        )
    )
    add(connection, dict.fromkeys(((scope, now) for scope in scopes(tenant)), micros))


def _check(
    connection: Connection, ceiling: Decimal, amount: Decimal, tenant: str, now: int
) -> None:
    own = ceilings(connection, [tenant]).get(tenant)
    for scope, limit, whose in ((ALL, ceiling, ""), (f"tenant:{tenant}", own, " of this tenant")):
        if limit and totals(connection, [scope], now)[scope] + amount > limit:
            raise CostLimitExceeded(f"The daily spend limit of {limit} USD{whose} is reached.")


def give_back(connection: Connection, *, number: str, reserved_at: int, kind: str = NUMBER) -> None:
    """Count no more what was reserved for an order that came to nothing."""
    held = (
        spend.c.kind == kind,
        spend.c.reference == number,
        spend.c.created_at == reserved_at,
    )
    rows = connection.execute(select(spend.c.tenant, spend.c.cost_micros).where(*held)).all()
    for row in rows:
        amounts = {(scope, reserved_at): -row.cost_micros for scope in scopes(row.tenant)}
        add(connection, amounts)
    connection.execute(delete(spend).where(*held))
