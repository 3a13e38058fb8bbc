"""What admins see of codes: who was sent one and what became of it; never the code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, case, func, select

from enum_backend.clock import now_ms
from enum_backend.messaging.model import MessageKind, MessageState
from enum_backend.storage.tables import outbox, user_factors, verifications
from enum_backend.verification.store import CLOSED

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000

_ARRIVED: Final = (MessageState.SENT, MessageState.DELIVERED)
_LOST: Final = (MessageState.FAILED, MessageState.UNDELIVERED, MessageState.EXPIRED)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One code; times in milliseconds."""

    id: str
    user_id: str | None
    number: str
    purpose: str
    created_at: int
    expires_at: int
    used_at: int | None
    attempts: int


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some of the codes, newest first.

    Attributes:
        total: how many there are in all.
        by_purpose: the same by purpose.
    """

    entries: Sequence[LogEntry]
    total: int
    by_purpose: dict[str, int]


@dataclass(frozen=True, slots=True)
class Overview:
    """Figures of the codes that are still kept, and of the accounts.

    Attributes:
        success: share of the messages whose end is known that arrived, 0 to 1.
        today: since midnight, UTC.
    """

    sent: int
    last_hour: int
    today: int
    with_phone: int
    verified_phones: int
    two_factor: int
    success: float
    by_purpose: dict[str, int]


def log_page(connection: Connection, *, user_id: str | None, limit: int, offset: int) -> LogPage:
    """Codes that were sent, to one user or to all; decoys are none."""
    rows = connection.execute(
        _of(select(verifications), user_id)
        .order_by(verifications.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    counted = connection.execute(
        _of(select(verifications.c.purpose, func.count()), user_id)
        .group_by(verifications.c.purpose)
        .order_by(verifications.c.purpose)
    )
    by_purpose: dict[str, int] = {row[0]: row[1] for row in counted}
    entries = [
        LogEntry(
            id=row.verification_id,
            user_id=row.subject,
            number=row.number,
            purpose=row.purpose,
            created_at=row.created_at,
            expires_at=row.expires_at,
            used_at=row.used_at,
            attempts=0 if row.attempts == CLOSED else row.attempts,
        )
        for row in rows
    ]
    return LogPage(entries, sum(by_purpose.values()), by_purpose)


def overview(connection: Connection) -> Overview:
    """The figures now."""
    now = now_ms()
    made = verifications.c.created_at
    sends = verifications.c.sends
    sums = connection.execute(
        _of(
            select(
                func.coalesce(func.sum(sends), 0),
                func.coalesce(func.sum(case((made > now - HOUR_MS, sends), else_=0)), 0),
                func.coalesce(func.sum(case((made >= now - now % DAY_MS, sends), else_=0)), 0),
            ),
            None,
        )
    ).one()
    by_purpose = connection.execute(
        _of(select(verifications.c.purpose, func.sum(sends)), None).group_by(
            verifications.c.purpose
        )
    )
    phones = connection.execute(
        select(
            func.count(func.coalesce(user_factors.c.phone, user_factors.c.pending_phone)),
            func.count(user_factors.c.phone),
            func.count(func.coalesce(user_factors.c.sms_at, user_factors.c.totp_at)),
        )
    ).one()
    return Overview(
        sent=int(sums[0]),
        last_hour=int(sums[1]),
        today=int(sums[2]),
        with_phone=phones[0],
        verified_phones=phones[1],
        two_factor=phones[2],
        success=_success(connection),
        by_purpose={purpose: int(count) for purpose, count in by_purpose},
    )


def _success(connection: Connection) -> float:
    states = connection.execute(
        select(outbox.c.state, func.count())
        .where(
            outbox.c.kind == MessageKind.CODE,
            outbox.c.state.in_([state.value for state in (*_ARRIVED, *_LOST)]),
        )
        .group_by(outbox.c.state)
    )
    counts: dict[str, int] = {row[0]: row[1] for row in states}
    known = sum(counts.values())
    return sum(counts.get(state.value, 0) for state in _ARRIVED) / known if known else 0.0


def _of(query: Select[Any], user_id: str | None) -> Select[Any]:
    query = query.where(verifications.c.decoy.is_(False))
    return query if user_id is None else query.where(verifications.c.subject == user_id)
