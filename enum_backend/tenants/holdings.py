"""What a tenant still has, and so cannot be deleted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from enum_backend.storage.tables import (
    agent_numbers,
    api_keys,
    bindings,
    deliveries,
    outbox,
    shim_tokens,
)
from enum_backend.storage.tables.deliveries import QUEUED
from enum_backend.storage.tables.outbox import DISPATCHING, PENDING


def held(connection: Connection, tenant: str, now: int) -> list[str]:
    """`["2 numbers", "1 API key"]`; empty = nothing is in the way."""
    return [
        f"{count} {one if count == 1 else many}"
        for one, many, queries in _queries(tenant, now)
        if (count := sum(connection.execute(query).scalar_one() for query in queries))
    ]


def _queries(tenant: str, now: int) -> list[tuple[str, str, list[Select[Any]]]]:
    keys = _rows(api_keys.c.id).where(
        api_keys.c.tenant == tenant,
        api_keys.c.revoked_at.is_(None),
        or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now),
    )
    lent = _rows(agent_numbers.c.number).where(
        agent_numbers.c.tenant == tenant, agent_numbers.c.removed_at.is_(None)
    )
    tokens = _rows(shim_tokens.c.id).where(
        shim_tokens.c.tenant == tenant, shim_tokens.c.revoked_at.is_(None)
    )
    # The tenant is part of an expression, so that the small indices of what is under way
    # are used, not the large ones of everything the tenant had.
    own = (outbox.c.tenant + "") == tenant
    under_way = [_rows(outbox.c.id).where(own, state) for state in (PENDING, DISPATCHING)]
    queued = _rows(deliveries.c.id).where((deliveries.c.tenant + "") == tenant, QUEUED)
    return [
        ("number", "numbers", [_rows(bindings.c.number).where(bindings.c.tenant == tenant)]),
        ("number in the agents' pool", "numbers in the agents' pool", [lent]),
        ("API key", "API keys", [keys]),
        ("shim token", "shim tokens", [tokens]),
        # Before the messages: a delivery that ends as an SMS is one of them by then.
        ("delivery under way", "deliveries under way", [queued]),
        ("message under way", "messages under way", under_way),
    ]


def _rows(column: Any) -> Select[Any]:
    return select(func.count(column))
