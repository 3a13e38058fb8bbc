"""Messages that leave a gateway's queue without a request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, case, update

from enum_backend.gateways.base import Reason
from enum_backend.messaging.changes import Change, Hop, apply, final, moved_on
from enum_backend.messaging.due import OF_GATEWAY, due
from enum_backend.messaging.model import MessageState
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
    changes = [Change(row.message_id, WAITING, values) for row in rows]
    return _left(connection, changes, [(name, "opted out")] * len(rows), now)


def expire(connection: Connection, name: str, rows: Sequence[Row[Any]], now: int) -> list[Left]:
    """End messages whose validity is over before anybody took them."""
    values = final(MessageState.EXPIRED) | {"reason": Reason.EXPIRED}
    changes = [Change(row.message_id, WAITING, values) for row in rows]
    return _left(connection, changes, [(name, "expired")] * len(rows), now)


def leave(
    connection: Connection, rows: Sequence[Row[Any]], now: int, why: str, estimate: Estimate
) -> list[Left]:
    """Hand messages to the gateway after theirs, or end them where there is none."""
    changes, facts = [], []
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
        facts.append((chain[position], detail))
    return _left(connection, changes, facts, now)


def _left(
    connection: Connection, changes: Sequence[Change], facts: Sequence[tuple[str, str]], now: int
) -> list[Left]:
    """Make the changes; `facts` are the gateway and the reason of each."""
    states = apply(connection, changes, now)
    return [
        Left(change.message_id, gateway, state, why)
        for change, state, (gateway, why) in zip(changes, states, facts, strict=True)
        if state is not None
    ]


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
