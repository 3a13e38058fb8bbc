"""The outbox as a work queue: what is due is taken, and said to be sent, in one transaction.

A row moves `queued -> dispatching -> ...` only here and in `outcomes`. `dispatching`
and the attempt are committed before a provider hears of the message, so that after
a crash everything in that state is known to be ambiguous, and nothing else is.
Nothing is taken that cannot be sent at once: it would be ambiguous for no reason.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, or_, select, update

from enum_backend.messaging import due
from enum_backend.messaging.leaving import Left, expire, leave, leave_closed, refuse
from enum_backend.messaging.model import MessageKind, MessageState
from enum_backend.messaging.pacing import Held, Pace
from enum_backend.messaging.policy import optouts
from enum_backend.messaging.policy.sticky import Known
from enum_backend.messaging.pricing import Estimate
from enum_backend.storage.many import FromRows, Listed
from enum_backend.storage.tables import outbox
from enum_backend.storage.tables.outbox import DISPATCHING

_BEGIN = Listed(
    outbox.c.id,
    lambda among: (
        update(outbox)
        .where(among)
        .values(
            state=MessageState.DISPATCHING.value,
            provider=bindparam("to_provider"),
            attempts_at_gateway=outbox.c.attempts_at_gateway + 1,
            attempts_made=outbox.c.attempts_made + 1,
            lease_owner=bindparam("owner"),
            lease_until=bindparam("until"),
            updated_at=bindparam("now"),
        )
    ),
    "bigint",
)

_ATTEMPTS = FromRows(
    "INSERT INTO attempts (message_id, number, gateway, provider, outcome, started_at)"
    " SELECT message_id, number, :gateway, :provider, 'dispatching', :now FROM {given}",
    {"message_id": "text", "number": "bigint"},
)
"""Of messages just begun."""

LOOK_AHEAD = 4
"""Where senders are paced, so many rows per free place are looked at for one that may go."""


@dataclass(frozen=True, slots=True)
class Room:
    """What one gateway can take now.

    Attributes:
        places: requests that may begin.
        lease_ms: how long one may take, so that a process that died is told from a slow one.
        pace: how fast it may send, whoever sends; None = no limit.
        closed_until: milliseconds; the gateway is known to be broken until then:
            messages go to the next one, or wait where there is none.
    """

    provider: str
    places: int
    lease_ms: int
    pace: Pace | None = None
    closed_until: int | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A message that this process, and nobody else, sends now.

    Attributes:
        number: of this attempt, over all gateways.
        knows: what the recipient was noted to know once the first gateway of the chain has
            sent it; None = that is not remembered.
        template, verification_id: what its text is made of, where it has no `body`.
        attempts_at_gateway: this one included.
        lease_until: milliseconds; not to be sent after it.
    """

    message_id: str
    destination: str
    sender: str | None
    sender_gateway: str | None
    body: bytes | None = field(repr=False)
    chain: tuple[str, ...]
    position: int
    number: int
    attempts_at_gateway: int
    valid_until: int
    lease_until: int
    is_code: bool
    segments: int
    tenant: str
    knows: Known | None = None
    template: str | None = None
    verification_id: str | None = None

    @property
    def gateway(self) -> str:
        """Whose turn it is."""
        return self.chain[self.position]

    @property
    def next_gateway(self) -> str | None:
        """Who follows when this one fails."""
        following = self.position + 1
        return self.chain[following] if following < len(self.chain) else None


@dataclass(slots=True)
class Taken:
    """What came of one look at the queue.

    Attributes:
        more: gateways at which more may be due now, and the places they had.
        held: gateways whose pace holds messages back, and how long.
        due_at: milliseconds; when the next is due at the gateways of which nothing is now.
    """

    begun: list[Begun] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    more: dict[str, int] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    due_at: int | None = None


def take(
    connection: Connection,
    *,
    owner: str,
    now: int,
    room: Mapping[str, Room],
    others: int,
    hold: bool = False,
    patience: int = 0,
    estimate: Estimate = lambda gateway, destination, segments: None,
) -> Taken:
    """Begin the due messages there is room for, codes first; the earliest first.

    Args:
        room: per gateway that is configured now.
        others: how many messages of gateways that are no longer configured to move on;
            finding them means looking through all that wait.
        hold: nothing is sent for real now: those messages wait as long as they count.
        patience: milliseconds that due messages of a gateway which is broken here are left
            to other processes; it may work for them.
        estimate: what a message costs at the gateway it moves on to.
    """
    taken = Taken()
    open_to = [name for name, item in room.items() if item.places > 0 or item.closed_until]
    next_due = due.next_due(connection, open_to)
    taken.due_at = min((at for at in next_due.values() if at > now), default=None)
    for name in (name for name in open_to if next_due.get(name, now + 1) <= now):
        gateway = room[name]
        if gateway.closed_until is None:
            _take_of(connection, taken, name, gateway, owner, now)
        elif next_due[name] <= now - patience:
            until = gateway.closed_until
            taken.left.extend(leave_closed(connection, name, until, now, estimate, patience))
    if others:
        gone: ColumnElement[bool] = outbox.c.gateway.not_in(list(room))
        if hold:
            gone &= outbox.c.valid_until <= now
        rows = due.due(connection, due.due_query(gone), now, others)
        taken.left.extend(leave(connection, rows, now, "not configured now", estimate))
    return taken


