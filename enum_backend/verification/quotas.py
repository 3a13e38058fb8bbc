"""Ceilings of verification, beside those that all messages share.

Functions of a connection inside the transaction that starts a code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, and_, not_, select

from enum_backend.errors import RateLimitExceeded
from enum_backend.messaging.limits import reached
from enum_backend.settings.models import LimitSettings
from enum_backend.settings.verification import VerificationSettings
from enum_backend.storage.tables import fraud_decisions, verifications
from enum_backend.storage.tables.verification import ANONYMOUS
from enum_backend.verification.fraud.formula import Tally
from enum_backend.verification.model import Purpose
from enum_backend.verification.store import Bound

HOUR: Final = 3600
DAY: Final = 86_400


def of_address(tally: Tally, settings: VerificationSettings) -> RateLimitExceeded | None:
    """Why this address may not ask for one more code now; None = it may."""
    if tally.by_ip is None:
        return None
    if settings.per_ip_day and tally.ip.sent_day >= settings.per_ip_day:
        return reached("verification.per_ip_day", settings.per_ip_day, DAY, HOUR)
    if settings.per_ip_hour and tally.ip.sent_hour >= settings.per_ip_hour:
        return reached("verification.per_ip_hour", settings.per_ip_hour, HOUR, HOUR / 12)
    return None


def of_recipient(
    connection: Connection,
    bound: Bound,
    settings: VerificationSettings,
    limits: LimitSettings,
    now: int,
) -> RateLimitExceeded | None:
    """Why one more such code may not go to its number now; None = it may.

    A number gets fewer codes that anybody may ask for than messages at all, and fewer for
    one purpose than for all, so that none of them uses up the others. The rest is kept for
    codes to people who are known, its last part for their two-factor codes.
    """
    if bound.anonymous:
        return _longest(
            [
                _of_strangers(connection, bound, settings, limits, now),
                _but_two_factor(connection, bound.number, settings, limits, now),
            ]
        )
    if bound.purpose == Purpose.TWO_FACTOR_AUTH and bound.subject is not None:
        return None
    return _but_two_factor(connection, bound.number, settings, limits, now)


def _of_strangers(
    connection: Connection,
    bound: Bound,
    settings: VerificationSettings,
    limits: LimitSettings,
    now: int,
) -> RateLimitExceeded | None:
    rows = connection.execute(
        select(fraud_decisions.c.created_at, fraud_decisions.c.purpose)
        .where(
            ANONYMOUS,
            fraud_decisions.c.number == bound.number,
            fraud_decisions.c.created_at > now - DAY * 1000,
        )
        .order_by(fraud_decisions.c.created_at.desc())
    ).all()
    one = [row.created_at for row in rows if row.purpose == bound.purpose]
    every = [row.created_at for row in rows]
    one_hour = settings.anonymous_per_recipient_hour
    one_day = settings.anonymous_per_recipient_day
    most_hour = _less(limits.per_recipient_hour, settings.two_factor_reserve_hour)
    most_day = _less(limits.per_recipient_day, settings.two_factor_reserve_day)
    return _longest(
        [
            _reached("anonymous_per_recipient_hour", one_hour, HOUR, one, now),
            _reached("anonymous_per_recipient_day", one_day, DAY, one, now),
            _reached("anonymous_total_hour", _least(_total(one_hour), most_hour), HOUR, every, now),
            _reached("anonymous_total_day", _least(_total(one_day), most_day), DAY, every, now),
        ]
    )


def _but_two_factor(
    connection: Connection,
    number: str,
    settings: VerificationSettings,
    limits: LimitSettings,
    now: int,
) -> RateLimitExceeded | None:
    """All codes but the two-factor codes of known people leave these their reserve."""
    known = and_(
        fraud_decisions.c.purpose == Purpose.TWO_FACTOR_AUTH.value,
        fraud_decisions.c.subject.is_not(None),
        fraud_decisions.c.anonymous.is_(False),
    )
    same = fraud_decisions.c.verification_id == verifications.c.verification_id
    rows = connection.execute(
        select(fraud_decisions.c.created_at)
        .join_from(verifications, fraud_decisions, same)
        .where(
            verifications.c.number == number,
            fraud_decisions.c.counted.is_(True),
            fraud_decisions.c.created_at > now - DAY * 1000,
            not_(known),
        )
        .order_by(fraud_decisions.c.created_at.desc())
    )
    times = [at for (at,) in rows]
    hour = _kept(
        limits.per_recipient_hour,
        settings.two_factor_reserve_hour,
        _total(settings.anonymous_per_recipient_hour),
    )
    day = _kept(
        limits.per_recipient_day,
        settings.two_factor_reserve_day,
        _total(settings.anonymous_per_recipient_day),
    )
    return _longest(
        [
            _reached("two_factor_reserve_hour", hour, HOUR, times, now),
            _reached("two_factor_reserve_day", day, DAY, times, now),
        ]
    )


def _total(one: int) -> int:
    """For all purposes together, of what one may take; 0 = no limit."""
    return one + max(one // 2, 1) if one else 0


def _less(limit: int, reserve: int) -> int:
    """What is left of a limit without the reserve, at least 1; 0 = no limit."""
    return max(limit - reserve, 1) if limit else 0


def _kept(limit: int, reserve: int, strangers: int) -> int:
    """The same for known people: a limit too small for both has no reserve against them."""
    kept = min(reserve, limit - strangers)
    return _less(limit, kept) if kept > 0 else 0


def _least(one: int, other: int) -> int:
    """The lower of two limits, of which 0 is none."""
    return min(one or other, other or one)


def _reached(
    name: str, limit: int, window: int, times: Sequence[int], now: int
) -> RateLimitExceeded | None:
    """The refusal of a ceiling; `times` newest first."""
    if not limit or len(times) < limit or times[limit - 1] <= now - window * 1000:
        return None
    wait = (times[limit - 1] + window * 1000 - now) / 1000
    return reached(f"verification.{name}", limit, window, wait)


def _longest(refused: Sequence[RateLimitExceeded | None]) -> RateLimitExceeded | None:
    found = [item for item in refused if item is not None]
    return max(found, key=lambda item: item.retry_after or 0) if found else None
