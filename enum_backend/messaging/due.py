"""What waits in the outbox: what is due now, and when the next is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, select

from enum_backend.storage.many import Each
from enum_backend.storage.tables import outbox
from enum_backend.storage.tables.outbox import PENDING

_NEEDED = (
    outbox.c.id,
    outbox.c.message_id,
    outbox.c.destination,
    outbox.c.segments,
    outbox.c.sender,
    outbox.c.route,
    outbox.c.body,
    outbox.c.template,
    outbox.c.verification_id,
    outbox.c.chain,
    outbox.c.chain_position,
    outbox.c.attempts_at_gateway,
    outbox.c.attempts_made,
    outbox.c.valid_until,
    outbox.c.erase_body,
    outbox.c.tenant,
    outbox.c.kind,
    outbox.c.is_test,
)


def due_query(which: ColumnElement[bool]) -> Select[Any]:
    """What waits and is due, codes first; takes the parameters `now` and `places`."""
    return (
        select(*_NEEDED)
        .where(PENDING, which, outbox.c.next_attempt_at <= bindparam("now"))
        .order_by(outbox.c.priority, outbox.c.next_attempt_at)
        .limit(bindparam("places"))
        .with_for_update(skip_locked=True)
    )


OF_GATEWAY = due_query(outbox.c.gateway == bindparam("gateway"))
"""What is due at one gateway; takes `gateway` as well."""

_NEXT_AT = (
    f"(SELECT min(next_attempt_at) FROM outbox WHERE {PENDING}"  # noqa: S608 - our words
    " AND gateway = value AND priority = {})"
)
_NEXT = Each(f"SELECT value, {_NEXT_AT.format(0)}, {_NEXT_AT.format(1)} FROM {{wanted}}")  # noqa: S608
"""Per gateway, when its next code and its next other message are due: two index look-ups each."""


def due(
    connection: Connection, query: Select[Any], now: int, places: int, **values: str
) -> Sequence[Row[Any]]:
    """At most `places` rows of a `due_query`, locked until the transaction ends."""
    return connection.execute(query, {"now": now, "places": places, **values}).all()


def next_due(connection: Connection, gateways: Collection[str]) -> dict[str, int]:
    """When the next waiting message of each gateway is due, milliseconds; only where one waits."""
    found = {}
    for name, *times in _NEXT.run(connection, gateways) if gateways else ():
        known = [at for at in times if at is not None]
        if known:
            found[name] = min(known)
    return found