def _take_of(
    connection: Connection, taken: Taken, name: str, room: Room, owner: str, now: int
) -> None:
    query, places, ahead = due.OF_GATEWAY, room.places, 1
    pacing = None
    if room.pace is not None:
        pacing = room.pace.begin(connection, name, now)
        places = pacing.places(places)
        if pacing.waiting:
            query = query.where(func.coalesce(outbox.c.sender, "").not_in(sorted(pacing.waiting)))
        ahead = LOOK_AHEAD if room.pace.sender_pause else 1
    rows = due.due(connection, query, now, places * ahead, gateway=name) if places else []
    if places and len(rows) == places * ahead:
        taken.more[name] = places
    late = [row for row in rows if row.valid_until <= now]
    taken.left.extend(expire(connection, name, late, now))
    ready = [row for row in rows if row.valid_until > now]
    if room.pace is not None and room.pace.sender_pause:
        key = room.pace.sender_key
        first = {key(row.sender): row.id for row in reversed(ready)}
        ready = [row for row in ready if first[key(row.sender)] == row.id]
    ready = ready[:places]
    shut = _shut_out(connection, ready, name)
    taken.left.extend(refuse(connection, name, [row for row in ready if row.id in shut], now))
    ready = [row for row in ready if row.id not in shut]
    if ready:
        _begin(connection, taken, name, room, owner, ready, now)
    if pacing is not None:
        held = pacing.count(connection, [row.sender for row in ready])
        if held is not None:
            taken.held[name] = held


def _begin(
    connection: Connection,
    taken: Taken,
    name: str,
    room: Room,
    owner: str,
    ready: Sequence[Row[Any]],
    now: int,
) -> None:
    lease_until = now + room.lease_ms
    ids = [row.id for row in ready]
    _BEGIN.run(connection, ids, to_provider=room.provider, owner=owner, until=lease_until, now=now)
    made = [(row.message_id, row.attempts_made + 1) for row in ready]
    _ATTEMPTS.run(connection, made, gateway=name, provider=room.provider, now=now)
    taken.begun.extend(_begun(row, lease_until) for row in ready)


def _shut_out(connection: Connection, rows: Sequence[Row[Any]], name: str) -> set[int]:
    """Ids of those whose recipient said STOP while an earlier attempt was under way."""
    tried = [
        row
        for row in rows
        if row.attempts_made and not row.is_test and row.kind != MessageKind.REPLY
    ]
    wanted = [(row.tenant, optouts.sender_of(row, name), row.destination) for row in tried]
    return {tried[index].id for index in optouts.blocked(connection, wanted)} if tried else set()


def _begun(row: Row[Any], lease_until: int) -> Begun:
    sender_gateway, knows = _of_route(row.route)
    return Begun(
        message_id=row.message_id,
        destination=row.destination,
        sender=row.sender,
        sender_gateway=sender_gateway,
        body=row.body,
        chain=_chain(row.chain),
        position=row.chain_position,
        number=row.attempts_made + 1,
        attempts_at_gateway=row.attempts_at_gateway + 1,
        valid_until=row.valid_until,
        lease_until=lease_until,
        is_code=row.erase_body,
        segments=row.segments,
        tenant=row.tenant,
        knows=knows,
        template=row.template,
        verification_id=row.verification_id,
    )


@lru_cache(maxsize=256)
def _of_route(route: str) -> tuple[str | None, Known | None]:
    """The gateway that may use the message's sender, and what the recipient was noted to know."""
    found = json.loads(route)
    knows = found.get("knows")
    return found.get("sender_gateway"), Known(*knows) if knows else None


@lru_cache(maxsize=256)
def _chain(chain: str) -> tuple[str, ...]:
    return tuple(json.loads(chain))


def begun_at(connection: Connection, owner: str, times: Collection[int]) -> list[Row[Any]]:
    """What `take` began for an owner at these times (its `now`) and nobody has touched since."""
    return list(
        connection.execute(
            select(outbox.c.message_id, outbox.c.attempts_made).where(
                DISPATCHING, outbox.c.lease_owner == owner, outbox.c.updated_at.in_(sorted(times))
            )
        )
    )


def orphans(connection: Connection, owner: str, now: int, *, alone: bool) -> list[Row[Any]]:
    """Messages in `dispatching` that nobody is sending any more.

    Args:
        alone: this process holds the database, so whatever another owner left
            behind is an orphan at once; otherwise its lease must be over.
    """
    stale = outbox.c.lease_until < now
    if alone:
        stale = or_(stale, outbox.c.lease_owner != owner)
    return list(
        connection.execute(
            select(
                outbox.c.message_id,
                outbox.c.gateway,
                outbox.c.provider,
                outbox.c.erase_body,
                outbox.c.attempts_at_gateway,
                outbox.c.attempts_made,
                outbox.c.lease_owner,
            ).where(DISPATCHING, stale)
        )
    )
