"""Ceilings on messages and money, counted from the outbox itself.

They run inside the transaction that accepts a batch of messages, so two requests
cannot both take the last place, and a restart forgets nothing. What they cost does
not depend on how much was sent before: the limited messages to one number are
counted (`recipient_seq`), so the n-th last is one look-up away, and money is summed
in buckets (`enum_backend.numbers.spending`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import CompoundSelect, Connection, func, select, union_all

from enum_backend.errors import CostLimitExceeded, RateLimitExceeded
from enum_backend.messaging.policy import alerts
from enum_backend.numbers import spending
from enum_backend.settings.models import LimitSettings
from enum_backend.storage.many import Each
from enum_backend.storage.tables import outbox, recipient_retries

HOUR = 3600
DAY = 86400

_LAST_SEQ = Each(
    "SELECT value, (SELECT max(recipient_seq) FROM outbox WHERE destination = value),"
    " (SELECT max(recipient_seq) FROM recipient_retries WHERE destination = value) FROM {wanted}"
)
"""Per number, how many limited messages it was sent, and sent again: two index look-ups each."""


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


class ClientLimits(Protocol):
    """The ceilings of callers: messages in a minute, counted where all entry points see it."""

    async def hit(self, client: str, per_minute: int, *, name: str) -> None:
        """Count one message.

        Args:
            per_minute: 0 = no ceiling.
            name: the ceiling's name, for the refusal.

        Raises:
            RateLimitExceeded: the ceiling is reached.
            RedisUnavailable: nobody can count now, and this ceiling is set to refuse then.
        """

    async def state(self, client: str, per_minute: int, name: str) -> LimitState | None:
        """The ceiling as it stands, without counting; None = there is none."""


class NoClientLimits(ClientLimits):
    """Callers without a ceiling."""

    async def hit(self, client: str, per_minute: int, *, name: str) -> None:
        """Never refuses."""

    async def state(self, client: str, per_minute: int, name: str) -> LimitState | None:
        """None."""
        return None


class RecipientLimits:
    """What the recipients of a batch were sent, and how much more they may be.

    Args:
        wanted: destination -> how many messages of the batch go to it.
    """

    def __init__(
        self, connection: Connection, settings: LimitSettings, wanted: Mapping[str, int], now: int
    ) -> None:
        self._now = now
        self._windows = _windows(settings)
        self._last = _last_seqs(connection, list(wanted)) if wanted else {}
        self._times: dict[tuple[str, int], int] = {}
        for destination, count in wanted.items():
            self._load(connection, destination, count)

    def _load(self, connection: Connection, destination: str, count: int) -> None:
        """The times that the next `count` checks of a destination look at."""
        last = self._last[destination]
        for _, _, limit in self._windows:
            newest = min(last, last - limit + count)
            if newest < 1:
                continue
            rows = connection.execute(_counted(destination, last - limit + 1, newest))
            self._times.update({(destination, seq): at for seq, at in rows})

    def refusal(self, destination: str) -> RateLimitExceeded | None:
        """Why one more message may not go there now; None = it may."""
        waits = []
        for name, window, limit in self._windows:
            at = self._times.get((destination, self._last[destination] - limit + 1))
            if at is not None and at > self._now - window * 1000:
                waits.append((at + window * 1000 - self._now, name, window, limit))
        if not waits:
            return None
        wait, name, window, limit = max(waits)
        return reached(name, limit, window, wait / 1000)

    def take(self, destination: str) -> int:
        """Count one more message; returns its `recipient_seq`."""
        self._last[destination] += 1
        seq = self._last[destination]
        self._times[(destination, seq)] = self._now
        return seq


class SpendLimits:
    """What the scopes of a batch have spent, and how much more they may.

    Args:
        ceilings: scope -> US dollars in 24 hours; scopes without one are left out.
    """

    def __init__(self, connection: Connection, ceilings: Mapping[str, Decimal], now: int) -> None:
        self._now = now
        self._ceilings = {scope: limit for scope, limit in ceilings.items() if limit}
        self._used = spending.totals(connection, self._ceilings, now) if self._ceilings else {}
        self._checked: set[str] = set()
        self._refused: set[str] = set()
        self._added: dict[tuple[str, int], int] = {}

    def refusal(self, scopes: Sequence[str], amount: Decimal) -> CostLimitExceeded | None:
        """Why this amount may not be spent now; None = it may."""
        self._checked.update(scopes)
        for scope in scopes:
            limit = self._ceilings.get(scope)
            if limit is not None and self._used[scope] + amount > limit:
                self._refused.add(scope)
                return CostLimitExceeded(
                    f"The daily spend limit of {limit} USD {_whose(scope)}is reached."
                )
        return None

    def take(self, scopes: Sequence[str], micros: int) -> None:
        """Count an amount."""
        for scope in scopes:
            self._added[(scope, self._now)] = self._added.get((scope, self._now), 0) + micros
            if scope in self._used:
                self._used[scope] += Decimal(micros) / 1_000_000

    def store(self, connection: Connection) -> None:
        """Write what was counted, and raise the alerts it calls for."""
        spending.add(connection, self._added)
        for scope, limit in self._ceilings.items():
            used = self._used[scope]
            if scope in self._refused:
                used = max(used, limit)
            if scope in self._checked:
                alerts.crossed(connection, scope, used, limit, self._now)


def recipient_states(
    connection: Connection, settings: LimitSettings, destination: str, now: int
) -> list[LimitState]:
    """The recipient's ceilings as they stand, for showing; those set to 0 are left out."""
    last = _last_seqs(connection, [destination])[destination]
    return [
        _recipient_state(connection, destination, last, name, window, limit, now)
        for name, window, limit in _windows(settings)
    ]


