"""Pages of messages, out and in, in the order of commits, or back from the newest.

A page goes on behind a position, which is the last row seen of either table. Ids grow
in the order of commits, so whoever reads on from a position misses nothing. Every
page is a short range of an index: a filter that has no index of its own is looked for
in the next `WINDOW` messages only, so a page may hold few messages, or none, and still
not be the last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Table, func, select, union

from enum_backend.messaging.listed import RECEIVED, Direction, ListedMessage, received, sent
from enum_backend.storage.tables import inbox, outbox
from enum_backend.storage.tables.lists import ENDED_BADLY, REFERRED, SCHEDULED

DEAD: Final = frozenset({"failed", "undelivered", "expired", "unknown"})
"""States of messages that did not arrive, or nobody knows."""
WINDOW: Final = 2000
"""Messages that one page looks through for a filter without an index."""
SKEW_MS: Final = 300_000
"""How far the clocks of two processes may differ."""

_Condition = ColumnElement[bool]
_ENDS = (func.min, func.max)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a list was read: the last id seen of the outbox and of the inbox."""

    outbound: int = 0
    inbound: int = 0


NEWEST: Final = Position(2**62, 2**62)
"""Where a list begins that is read backwards."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages.

    Attributes:
        tenant: whose; None = everybody's.
        number: `+E.164` that a message was sent to, or came from or to.
        statuses: empty = any.
        since, until: milliseconds; accepted or received then, `until` not included.
        backwards: the newest first; a position is then what was seen last going back.
    """

    tenant: str | None
    direction: Direction | None = None
    number: str | None = None
    statuses: frozenset[str] = frozenset()
    client_reference: str | None = None
    since: int | None = None
    until: int | None = None
    backwards: bool = False
    gateway: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages; `more`: there may be further ones behind `position`."""

    messages: tuple[ListedMessage, ...]
    position: Position
    more: bool


@dataclass(frozen=True, slots=True)
class _Slice:
    """Rows of one table, and how far it was looked through: an id, None = to its end."""

    rows: Sequence[Row[Any]] = ()
    through: int | None = None

    def reached(self, taken: int, before: int) -> int:
        """The position once the first `taken` rows are on the page."""
        if taken == len(self.rows) and self.through is not None:
            return self.through
        return self.rows[taken - 1].id if taken else before

    def has_more(self, taken: int) -> bool:
        """Whether something may follow them."""
        return self.through is not None or taken < len(self.rows)


def page(connection: Connection, wanted: Wanted, after: Position, limit: int) -> Page:
    """At most `limit` messages behind `after`; of both tables those that came first."""
    out, inward = _Slice(), _Slice()
    if wanted.direction != "inbound" and wanted.statuses != {RECEIVED}:
        out = _outbound(connection, wanted, after.outbound, limit)
    if wanted.direction != "outbound" and _may_be_inbound(wanted):
        inward = _inbound(connection, wanted, after.inbound, limit)
    listed = merge(
        (sent(row) for row in out.rows),
        (received(row) for row in inward.rows),
        key=lambda message: message.created_at,
        reverse=wanted.backwards,
    )
    messages = tuple(islice(listed, limit))
    counts = Counter(message.direction for message in messages)
    gone, come = counts["outbound"], counts["inbound"]
    return Page(
        messages=messages,
        position=Position(out.reached(gone, after.outbound), inward.reached(come, after.inbound)),
        more=out.has_more(gone) or inward.has_more(come),
    )


def end(connection: Connection) -> Position:
    """Behind every message there is."""
    last = (connection.execute(select(func.max(t.c.id))).scalar() or 0 for t in (outbox, inbox))
    return Position(*last)


def find(connection: Connection, message_id: str) -> ListedMessage | None:
    """One message, whoever it belongs to."""
    if message_id.startswith("in_"):
        row = connection.execute(select(inbox).where(inbox.c.inbox_id == message_id)).first()
        return None if row is None else received(row)
    row = connection.execute(select(outbox).where(outbox.c.message_id == message_id)).first()
    return None if row is None else sent(row)


def _outbound(connection: Connection, wanted: Wanted, after: int, limit: int) -> _Slice:
    conditions: list[Any] = []
    first, last = 0, NEWEST.outbound
    if wanted.since is not None:
        first = first_since(connection, wanted.since - SKEW_MS)
        conditions.append(outbox.c.created_at >= wanted.since)
    if wanted.until is not None:
        last = first_since(connection, wanted.until + SKEW_MS)
        conditions.append(outbox.c.created_at < wanted.until)
    after = min(after, last) if wanted.backwards else max(after, first - 1)
    conditions += [outbox.c.id.between(first, last - 1)] if conditions else []
    if wanted.statuses:
        conditions.append(outbox.c.state.in_(sorted(wanted.statuses)))
    if wanted.gateway is not None:
        conditions.append(outbox.c.gateway == wanted.gateway)
    if wanted.client_reference is not None:
        conditions += [outbox.c.client_reference == wanted.client_reference, REFERRED]
    if wanted.number is not None:
        conditions.append(outbox.c.destination == wanted.number)
    indexed = wanted.number is not None or wanted.client_reference is not None
    if wanted.tenant is not None and wanted.statuses and not indexed:
        narrow = {frozenset({"scheduled"}): SCHEDULED}.get(wanted.statuses)
        narrow = ENDED_BADLY if wanted.statuses <= DEAD else narrow
        indexed = narrow is not None
        conditions += [narrow] if narrow is not None else []
    own = _own(outbox, wanted, hidden=wanted.number is not None)
    found = _walk(connection, outbox, own, conditions, after, limit, wanted, indexed=indexed)
    if found.through is not None and not first <= found.through < last:
        return _Slice(found.rows)
    return found


def _inbound(connection: Connection, wanted: Wanted, after: int, limit: int) -> _Slice:
    conditions: list[Any] = []
    if wanted.since is not None:
        conditions.append(inbox.c.received_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(inbox.c.received_at < wanted.until)
    if wanted.gateway is not None:
        conditions.append(inbox.c.gateway == wanted.gateway)
    own = _own(inbox, wanted, hidden=wanted.number is not None)
    if wanted.number is None:
        return _walk(connection, inbox, own, conditions, after, limit, wanted, indexed=False)
    # A look-up for each index: with an OR of two columns neither gives the order.
    found = [
        select(inbox.c.id)
        .where(column == wanted.number, *own, *conditions, _behind(inbox, after, wanted))
        .order_by(_order(inbox, wanted))
        .limit(limit + 1)
        .subquery()
        for column in (inbox.c.to_number, inbox.c.sender)
    ]
    ids = union(*(select(part.c.id) for part in found))
    chosen = [inbox.c.id.in_(ids)]
    return _walk(connection, inbox, [], chosen, after, limit, wanted, indexed=True)


def _may_be_inbound(wanted: Wanted) -> bool:
    return wanted.client_reference is None and (not wanted.statuses or RECEIVED in wanted.statuses)


def _own(table: Table, wanted: Wanted, *, hidden: bool) -> list[_Condition]:
    """The tenant's rows; `hidden` from the planner, so that it takes another column's index."""
    if wanted.tenant is None:
        return []
    column = table.c.tenant + "" if hidden else table.c.tenant
    return [column == wanted.tenant]


def _walk(
    connection: Connection,
    table: Table,
    own: list[_Condition],
    conditions: list[Any],
    after: int,
    limit: int,
    wanted: Wanted,
    *,
    indexed: bool,
) -> _Slice:
    """The next rows; without an index for the conditions only within the next `WINDOW`."""
    behind, order = _behind(table, after, wanted), _order(table, wanted)
    end = None
    if conditions and not indexed:
        end = connection.execute(
            select(table.c.id).where(*own, behind).order_by(order).offset(WINDOW - 1).limit(1)
        ).scalar()
        if end is not None:
            within = table.c.id >= end if wanted.backwards else table.c.id <= end
            conditions = [*conditions, within]
    rows = connection.execute(
        select(table).where(*own, *conditions, behind).order_by(order).limit(limit + 1)
    ).all()
    if len(rows) > limit:
        return _Slice(rows[:limit], rows[limit - 1].id)
    return _Slice(rows, end)


def _behind(table: Table, after: int, wanted: Wanted) -> _Condition:
    """The rows that follow a position."""
    return table.c.id < after if wanted.backwards else table.c.id > after


def _order(table: Table, wanted: Wanted) -> ColumnElement[int]:
    return table.c.id.desc() if wanted.backwards else table.c.id.asc()


def first_since(connection: Connection, at: int, table: Table = outbox) -> int:
    """An id before which every message is older; found by halving, as time grows with ids."""
    time = table.c.received_at if table is inbox else table.c.created_at
    # Two questions: a database that is asked both at once looks at every row.
    low, high = (connection.execute(select(end(table.c.id))).scalar() for end in _ENDS)
    if low is None or high is None:
        return 0
    high += 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            select(table.c.id, time.label("at"))
            .where(table.c.id >= middle)
            .order_by(table.c.id)
            .limit(1)
        ).first()
        if row is None or row.at >= at:
            high = middle
        else:
            low = row.id + 1
    return int(low)
