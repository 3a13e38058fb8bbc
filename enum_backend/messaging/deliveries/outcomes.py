"""What came of attempts to deliver, written for many at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, update

from enum_backend.messaging.deliveries.model import State, Why
from enum_backend.storage.tables import deliveries
from enum_backend.storage.tables.deliveries import QUEUED


@dataclass(frozen=True, slots=True)
class Finished:
    """A delivery that is over."""

    id: int
    state: State
    why: Why | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Postponed:
    """A delivery that is tried again at a time, milliseconds."""

    id: int
    at: int
    why: Why | None = None
    status: int | None = None
    counts: bool = True


_FINISH = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("b_id"), deliveries.c.state != State.DELIVERED)
    .values(
        state=bindparam("b_state"),
        reason=bindparam("b_reason"),
        status=bindparam("b_status"),
        next_attempt_at=None,
        lease_owner=None,
        finished_at=bindparam("b_now"),
    )
)

_POSTPONE = (
    update(deliveries)
    .where(
        deliveries.c.id == bindparam("b_id"),
        QUEUED,
        deliveries.c.lease_owner == bindparam("b_owner"),
    )
    .values(
        reason=bindparam("b_reason"),
        status=bindparam("b_status"),
        next_attempt_at=bindparam("b_at"),
        attempts=deliveries.c.attempts - bindparam("b_uncounted"),
        lease_owner=None,
    )
)


def record_many(
    connection: Connection, outcomes: Iterable[Finished | Postponed], *, owner: str, now: int
) -> None:
    """Write what came of attempts. What was delivered stays so, whoever says otherwise later;
    a process that lost its lease postpones nothing."""
    finished: list[dict[str, Any]] = []
    postponed: list[dict[str, Any]] = []
    for item in outcomes:
        common = {"b_id": item.id, "b_reason": item.why, "b_status": item.status}
        more: dict[str, Any]
        if isinstance(item, Finished):
            more = {"b_state": item.state, "b_now": now}
            finished.append(common | more)
        else:
            more = {"b_at": item.at, "b_owner": owner, "b_uncounted": 0 if item.counts else 1}
            postponed.append(common | more)
    if finished:
        connection.execute(_FINISH, finished)
    if postponed:
        connection.execute(_POSTPONE, postponed)
