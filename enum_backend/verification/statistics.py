"""What verification did lately, for admins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, case, func, select

from enum_backend.storage.tables import fraud_decisions, verifications
from enum_backend.verification.model import Purpose
from enum_backend.verification.store import CLOSED

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class PurposeStatistics:
    """Verifications started in the last 24 hours for one purpose, decoys left out.

    Attributes:
        started_hour: those of the last hour.
        sent: messages that held their codes.
        attempts: checks.
    """

    started: int = 0
    started_hour: int = 0
    sent: int = 0
    verified: int = 0
    attempts: int = 0

    @property
    def success_rate(self) -> float | None:
        """Verified of started, 0 to 1; None where none was started."""
        return self.verified / self.started if self.started else None


@dataclass(frozen=True, slots=True)
class Statistics:
    """The last 24 hours; `verdicts`: the guard's decisions."""

    total: PurposeStatistics
    by_purpose: dict[str, PurposeStatistics]
    verdicts: dict[str, int]


def read(connection: Connection, tenant: str | None, now: int) -> Statistics:
    """What is there; `tenant` None = all."""
    table = verifications.c
    query = (
        select(
            table.purpose,
            func.count(),
            func.sum(case((table.created_at > now - HOUR_MS, 1), else_=0)),
            func.sum(table.sends),
            func.count(table.used_at),
            func.sum(case((table.attempts == CLOSED, 0), else_=table.attempts)),
        )
        .where(table.created_at > now - DAY_MS, table.decoy.is_(False))
        .group_by(table.purpose)
    )
    judged = (
        select(fraud_decisions.c.verdict, func.count())
        .where(fraud_decisions.c.created_at > now - DAY_MS)
        .group_by(fraud_decisions.c.verdict)
    )
    if tenant is not None:
        query = query.where(table.tenant == tenant)
        judged = judged.where(fraud_decisions.c.tenant == tenant)
    found = {
        purpose: PurposeStatistics(*(int(number) for number in numbers))
        for purpose, *numbers in connection.execute(query)
    }
    by_purpose = {purpose.value: found.get(purpose, PurposeStatistics()) for purpose in Purpose}
    everything = list(by_purpose.values())
    total = PurposeStatistics(
        started=sum(item.started for item in everything),
        started_hour=sum(item.started_hour for item in everything),
        sent=sum(item.sent for item in everything),
        verified=sum(item.verified for item in everything),
        attempts=sum(item.attempts for item in everything),
    )
    verdicts = {verdict: int(number) for verdict, number in connection.execute(judged)}
    return Statistics(total, by_purpose, verdicts)
