"""Deliveries as a work queue: added with the message, leased, finished or tried again.

Functions of a connection inside a transaction; any number of processes work on one
queue. A delivery is made at least once: a process that dies in the middle is followed by
another one when its lease is over, and the receiver knows the repeat by its id.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from enum_backend.messaging.deliveries.model import Kind, State, Target
from enum_backend.storage import Sealer
from enum_backend.storage.tables import deliveries, endpoints, inbox
from enum_backend.storage.tables.deliveries import QUEUED

DAY_MS: Final = 86400 * 1000

MAX_DEFERRED = 1000
"""Deliveries put off in one transaction."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A message and where it is to go."""

    inbox_id: str
    tenant: str
    targets: Sequence[Target]


_ADD = insert(deliveries)


def add_many(
    connection: Connection, handovers: Iterable[Handover], *, now: int, validity_ms: int
) -> None:
    """Queue deliveries; there is one for each message and target."""
    rows = [
        _new(
            inbox_id=handover.inbox_id,
            tenant=handover.tenant,
            kind=target.kind,
            target=target.key,
            address=target.address,
            now=now,
            validity_ms=validity_ms,
        )
        for handover in handovers
        for target in handover.targets
    ]
    if rows:
        connection.execute(_ADD, rows)


def targets_so_far(connection: Connection, inbox_id: str) -> set[str]:
    """The keys of the targets that a message has deliveries for."""
    query = select(deliveries.c.target).where(deliveries.c.inbox_id == inbox_id)
    return set(connection.execute(query).scalars())


def add_sms(
    connection: Connection,
    *,
    sealer: Sealer,
    tenant: str,
    inbox_id: str,
    sender: str,
    to: str,
    text: str,
    reason: str,
    now: int,
    validity_ms: int = DAY_MS,
) -> None:
    """Queue a text of our own as the answer to a message, once for each reason.

    Args:
        sender: our number, which the message came to.
        reason: what it answers, at most 40 characters, such as `stop`.
    """
    key = f"reply:{reason}"
    if key in targets_so_far(connection, inbox_id):
        return
    row = _new(
        inbox_id=inbox_id,
        tenant=tenant,
        kind=Kind.SMS,
        target=key,
        address=to,
        now=now,
        validity_ms=validity_ms,
    )
    body = sealer.seal(text, row["delivery_id"])
    connection.execute(insert(deliveries).values(row | {"sender": sender, "body": body}))


def _new(*, kind: Kind, now: int, validity_ms: int, **values: Any) -> dict[str, Any]:
    return {
        "delivery_id": f"dlv_{secrets.token_hex(12)}",
        "kind": kind,
        "state": State.QUEUED,
        "attempts": 0,
        "next_attempt_at": now,
        "created_at": now,
        "expires_at": now + validity_ms,
        **values,
    }


_CLAIMED = (
    deliveries.c.id,
    deliveries.c.delivery_id,
    deliveries.c.inbox_id,
    deliveries.c.tenant,
    deliveries.c.kind,
    deliveries.c.target,
    deliveries.c.address,
    deliveries.c.sender.label("own_sender"),
    deliveries.c.body.label("own_body"),
    deliveries.c.attempts,
    deliveries.c.expires_at,
    inbox.c.sender,
    inbox.c.to_number,
    inbox.c.body,
    inbox.c.provider,
    inbox.c.gateway,
    inbox.c.received_at,
    inbox.c.incomplete,
    inbox.c.media,
    endpoints.c.id.label("endpoint"),
    endpoints.c.address.label("endpoint_address"),
    endpoints.c.failover_url,
    endpoints.c.secret,
    endpoints.c.previous_secret,
    endpoints.c.source,
    endpoints.c.enabled,
)


_DUE = (
    select(deliveries.c.id, deliveries.c.target)
    .where(
        QUEUED,
        deliveries.c.next_attempt_at <= bindparam("now"),
        deliveries.c.target.not_in(bindparam("full", expanding=True)),
    )
    .order_by(deliveries.c.next_attempt_at, deliveries.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_LEASE = (
    update(deliveries)
    .where(deliveries.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        next_attempt_at=bindparam("until"),
        lease_owner=bindparam("owner"),
        attempts=deliveries.c.attempts + 1,
    )
)
_TAKEN = (
    select(*_CLAIMED)
    .select_from(
        deliveries.outerjoin(inbox, inbox.c.inbox_id == deliveries.c.inbox_id).outerjoin(
            endpoints, endpoints.c.id == deliveries.c.target
        )
    )
    .where(deliveries.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(deliveries.c.id)
)
"""Made once: building a statement costs more than sending it."""


def claim(
    connection: Connection,
    *,
    owner: str,
    now: int,
    lease_ms: int,
    limit: int,
    room: Callable[[str], int],
    full: Collection[str] = (),
) -> list[Row[Any]]:
    """Lease due deliveries, longest waiting first; `opened` reads the rows.

    Args:
        room: how many more a target takes at the moment.
        full: targets known to take none.
    """
    # A list that is never empty keeps the statement the same.
    values = {"now": now, "full": [*full, ""], "limit": limit}
    found = connection.execute(_DUE, values)
    taken: Counter[str] = Counter()
    ids = []
    for delivery, target in found:
        if taken[target] < room(target):
            taken[target] += 1
            ids.append(delivery)
    if not ids:
        return []
    connection.execute(_LEASE, {"ids": ids, "until": now + lease_ms, "owner": owner})
    rows = connection.execute(_TAKEN, {"ids": ids})
    return cast("list[Row[Any]]", rows.all())


def free_leases(connection: Connection, owner: str, now: int) -> None:
    """Deliveries leased by processes that are gone may be made at once."""
    connection.execute(
        update(deliveries)
        .where(QUEUED, deliveries.c.lease_owner.is_not(None), deliveries.c.lease_owner != owner)
        .values(lease_owner=None, next_attempt_at=now)
    )


def next_due_at(connection: Connection) -> int | None:
    """When the next delivery is due, milliseconds; None when there is none."""
    found: int | None = connection.execute(
        select(func.min(deliveries.c.next_attempt_at)).where(QUEUED)
    ).scalar()
    return found


def defer(connection: Connection, target: str, now: int, until: int) -> int:
    """Put off what is due for a target that is left alone until then; returns how many."""
    due = (
        select(deliveries.c.id)
        .where(QUEUED, deliveries.c.next_attempt_at <= now, deliveries.c.target == target)
        .limit(MAX_DEFERRED)
        .with_for_update(skip_locked=True)
    )
    return connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(due.scalar_subquery()))
        .values(next_attempt_at=until)
    ).rowcount
