"""The outbox: accepting messages durably, and reading them back.

Everything here is a function of a connection inside a transaction of
`Database`; nothing waits and nothing talks to a network.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from enum_backend.errors import IdempotencyConflict
from enum_backend.gateways.base import Cost, StatusResult
from enum_backend.messaging import limits
from enum_backend.messaging.model import (
    Accepted,
    AttemptView,
    MessageState,
    MessageView,
    SendRequest,
    from_micros,
    to_micros,
)
from enum_backend.messaging.outcomes import STATE_OF, learned_cost
from enum_backend.messaging.routing import Route
from enum_backend.messaging.segments import Segmentation
from enum_backend.settings.models import LimitSettings
from enum_backend.storage.tables import attempts, outbox

NOT_ARRIVED = (
    MessageState.FAILED,
    MessageState.EXPIRED,
    MessageState.UNDELIVERED,
    MessageState.CANCELED,
)
"""States in which the same text may be asked for again at once."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is routed and measured, ready to be stored.

    Attributes:
        body: seals the text for a given message id.
        request_hash: keyed hash of what makes two requests the same.
        repeat_hash: keyed hash of client, destination and text, or None.
        estimate: expected cost, None where no price is known.
        valid_until: milliseconds; not handed to a provider after it.
    """

    request: SendRequest
    route: Route
    segmentation: Segmentation
    body: Callable[[str], bytes]
    request_hash: bytes
    repeat_hash: bytes | None
    estimate: Cost | None
    is_test: bool
    valid_until: int


def accept(connection: Connection, draft: Draft, settings: LimitSettings, now: int) -> Accepted:
    """Store a message, or return the one it repeats.

    Raises:
        IdempotencyConflict: the key was used with another message.
        RateLimitExceeded, CostLimitExceeded: nothing is stored.
    """
    if earlier := _earlier(connection, draft, now):
        return earlier
    if not draft.is_test:
        _check_limits(connection, draft, settings, now)
    request, route = draft.request, draft.route
    message_id = f"msg_{secrets.token_hex(12)}"
    micros, currency = to_micros(draft.estimate)
    connection.execute(
        insert(outbox).values(
            message_id=message_id,
            tenant=request.client.tenant,
            client=request.client.id,
            state=MessageState.QUEUED,
            requested_to=request.to,
            destination=route.destination,
            sender=request.sender,
            body=draft.body(message_id),
            erase_body=request.is_code,
            encoding=draft.segmentation.encoding,
            segments=draft.segmentation.segments,
            chain=json.dumps(route.chain),
            chain_position=0,
            route=json.dumps(
                {
                    "sender_gateway": route.sender_gateway,
                    "steps": [[step.rule, step.applied, step.why] for step in route.steps],
                }
            ),
            is_test=draft.is_test,
            limited=not draft.is_test,
            idempotency_key=_idempotency_key(request),
            request_hash=draft.request_hash,
            repeat_hash=draft.repeat_hash,
            client_reference=request.client_reference,
            gateway=route.chain[0],
            cost_micros=micros,
            cost_currency=currency,
            attempts_at_gateway=0,
            created_at=now,
            next_attempt_at=now,
            valid_until=draft.valid_until,
            updated_at=now,
        )
    )
    return Accepted(
        message_id=message_id,
        status=MessageState.QUEUED,
        provider=None,
        gateway=route.chain[0],
        segments=draft.segmentation.segments,
        encoding=draft.segmentation.encoding,
        cost=draft.estimate,
    )


def _idempotency_key(request: SendRequest) -> str | None:
    if request.idempotency_key:
        return f"key:{request.idempotency_key}"
    return f"ref:{request.client_reference}" if request.client_reference else None


def earlier(connection: Connection, request: SendRequest, request_hash: bytes) -> Accepted | None:
    """The message that an idempotency key already stands for; None = none, or no key.

    Raises:
        IdempotencyConflict: it stands for another message.
    """
    key = _idempotency_key(request)
    if key is None:
        return None
    row = connection.execute(
        select(outbox).where(outbox.c.client == request.client.id, outbox.c.idempotency_key == key)
    ).first()
    if row is not None and row.request_hash != request_hash:
        raise IdempotencyConflict
    return _repeated(row)


def _earlier(connection: Connection, draft: Draft, now: int) -> Accepted | None:
    if found := earlier(connection, draft.request, draft.request_hash):
        return found
    if draft.repeat_hash is None or _idempotency_key(draft.request):
        return None
    since = now - int(draft.request.repeat_window * 1000)
    row = connection.execute(
        select(outbox)
        .where(
            outbox.c.repeat_hash == draft.repeat_hash,
            outbox.c.created_at > since,
            outbox.c.state.not_in(NOT_ARRIVED),
        )
        .order_by(outbox.c.id.desc())
        .limit(1)
    ).first()
    return _repeated(row)


def _repeated(row: Row[Any] | None) -> Accepted | None:
    if row is None:
        return None
    return Accepted(
        message_id=row.message_id,
        status=MessageState(row.state),
        provider=row.provider,
        gateway=row.gateway,
        segments=row.segments,
        encoding=row.encoding,
        cost=from_micros(row.cost_micros, row.cost_currency),
        repeated=True,
    )


def _check_limits(connection: Connection, draft: Draft, settings: LimitSettings, now: int) -> None:
    if not draft.request.skip_rate_limit:
        limits.enforce(
            limits.message_limits(
                connection,
                settings,
                destination=draft.route.destination,
                client=draft.request.client.id,
                per_minute=draft.request.client.per_minute,
                now=now,
            )
        )
    estimate = draft.estimate.amount if draft.estimate else Decimal(0)
    limits.enforce_cost(limits.cost_limit(connection, settings, estimate=estimate, now=now))


def find(connection: Connection, message_id: str, tenant: str) -> MessageView | None:
    """One message of a tenant with its attempts; None for other tenants' ids as well."""
    row = connection.execute(
        select(outbox).where(outbox.c.message_id == message_id, outbox.c.tenant == tenant)
    ).first()
    if row is None:
        return None
    tried = connection.execute(
        select(attempts).where(attempts.c.message_id == message_id).order_by(attempts.c.number)
    )
    return MessageView(
        message_id=row.message_id,
        status=MessageState(row.state),
        to=row.requested_to,
        destination=row.destination,
        sender=row.sender,
        provider=row.provider,
        gateway=row.gateway,
        segments=row.segments,
        encoding=row.encoding,
        cost=from_micros(row.cost_micros, row.cost_currency),
        reason=row.reason,
        provider_code=row.provider_code,
        client_reference=row.client_reference,
        created_at=row.created_at,
        updated_at=row.updated_at,
        attempts=tuple(
            AttemptView(
                number=attempt.number,
                gateway=attempt.gateway,
                provider=attempt.provider,
                outcome=attempt.outcome,
                reason=attempt.reason,
                provider_code=attempt.provider_code,
                provider_message_id=attempt.provider_message_id,
                detail=attempt.detail,
                started_at=attempt.started_at,
                finished_at=attempt.finished_at,
            )
            for attempt in tried
        ),
    )


def record_status(connection: Connection, message_id: str, status: StatusResult, now: int) -> None:
    """What a provider says later about a message it took; never goes backwards."""
    state = STATE_OF[status.status]
    connection.execute(
        update(outbox)
        .where(outbox.c.message_id == message_id, outbox.c.state == MessageState.SENT)
        .values(
            state=state,
            reason=status.reason,
            provider_code=status.provider_code,
            updated_at=now,
            **learned_cost(state, status.cost),
        )
    )


def count_by_state(connection: Connection) -> dict[str, int]:
    """How many messages are pending, per state; for metrics and health."""
    rows = connection.execute(
        select(outbox.c.state, func.count())
        .where(outbox.c.state.in_([MessageState.QUEUED, MessageState.DISPATCHING]))
        .group_by(outbox.c.state)
    )
    return {row[0]: row[1] for row in rows}