def spend_states(
    connection: Connection, ceilings: Mapping[str, Decimal], estimate: Decimal, now: int
) -> list[LimitState]:
    """The spend ceilings as they stand, for showing."""
    held = {scope: limit for scope, limit in ceilings.items() if limit}
    used = spending.totals(connection, held, now) if held else {}
    return [
        LimitState(
            "daily_cost" if scope == spending.ALL else f"daily_cost of {scope.partition(':')[0]}",
            DAY,
            used[scope],
            limit,
            HOUR if used[scope] + estimate > limit else 0,
        )
        for scope, limit in held.items()
    ]


def reached(name: str, limit: int, window: int, wait: float) -> RateLimitExceeded:
    """The refusal of a ceiling on messages; `wait` in seconds."""
    return RateLimitExceeded(
        f"{name}: {limit} messages in {window} seconds are reached.",
        retry_after=max(1, math.ceil(wait)),
    )


def _windows(settings: LimitSettings) -> list[tuple[str, int, int]]:
    wanted = (
        ("per_recipient_hour", HOUR, settings.per_recipient_hour),
        ("per_recipient_day", DAY, settings.per_recipient_day),
    )
    return [item for item in wanted if item[2]]


def _last_seqs(connection: Connection, destinations: list[str]) -> dict[str, int]:
    found = _LAST_SEQ.run(connection, destinations)
    return {number: max(seq or 0, retried or 0) for number, seq, retried in found}


def _counted(destination: str, first: int, last: int) -> CompoundSelect[Any]:
    """Number and time of the messages to a destination that are so numbered."""
    return union_all(
        *(
            select(table.c.recipient_seq, table.c.created_at).where(
                table.c.destination == destination, table.c.recipient_seq.between(first, last)
            )
            for table in (outbox, recipient_retries)
        )
    )


def _recipient_state(
    connection: Connection,
    destination: str,
    last: int,
    name: str,
    window: int,
    limit: int,
    now: int,
) -> LimitState:
    """Of the newest `limit` messages those in the window; the oldest says when one leaves."""
    since = now - window * 1000
    newest = _counted(destination, last - limit + 1, last).subquery()
    count, oldest = connection.execute(
        select(func.count(), func.min(newest.c.created_at)).where(newest.c.created_at > since)
    ).one()
    wait = (oldest - since) / 1000 if count >= limit else 0.0
    return LimitState(name, window, Decimal(count), Decimal(limit), wait)


def _whose(scope: str) -> str:
    kind = scope.partition(":")[0]
    return {"tenant": "of this tenant ", "client": "of this key "}.get(kind, "")
