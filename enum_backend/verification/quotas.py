"""Ceilings of verification, beside those that all messages share.

Functions of a connection inside the transaction that starts a code.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from enum_backend.errors import RateLimitExceeded
from enum_backend.messaging.limits import reached
from enum_backend.settings.verification import VerificationSettings
from enum_backend.storage.tables import fraud_decisions
from enum_backend.storage.tables.verification import ANONYMOUS
from enum_backend.verification.fraud.formula import Tally

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
    connection: Connection, number: str, settings: VerificationSettings, now: int
) -> RateLimitExceeded | None:
    """Why one more code that anybody may ask for may not go to this number now; None = it may.

    What strangers can have sent to a number is less than what may be sent to it at all:
    the rest is kept for its owner's sign-ins.
    """
    windows = [
        ("anonymous_per_recipient_hour", HOUR, settings.anonymous_per_recipient_hour),
        ("anonymous_per_recipient_day", DAY, settings.anonymous_per_recipient_day),
    ]
    times = _times(connection, number, now - DAY * 1000, max(limit for _, _, limit in windows))
    refused: list[tuple[float, RateLimitExceeded]] = []
    for name, window, limit in windows:
        if limit and len(times) >= limit and times[limit - 1] > now - window * 1000:
            wait = (times[limit - 1] + window * 1000 - now) / 1000
            refused.append((wait, reached(f"verification.{name}", limit, window, wait)))
    return max(refused, key=lambda found: found[0])[1] if refused else None


def _times(connection: Connection, number: str, since: int, most: int) -> list[int]:
    """When the newest of these codes were sent, newest first."""
    rows = connection.execute(
        select(fraud_decisions.c.created_at)
        .where(
            ANONYMOUS,
            fraud_decisions.c.number == number,
            fraud_decisions.c.created_at > since,
        )
        .order_by(fraud_decisions.c.created_at.desc())
        .limit(most)
    )
    return [at for (at,) in rows]
