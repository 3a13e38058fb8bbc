"""The record of every code that was asked for, and what the guard said.

Functions of a connection inside a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from enum_backend.storage.tables import fraud_decisions


class Verdict(StrEnum):
    """What became of a request for a code."""

    ALLOWED = "allowed"
    FLAGGED = "flagged"
    BLOCKED = "blocked"
    EXEMPT = "exempt"
    UNSENT = "unsent"


@dataclass(frozen=True, slots=True)
class Decision:
    """One record.

    Attributes:
        reasons: warnings, `country_blocked`, `sim_swap`; of `unsent` the error code.
        allowed_by: `network`, `country` or `number`: the allow list that overruled them.
        counted: it counts as a code that was sent.
        verified_at, created_at: milliseconds.
    """

    verification_id: str
    tenant: str
    purpose: str
    number: str
    country: str
    ip: str | None
    subject: str | None
    anonymous: bool
    verdict: Verdict
    reasons: tuple[str, ...]
    allowed_by: str | None
    counted: bool
    created_at: int
    verified_at: int | None = None
    id: int = 0


def store(connection: Connection, decision: Decision) -> int:
    """Write it; its id."""
    row = connection.execute(
        insert(fraud_decisions)
        .values(
            verification_id=decision.verification_id,
            tenant=decision.tenant,
            purpose=decision.purpose,
            number=decision.number,
            country=decision.country,
            ip=decision.ip,
            subject=decision.subject,
            anonymous=decision.anonymous,
            verdict=decision.verdict.value,
            reasons=" ".join(decision.reasons),
            allowed_by=decision.allowed_by,
            counted=decision.counted,
            created_at=decision.created_at,
        )
        .returning(fraud_decisions.c.id)
    )
    return int(row.scalar_one())


def not_sent(connection: Connection, decision_id: int, why: str) -> None:
    """It was allowed, but sending was refused: it counts no more."""
    connection.execute(
        update(fraud_decisions)
        .where(fraud_decisions.c.id == decision_id)
        .values(verdict=Verdict.UNSENT.value, reasons=why, counted=False)
    )


def of_verification(connection: Connection, verification_id: str) -> list[Decision]:
    """The sendings of a code that count, oldest first."""
    rows = connection.execute(
        select(fraud_decisions)
        .where(
            fraud_decisions.c.verification_id == verification_id,
            fraud_decisions.c.counted.is_(True),
        )
        .order_by(fraud_decisions.c.id)
    )
    return [_decision(row) for row in rows]


def mark_verified(connection: Connection, verification_id: str, now: int) -> None:
    """Its code was used."""
    connection.execute(
        update(fraud_decisions)
        .where(fraud_decisions.c.verification_id == verification_id)
        .values(verified_at=now)
    )


def page(
    connection: Connection,
    *,
    after: int | None,
    limit: int,
    verdicts: Sequence[str],
    tenant: str | None,
) -> list[Decision]:
    """Newest first; see `FraudGuard.decisions`."""
    query = select(fraud_decisions).order_by(fraud_decisions.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(fraud_decisions.c.id < after)
    if verdicts:
        query = query.where(fraud_decisions.c.verdict.in_(list(verdicts)))
    if tenant is not None:
        query = query.where(fraud_decisions.c.tenant == tenant)
    return [_decision(row) for row in connection.execute(query)]


def prune(connection: Connection, before: int) -> int:
    """Forget those made before a time; how many."""
    return connection.execute(
        delete(fraud_decisions).where(fraud_decisions.c.created_at < before)
    ).rowcount


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        verification_id=row.verification_id,
        tenant=row.tenant,
        purpose=row.purpose,
        number=row.number,
        country=row.country,
        ip=row.ip,
        subject=row.subject,
        anonymous=row.anonymous,
        verdict=Verdict(row.verdict),
        reasons=tuple(row.reasons.split()),
        allowed_by=row.allowed_by,
        counted=row.counted,
        created_at=row.created_at,
        verified_at=row.verified_at,
        id=row.id,
    )
