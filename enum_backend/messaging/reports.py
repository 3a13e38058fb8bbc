"""Delivery reports: kept as they came, applied to the message they belong to.

They arrive twice, out of order, and sometimes before the provider's answer to
the request that sent the message. So each is stored once, and the message's
state follows from all of them; it never goes backwards.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from enum_backend.gateways.webhooks.base import DeliveryReport
from enum_backend.messaging.model import MessageState, to_micros
from enum_backend.messaging.outcomes import STATE_OF
from enum_backend.storage.tables import attempts, outbox, reports

_OPEN = (MessageState.SENT, MessageState.UNKNOWN)
"""States that a report may still change."""


def store(connection: Connection, gateway: str, report: DeliveryReport, now: int) -> bool:
    """Keep a report and apply it. Returns whether it was new."""
    known = connection.execute(
        select(reports.c.id).where(
            reports.c.gateway == gateway, reports.c.dedupe_key == report.dedupe_key
        )
    ).first()
    if known is not None:
        return False
    micros, currency = to_micros(report.cost)
    connection.execute(
        insert(reports).values(
            gateway=gateway,
            provider_message_id=report.provider_message_id,
            dedupe_key=report.dedupe_key,
            status=report.status,
            reason=report.reason,
            provider_code=report.provider_code,
            cost_micros=micros,
            cost_currency=currency,
            segments=report.segments,
            occurred_at=None if report.occurred_at is None else int(report.occurred_at * 1000),
            received_at=now,
        )
    )
    message_id = _message_of(connection, gateway, report)
    if message_id is not None:
        _apply(connection, message_id, _values(report), now)
    return True


def apply_waiting(
    connection: Connection, message_id: str, gateway: str, provider_message_id: str, now: int
) -> None:
    """Apply the reports that came before we knew the provider's id of a message."""
    waiting = connection.execute(
        select(reports)
        .where(
            reports.c.gateway == gateway,
            reports.c.provider_message_id == provider_message_id,
        )
        .order_by(reports.c.id)
    )
    for row in waiting:
        _apply(
            connection,
            message_id,
            {
                "status": row.status,
                "reason": row.reason,
                "provider_code": row.provider_code,
                "cost_micros": row.cost_micros,
                "cost_currency": row.cost_currency,
                "segments": row.segments,
            },
            now,
        )


def _message_of(connection: Connection, gateway: str, report: DeliveryReport) -> str | None:
    """The message of a report, among those that this very gateway took."""
    by_provider_id: str | None = connection.execute(
        select(attempts.c.message_id).where(
            attempts.c.gateway == gateway,
            attempts.c.provider_message_id == report.provider_message_id,
        )
    ).scalar()
    if by_provider_id is not None or report.own_id is None:
        return by_provider_id
    by_own_id: str | None = connection.execute(
        select(attempts.c.message_id)
        .where(attempts.c.gateway == gateway, attempts.c.message_id == report.own_id)
        .limit(1)
    ).scalar()
    return by_own_id


def _values(report: DeliveryReport) -> dict[str, Any]:
    micros, currency = to_micros(report.cost)
    return {
        "status": report.status,
        "reason": report.reason,
        "provider_code": report.provider_code,
        "cost_micros": micros,
        "cost_currency": currency,
        "segments": report.segments,
    }


def _apply(connection: Connection, message_id: str, report: dict[str, Any], now: int) -> None:
    state = STATE_OF[report["status"]]
    values: dict[str, Any] = {
        name: report[name]
        for name in ("cost_micros", "cost_currency", "segments")
        if report[name] is not None
    }
    if values:
        connection.execute(update(outbox).where(outbox.c.message_id == message_id).values(**values))
    open_states = _OPEN if state is not MessageState.SENT else (MessageState.UNKNOWN,)
    connection.execute(
        update(outbox)
        .where(outbox.c.message_id == message_id, outbox.c.state.in_(open_states))
        .values(
            state=state,
            reason=report["reason"],
            provider_code=report["provider_code"],
            updated_at=now,
        )
    )
