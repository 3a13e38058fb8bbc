"""Ceilings on messages and money, counted from the outbox itself (money: and from purchases).

They run inside the transaction that accepts a message, so two requests cannot
both take the last place, and a restart forgets nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, select

from enum_backend.errors import CostLimitExceeded, RateLimitExceeded
from enum_backend.numbers.spending import spent
from enum_backend.settings.models import LimitSettings
from enum_backend.storage.tables import outbox

HOUR = 3600
DAY = 86400
MINUTE = 60


@dataclass(frozen=True, slots=True)
class LimitState:
    """One ceiling as it stands.

    Attributes:
        window: seconds.
        used, limit: messages, or US dollars for `daily_cost`.
        retry_after: seconds until one more is allowed; 0 when it is now.
    """

    name: str
    window: int
    used: Decimal
    limit: Decimal
    retry_after: float = 0.0

    @property
    def left(self) -> Decimal:
        """How much of it is left."""
        return max(self.limit - self.used, Decimal(0))


def message_limits(
    connection: Connection,
    settings: LimitSettings,
    *,
    destination: str,
    client: str,
    per_minute: int,
    now: int,
) -> list[LimitState]:
    """The recipient's and the client's ceilings; those set to 0 are left out."""
    to_number = outbox.c.destination == destination
    wanted = [
        ("per_recipient_hour", HOUR, settings.per_recipient_hour, to_number),
        ("per_recipient_day", DAY, settings.per_recipient_day, to_number),
        ("per_client_minute", MINUTE, per_minute, outbox.c.client == client),
    ]
    return [
        _count(connection, name, window, limit, condition, now)
        for name, window, limit, condition in wanted
        if limit
    ]


def cost_limit(
    connection: Connection, settings: LimitSettings, *, estimate: Decimal, now: int
) -> LimitState | None:
    """Money spent or estimated in the last 24 hours, on messages and numbers; None = no ceiling."""
    if not settings.daily_cost:
        return None
    used = spent(connection, now)
    over = used + estimate > settings.daily_cost
    return LimitState("daily_cost", DAY, used, settings.daily_cost, HOUR if over else 0)


def enforce(states: list[LimitState]) -> None:
    """Refuse when any ceiling is reached.

    Raises:
        RateLimitExceeded: names the ceiling; `retry_after` in whole seconds.
    """
    blocked = [state for state in states if state.retry_after > 0]
    if blocked:
        worst = max(blocked, key=lambda state: state.retry_after)
        raise RateLimitExceeded(
            f"{worst.name}: {worst.limit} messages in {worst.window} seconds are reached.",
            retry_after=math.ceil(worst.retry_after),
        )


def enforce_cost(state: LimitState | None) -> None:
    """Refuse when the daily spend is reached.

    Raises:
        CostLimitExceeded: says the ceiling.
    """
    if state is not None and state.retry_after > 0:
        raise CostLimitExceeded(f"The daily spend limit of {state.limit} USD is reached.")


def _count(
    connection: Connection,
    name: str,
    window: int,
    limit: int,
    condition: ColumnElement[bool],
    now: int,
) -> LimitState:
    """Count the newest `limit` rows of the window; the oldest of them says when one leaves."""
    since = now - window * 1000
    times = connection.execute(
        select(outbox.c.created_at)
        .where(condition, outbox.c.limited, outbox.c.created_at > since)
        .order_by(outbox.c.created_at.desc())
        .limit(limit)
    ).scalars()
    counted = list(times)
    full = len(counted) >= limit
    wait = (counted[-1] - since) / 1000 if full else 0.0
    return LimitState(name, window, Decimal(len(counted)), Decimal(limit), wait)
