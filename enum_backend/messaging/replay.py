"""Sending again, by order of a person, what has ended without arriving."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection, insert, select

from enum_backend.errors import CostLimitExceeded, FieldError, OptedOut, ValidationFailed
from enum_backend.messaging.accepting import AcceptRules
from enum_backend.messaging.changes import Change, Hop, apply, moved_on
from enum_backend.messaging.limits import RecipientLimits, SpendLimits
from enum_backend.messaging.model import MessageKind, MessageState, to_micros
from enum_backend.messaging.policy import optouts
from enum_backend.messaging.pricing import Estimate
from enum_backend.messaging.senders import picked_by
from enum_backend.numbers import spending
from enum_backend.storage.locks import serialize
from enum_backend.storage.tables import api_keys, outbox, recipient_retries
from enum_backend.tenants.budgets import dollars

ENDED: Final = frozenset(
    {
        MessageState.FAILED,
        MessageState.EXPIRED,
        MessageState.UNDELIVERED,
        MessageState.CANCELED,
        MessageState.UNKNOWN,
    }
)
"""States from which a message may be sent again."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which message, until when it counts, and what a gateway would charge for it."""

    message_id: str
    valid_until: int
    estimate: Estimate


def requeue(
    connection: Connection, order: Order, rules: AcceptRules, now: int
) -> CostLimitExceeded | None:
    """Queue the message again; its earlier attempts stay on record.

    It counts as one more message to its recipient.

    Returns:
        Why it is not queued: the day's spend of the deployment, its tenant or its key is
        reached. To be raised after the commit: alerts are stored with it.

    Raises:
        ValidationFailed: it has not ended, or its text is erased.
        OptedOut: the recipient wants none any more.
        RateLimitExceeded: the recipient's ceiling is reached.
    """
    serialize(connection, "outbox")
    row = connection.execute(
        select(
            outbox.c.state,
            outbox.c.tenant,
            outbox.c.client,
            outbox.c.created_at,
            outbox.c.cost_micros,
            outbox.c.kind,
            outbox.c.gateway,
            outbox.c.route,
            outbox.c.body.is_(None).label("erased"),
            outbox.c.chain,
            outbox.c.destination,
            outbox.c.segments,
            outbox.c.is_test,
        ).where(outbox.c.message_id == order.message_id)
    ).one()
    if row.state not in ENDED:
        raise _refused(f"is {row.state}: only a message that did not arrive can be sent again")
    if row.erased:
        raise _refused("has no text any more: it is erased")
    chain = json.loads(row.chain)
    sender: str | None = optouts.sender_of(row, chain[0])
    if sender == picked_by(chain[0]):
        sender = None  # any of the provider's choice
    wanted = (row.tenant, sender, row.destination)
    if row.kind != MessageKind.REPLY and optouts.blocked(connection, [wanted]):
        raise OptedOut
    recipients = RecipientLimits(connection, rules.limits, {row.destination: 1}, now)
    if not row.is_test and (full := recipients.refusal(row.destination)):
        raise full
    estimate = None if row.is_test else order.estimate(chain[0], row.destination, row.segments)
    micros = to_micros(estimate)[0] or 0
    ceilings = {spending.ALL: rules.limits.daily_cost}
    for tenant, limit in rules.tenant_ceilings(connection, [row.tenant]).items():
        ceilings[f"tenant:{tenant}"] = limit
    ceilings |= _ceiling_of_key(connection, row.client)
    scopes = spending.scopes(row.tenant, row.client)
    spend = SpendLimits(connection, ceilings, now)
    if refusal := spend.refusal(scopes, Decimal(micros) / 1_000_000):
        spend.store(connection)
        return refusal
    values = moved_on(Hop(chain[0], 0, estimate)) | {
        "reason": None,
        "provider_code": None,
        "detail": None,
        "provider_message_id": None,
        "valid_until": order.valid_until,
    }
    change = Change(order.message_id, ENDED, values, outright=True)
    apply(connection, [change], now)
    if not row.is_test:
        # It is paid for now, and what was paid before stays paid.
        moved = (row.cost_micros or 0) - micros
        spending.add(connection, {(scope, row.created_at): moved for scope in scopes})
        spend.take(scopes, micros)
        spend.store(connection)
        connection.execute(
            insert(recipient_retries).values(
                destination=row.destination,
                recipient_seq=recipients.take(row.destination),
                created_at=now,
            )
        )
    return None


def _ceiling_of_key(connection: Connection, client: str) -> dict[str, Decimal]:
    """What the API key that sent the message may spend in 24 hours, if it has a ceiling."""
    kind, _, key = client.partition(":")
    if kind != "key":
        return {}
    stored = connection.execute(
        select(api_keys.c.daily_cost_micros).where(api_keys.c.id == key)
    ).scalar()
    limit = dollars(stored)
    return {} if limit is None else {f"client:{client}": limit}


def _refused(message: str) -> ValidationFailed:
    return ValidationFailed(f"message_id: {message}", errors=[FieldError("message_id", message)])
