"""Daily spend limits that come near: each level is raised once a day and per scope.

Functions of a connection inside a transaction. Alerts are stored in the transaction
that spends, so none is lost; `announcer` tells of them afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from enum_backend.storage.tables import spend_alerts
from enum_backend.storage.upsert import insert_or_ignore

LEVELS: Final = (50, 80, 100)
"""Per cent of the limit."""

DAY_MS: Final = 86_400_000
GIVE_UP_MS: Final = DAY_MS

_MICROS = 1_000_000
_INSERT = insert_or_ignore(spend_alerts)


@dataclass(frozen=True, slots=True)
class SpendAlert:
    """One alert.

    Attributes:
        scope: `all`, `tenant:NAME`, `client:ID`.
        day: of UTC, days since 1970.
        level: per cent.
        used, limit: US dollars.
        raised_at: milliseconds.
        told: how it went out so far.
        attempts: how often it was announced before.
    """

    id: int
    scope: str
    day: int
    level: int
    used: Decimal
    limit: Decimal
    raised_at: int
    told: tuple[str, ...] = ()
    attempts: int = 0

    @property
    def kind(self) -> str:
        """What the limit is of: `all`, `tenant`, `client`."""
        return self.scope.partition(":")[0]


def crossed(
    connection: Connection, scope: str, used: Decimal, limit: Decimal, now: int
) -> list[int]:
    """Raise the levels that the spend has reached; returns those that are new today.

    A level counts whatever has reached it: what was bought otherwise, what providers
    charged more than expected, or a limit that was lowered, is noticed with the next
    message that is accepted or refused.

    Args:
        used: US dollars of the last 24 hours; where a spend was refused because it would
            exceed the limit, at least the limit.
        limit: 0 = none.
    """
    reached = [level for level in LEVELS if used >= limit * level / 100]
    if not limit or not reached:
        return []
    standing = connection.execute(
        select(spend_alerts.c.level).where(
            spend_alerts.c.scope == scope, spend_alerts.c.day == now // DAY_MS
        )
    ).scalars()
    missing = sorted(set(reached) - set(standing))
    return [level for level in missing if _raise(connection, scope, level, used, limit, now)]


def _raise(
    connection: Connection, scope: str, level: int, used: Decimal, limit: Decimal, now: int
) -> bool:
    values = {
        "scope": scope,
        "day": now // DAY_MS,
        "level": level,
        "used_micros": int(used * _MICROS),
        "limit_micros": int(limit * _MICROS),
        "raised_at": now,
        "attempts": 0,
        "next_attempt_at": now,
        "told": "",
    }
    return bool(connection.execute(_INSERT, values).rowcount)


def is_due(connection: Connection, now: int) -> bool:
    """Whether there is anything to tell of now."""
    waiting = select(spend_alerts.c.id).where(spend_alerts.c.next_attempt_at <= now).limit(1)
    return connection.execute(waiting).first() is not None


def due(connection: Connection, now: int, lease_ms: int) -> list[SpendAlert]:
    """Alerts to tell of now; no other process gets them before the lease is over."""
    rows = connection.execute(
        select(spend_alerts)
        .where(spend_alerts.c.next_attempt_at <= now)
        .order_by(spend_alerts.c.id)
        .with_for_update(skip_locked=True)
    ).all()
    if rows:
        connection.execute(
            update(spend_alerts)
            .where(spend_alerts.c.id.in_([row.id for row in rows]))
            .values(next_attempt_at=now + lease_ms, attempts=spend_alerts.c.attempts + 1)
        )
    return [_alert(row) for row in rows]


def told(
    connection: Connection, alert: SpendAlert, ways: Sequence[str], retry_at: int | None
) -> None:
    """Store how an alert went out, and when the other ways are tried again."""
    if retry_at is not None and retry_at > alert.raised_at + GIVE_UP_MS:
        retry_at = None
    connection.execute(
        update(spend_alerts)
        .where(spend_alerts.c.id == alert.id)
        .values(told=" ".join(ways), next_attempt_at=retry_at)
    )


def page(
    connection: Connection, *, before: int | None = None, limit: int = 100
) -> list[SpendAlert]:
    """Alerts, newest first, those with an id below `before`."""
    which = select(spend_alerts)
    if before is not None:
        which = which.where(spend_alerts.c.id < before)
    rows = connection.execute(which.order_by(spend_alerts.c.id.desc()).limit(limit))
    return [_alert(row) for row in rows]


def _alert(row: Row[Any]) -> SpendAlert:
    return SpendAlert(
        id=row.id,
        scope=row.scope,
        day=row.day,
        level=row.level,
        used=Decimal(row.used_micros) / _MICROS,
        limit=Decimal(row.limit_micros) / _MICROS,
        raised_at=row.raised_at,
        told=tuple(row.told.split()),
        attempts=row.attempts,
    )
