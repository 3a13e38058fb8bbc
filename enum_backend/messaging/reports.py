"""Delivery reports: kept as they came, applied to the message they belong to.

They arrive twice, out of order, and sometimes before the provider's answer to
the request that sent the message. So each is stored once, and the message's
state follows from all of them; it never goes backwards.

Some providers report each part of a long message by itself. Such a message is
delivered when all its parts are, and failed as soon as one is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from enum_backend.gateways.base import ProviderStatus, Reason
from enum_backend.gateways.webhooks.base import DeliveryReport
from enum_backend.messaging.changes import Change, apply, final
from enum_backend.messaging.model import PENDING, MessageState, to_micros
from enum_backend.messaging.outcomes import STATE_OF
from enum_backend.messaging.policy import stopping
from enum_backend.storage.tables import attempts, outbox, reports
from enum_backend.storage.tables.inbox import ONE_PART

LATE_MS = 15 * 60 * 1000
"""How long a report may be older than what tells whose it is."""

_TAKEN = frozenset(MessageState) - PENDING
"""States in which a message's cost may still be learned."""

_OPEN = (MessageState.SENT, MessageState.UNKNOWN)
"""States that a report may still change."""

_NOT_DELIVERED = (*_OPEN, MessageState.DISPATCHING, MessageState.QUEUED)
"""States that end when a message has arrived: its answer may never come, and it must not
be sent again."""


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
    message_id = _message_of(connection, gateway, report.provider_message_id, report.own_id)
    values = {
        "gateway": gateway,
        "provider_message_id": report.provider_message_id,
        "dedupe_key": report.dedupe_key,
        "message_id": message_id,
        "one_part": report.one_part,
        "status": report.status,
        "reason": report.reason,
        "provider_code": report.provider_code,
        "cost_micros": micros,
        "cost_currency": currency,
        "segments": report.segments,
        "occurred_at": None if report.occurred_at is None else int(report.occurred_at * 1000),
        "received_at": now,
    }
    connection.execute(insert(reports).values(values))
    if message_id is not None:
        _apply(connection, message_id, values, now)
    return True


def apply_waiting(connection: Connection, told: Sequence[tuple[str, str, str]], now: int) -> None:
    """Apply the reports that came before we knew the provider's id of a message.

    Args:
        told: (message id, gateway, provider's message id) of messages just accepted.
    """
    if not told:
        return
    message_of: dict[str, dict[str, str]] = {}
    for message_id, gateway, provider_id in told:
        message_of.setdefault(gateway, {})[provider_id] = message_id
    found: dict[int, tuple[Row[Any], str]] = {}
    for gateway, messages in message_of.items():
        # One query each: SQLite reads the whole table for a list of pairs.
        rows = connection.execute(
            select(reports).where(
                reports.c.gateway == gateway, reports.c.provider_message_id.in_(list(messages))
            )
        )
        found |= {row.id: (row, messages[row.provider_message_id]) for row in rows.all()}
    gateway_of = {message_id: gateway for message_id, gateway, _ in told}
    parts = connection.execute(
        select(reports).where(ONE_PART, reports.c.message_id.in_(list(gateway_of)))
    )
    for row in parts:
        if gateway_of[row.message_id] == row.gateway:
            found[row.id] = (row, row.message_id)
    _match(connection, [found[key] for key in sorted(found)], now)


def match_late(connection: Connection, now: int) -> int:
    """Apply reports that found no message, although it has one by now; returns how many.

    With several processes a report and the answer that tells whose it is can be stored
    at the same moment, and neither sees the other.
    """
    rows = connection.execute(
        select(reports)
        .where(reports.c.message_id.is_(None), reports.c.received_at > now - LATE_MS)
        .order_by(reports.c.received_at, reports.c.id)
    ).all()
    found = [
        (row, message_id)
        for row in rows
        if (message_id := _message_of(connection, row.gateway, row.provider_message_id, None))
    ]
    _match(connection, found, now)
    return len(found)


def _match(connection: Connection, found: Iterable[tuple[Row[Any], str]], now: int) -> None:
    for row, message_id in found:
        if row.message_id is None:
            connection.execute(
                update(reports).where(reports.c.id == row.id).values(message_id=message_id)
            )
        _apply(connection, message_id, dict(row._mapping), now)


def _message_of(
    connection: Connection, gateway: str, provider_id: str, own_id: str | None
) -> str | None:
    """The message of a report, among those that this very gateway took."""
    by_provider_id: str | None = connection.execute(
        select(attempts.c.message_id).where(
            attempts.c.gateway == gateway, attempts.c.provider_message_id == provider_id
        )
    ).scalar()
    if by_provider_id is not None or own_id is None:
        return by_provider_id
    by_own_id: str | None = connection.execute(
        select(attempts.c.message_id)
        .where(attempts.c.gateway == gateway, attempts.c.message_id == own_id)
        .limit(1)
    ).scalar()
    return by_own_id


def _apply(connection: Connection, message_id: str, report: Mapping[str, Any], now: int) -> None:
    state = STATE_OF[ProviderStatus(report["status"])]
    if report["one_part"] and state is MessageState.DELIVERED:
        state = _state_of_parts(connection, message_id)
    learned = {
        name: report[name]
        for name in ("cost_micros", "cost_currency", "segments")
        if report[name] is not None
    }
    told = {"reason": report["reason"], "provider_code": report["provider_code"]}
    open_states: tuple[MessageState, ...] = _OPEN
    if state is MessageState.SENT:
        open_states = (MessageState.UNKNOWN,)
    elif state is MessageState.DELIVERED and not report["one_part"]:
        open_states = _NOT_DELIVERED
    if report["reason"] == Reason.OPTED_OUT:
        stopping.stop_refused(connection, [message_id], now)
    values = final(state) | told | learned
    change = Change(message_id, open_states, values, outright=True)
    moved = apply(connection, [change], now)
    if moved == [None] and learned:
        apply(connection, [Change(message_id, _TAKEN, learned)], now)


def _state_of_parts(connection: Connection, message_id: str) -> MessageState:
    """`delivered` when every part of a message is, `sent` before."""
    # The row is locked first: of two parts told at once, the second must see the first.
    segments = connection.execute(
        select(outbox.c.segments).where(outbox.c.message_id == message_id).with_for_update()
    ).scalar_one()
    delivered = connection.execute(
        select(func.count(reports.c.provider_message_id.distinct())).where(
            ONE_PART,
            reports.c.message_id == message_id,
            reports.c.status == ProviderStatus.DELIVERED,
        )
    ).scalar_one()
    return MessageState.DELIVERED if delivered >= segments else MessageState.SENT
