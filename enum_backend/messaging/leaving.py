"""Messages that leave a gateway's queue without a request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, case, update

from enum_backend.gateways.base import Reason
from enum_backend.messaging.due import OF_GATEWAY, due
from enum_backend.messaging.model import MessageState
from enum_backend.messaging.outcomes import Change, Hop, apply, final, moved_on
from enum_backend.messaging.pricing import Estimate
from enum_backend.storage.tables import outbox

WAITING = frozenset({MessageState.QUEUED, MessageState.SCHEDULED})
"""States in which nobody sends a message."""

CLOSED_BATCH = 256
"""Messages of a broken gateway moved in one transaction."""


@dataclass(frozen=True, slots=True)
class Left:
    """A message that moved on without a request."""

    message_id: str
    gateway: str
    state: MessageState
    why: str


def refuse(connection: Connection, name: str, rows: Sequence[Row[Any]], now: int) -> list[Left]:
    """End messages whose recipients want none any more."""
    values = final(MessageState.FAILED) | {"reason": Reason.OPTED_OUT}
    apply(connection, [Change(row.message_id, WAITING, values) for row in rows], now)
    return [Left(row.message_id, name, MessageState.FAILED, "opted out") for row in rows]


def expire(connection: Connection, name: str, rows: Sequence[Row[Any]], now: int) -> list[Left]:
    """End messages whose validity is over before anybody took them."""
    values = final(MessageState.EXPIRED) | {"reason": Reason.EXPIRED}
    apply(connection, [Change(row.message_id, WAITING, values) for row in rows], now)
    return [Left(row.message_id, name, MessageState.EXPIRED, "expired") for row in rows]


def leave(
    connection: Connection, rows: Sequence[Row[Any]], now: int, why: str, estimate: Estimate
) -> list[Left]:
    """Hand messages to the gateway after theirs, or end them where there is none."""
    changes, left = [], []
    for row in rows:
        chain, position = json.loads(row.chain), row.chain_position
        detail = f"gateway {chain[position]} is {why}"
        if row.valid_until <= now:
            values = final(MessageState.EXPIRED) | {"reason": Reason.EXPIRED}
        elif position + 1 < len(chain):
            name = chain[position + 1]
            hop = Hop(name, position + 1, estimate(name, row.destination, row.segments))
            values = moved_on(hop) | {"detail": detail}
        else:
            values = final(MessageState.FAILED)
            values |= {"reason": Reason.TEMPORARY_UNAVAILABLE, "detail": detail}
        changes.append(Change(row.message_id, WAITING, values))
        state = values.get("state", MessageState.QUEUED)
        left.append(Left(row.message_id, chain[position], state, detail))
    apply(connection, changes, now)
    return left


def leave_closed(
    connection: Connection,
    name: str,
    until: int,
    now: int,
    estimate: Estimate,
    patience: int = 0,
) -> list[Left]:
    """A gateway that is broken now: its messages go on, or wait until it is asked again.

    Args:
        patience: milliseconds; what is due for less is left to others.
    """
    rows = due(connection, OF_GATEWAY, now - patience, CLOSED_BATCH, gateway=name)
    ends = [row for row in rows if row.chain_position + 1 >= len(json.loads(row.chain))]
    stuck = [row for row in ends if row.valid_until > now]
    if stuck:
        connection.execute(
            update(outbox)
            .where(outbox.c.id.in_([row.id for row in stuck]))
            .values(
                next_attempt_at=case(
                    (outbox.c.valid_until < until, outbox.c.valid_until), else_=until
                )
            )
        )
    stays = {row.id for row in stuck}
    goes = [row for row in rows if row.id not in stays]
    return leave(connection, goes, now, "broken now", estimate)
