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

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from enum_backend.gateways.base import Reason
from enum_backend.messaging.model import MessageKind, MessageState
from enum_backend.messaging.outcomes import Change, apply, final, moved_on
from enum_backend.messaging.policy import optouts
from enum_backend.storage.many import FromRows, Listed
from enum_backend.storage.tables import outbox
from enum_backend.storage.tables.outbox import DISPATCHING, PENDING

_NEEDED = (
    outbox.c.id,
    outbox.c.message_id,
    outbox.c.destination,
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


def _due_query(which: ColumnElement[bool]) -> Select[Any]:
    return (
        select(*_NEEDED)
        .where(PENDING, which, outbox.c.next_attempt_at <= bindparam("now"))
        .order_by(outbox.c.priority, outbox.c.next_attempt_at)
        .limit(bindparam("places"))
        .with_for_update(skip_locked=True)
    )


_DUE = _due_query(outbox.c.gateway == bindparam("gateway"))

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

_NEXT = select(func.min(outbox.c.next_attempt_at)).where(
    PENDING,
    outbox.c.gateway == bindparam("gateway"),
    outbox.c.priority == bindparam("priority"),
)

LOOK_AHEAD = 4
"""Where senders are paced, so many rows per free place are looked at for one that may go."""


@dataclass(frozen=True, slots=True)
class Room:
    """What one gateway can take now.

    Attributes:
        places: requests that may begin.
        lease_ms: how long one may take, so that a process that died is told from a slow one.
        one_per_sender: take at most one message of each sender (senders are paced).
        waiting: senders that may not send now; "" = the gateway's own.
        closed_until: milliseconds; the gateway is known to be broken until then:
            messages go to the next one, or wait where there is none.
    """

    provider: str
    places: int
    lease_ms: int
    one_per_sender: bool = False
    waiting: frozenset[str] = frozenset()
    closed_until: int | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A message that this process, and nobody else, sends now.

    Attributes:
        number: of this attempt, over all gateways.
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


@dataclass(frozen=True, slots=True)
class Left:
    """A message that moved on without a request."""

    message_id: str
    gateway: str
    state: MessageState
    why: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of one look at the queue."""

    begun: list[Begun]
    left: list[Left]

    def __bool__(self) -> bool:
        return bool(self.begun or self.left)


def take(
    connection: Connection,
    *,
    owner: str,
    now: int,
    room: Mapping[str, Room],
    others: int,
    hold: bool = False,
) -> Taken:
    """Begin the due messages there is room for, codes first; the earliest first.

    Args:
        room: per gateway that is configured now.
        others: how many messages of gateways that are no longer configured to move on;
            finding them means looking through all that wait.
        hold: nothing is sent for real now: those messages wait as long as they count.
    """
    taken = Taken([], [])
    for name, gateway in room.items():
        if gateway.closed_until is not None:
            _leave_closed(connection, taken, name, gateway.closed_until, now)
        elif gateway.places > 0:
            _begin(connection, taken, name, gateway, owner, now)
    if others:
        gone: ColumnElement[bool] = outbox.c.gateway.not_in(list(room))
        if hold:
            gone &= outbox.c.valid_until <= now
        rows = _due(connection, _due_query(gone), now, others)
        _leave(connection, taken, rows, now, "not configured now")
    return taken


def _due(
    connection: Connection, query: Select[Any], now: int, places: int, **values: str
) -> Sequence[Row[Any]]:
    return connection.execute(query, {"now": now, "places": places, **values}).all()


def _begin(
    connection: Connection, taken: Taken, name: str, room: Room, owner: str, now: int
) -> None:
    query = _DUE
    if room.waiting:
        query = query.where(func.coalesce(outbox.c.sender, "").not_in(sorted(room.waiting)))
    ahead = LOOK_AHEAD if room.one_per_sender else 1
    rows = _due(connection, query, now, room.places * ahead, gateway=name)
    late = [row for row in rows if row.valid_until <= now]
    _expire(connection, taken, name, late, now)
    ready = [row for row in rows if row.valid_until > now]
    if room.one_per_sender:
        first = {row.sender: row.id for row in reversed(ready)}
        ready = [row for row in ready if first[row.sender] == row.id]
    ready = ready[: room.places]
    shut = _shut_out(connection, ready, name)
    _refuse(connection, taken, name, [row for row in ready if row.id in shut], now)
    ready = [row for row in ready if row.id not in shut]
    if not ready:
        return
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


def _refuse(
    connection: Connection, taken: Taken, name: str, rows: Sequence[Row[Any]], now: int
) -> None:
    """Their recipients want none any more."""
    values = final(MessageState.FAILED) | {"reason": Reason.OPTED_OUT}
    apply(connection, [Change(row.message_id, WAITING, values) for row in rows], now)
    taken.left.extend(Left(row.message_id, name, MessageState.FAILED, "opted out") for row in rows)


def _begun(row: Row[Any], lease_until: int) -> Begun:
    return Begun(
        message_id=row.message_id,
        destination=row.destination,
        sender=row.sender,
        sender_gateway=_sender_gateway(row.route),
        body=row.body,
        chain=_chain(row.chain),
        position=row.chain_position,
        number=row.attempts_made + 1,
        attempts_at_gateway=row.attempts_at_gateway + 1,
        valid_until=row.valid_until,
        lease_until=lease_until,
        is_code=row.erase_body,
        template=row.template,
        verification_id=row.verification_id,
    )


@lru_cache(maxsize=256)
def _sender_gateway(route: str) -> str | None:
    found: str | None = json.loads(route).get("sender_gateway")
    return found


@lru_cache(maxsize=256)
def _chain(chain: str) -> tuple[str, ...]:
    return tuple(json.loads(chain))


def _expire(
    connection: Connection, taken: Taken, name: str, rows: Sequence[Row[Any]], now: int
) -> None:
    """Their validity is over before anybody took them."""
    state = MessageState.EXPIRED
    changes = [
        Change(row.message_id, WAITING, final(state) | {"reason": Reason.EXPIRED}) for row in rows
    ]
    apply(connection, changes, now)
    taken.left.extend(Left(row.message_id, name, state, "expired") for row in rows)


WAITING = frozenset({MessageState.QUEUED, MessageState.SCHEDULED})
"""States in which nobody sends a message."""


def _leave(
    connection: Connection, taken: Taken, rows: Sequence[Row[Any]], now: int, why: str
) -> None:
    """Hand messages to the gateway after theirs, or end them where there is none."""
    changes = []
    for row in rows:
        chain, position = json.loads(row.chain), row.chain_position
        detail = f"gateway {chain[position]} is {why}"
        if row.valid_until <= now:
            values = final(MessageState.EXPIRED) | {"reason": Reason.EXPIRED}
        elif position + 1 < len(chain):
            values = moved_on(chain[position + 1], position + 1) | {"detail": detail}
        else:
            values = final(MessageState.FAILED)
            values |= {"reason": Reason.TEMPORARY_UNAVAILABLE, "detail": detail}
        changes.append(Change(row.message_id, WAITING, values))
        state = values.get("state", MessageState.QUEUED)
        taken.left.append(Left(row.message_id, chain[position], state, detail))
    apply(connection, changes, now)


def _leave_closed(connection: Connection, taken: Taken, name: str, until: int, now: int) -> None:
    """A gateway that is broken now: its messages go on, or wait until it is asked again."""
    rows = _due(connection, _DUE, now, CLOSED_BATCH, gateway=name)
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
    _leave(connection, taken, [row for row in rows if row.id not in stays], now, "broken now")


CLOSED_BATCH = 256
"""Messages of a broken gateway moved in one transaction."""


def next_due_at(connection: Connection, gateways: Sequence[str]) -> int | None:
    """When the next waiting message of these gateways is due, milliseconds; None = none waits."""
    due = [
        connection.execute(_NEXT, {"gateway": name, "priority": priority}).scalar_one()
        for name in gateways
        for priority in (0, 1)
    ]
    return min((at for at in due if at is not None), default=None)


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
