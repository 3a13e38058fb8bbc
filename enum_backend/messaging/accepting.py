"""Accepting messages into the outbox, a batch in one transaction.

For each draft, in order: a repeat is answered with what it repeats; else the
recipient's and the spender's ceilings are checked and counted; then the row is
written. One that is refused does not disturb the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from enum_backend.errors import EnumBackendError, OptedOut
from enum_backend.messaging import outbox_rows
from enum_backend.messaging.client_windows import ClientWindows
from enum_backend.messaging.drafts import Draft
from enum_backend.messaging.limits import RecipientLimits, SpendLimits
from enum_backend.messaging.model import Accepted, MessageKind, MessageState, SendRequest
from enum_backend.messaging.policy import optouts, sticky
from enum_backend.messaging.policy.sticky import Known
from enum_backend.messaging.repeats import Earlier
from enum_backend.messaging.route import Route
from enum_backend.numbers import spending
from enum_backend.settings.models import LimitSettings
from enum_backend.storage.locks import serialize

TenantCeilings = Callable[[Connection, Collection[str]], Mapping[str, Decimal]]
"""Tenant -> what it may spend in 24 hours, US dollars; tenants without a ceiling left out."""


@dataclass(frozen=True, slots=True)
class AcceptRules:
    """What is checked inside the transaction that accepts."""

    limits: LimitSettings
    tenant_ceilings: TenantCeilings = lambda connection, tenants: {}

    def ceilings(
        self, connection: Connection, requests: Sequence[SendRequest]
    ) -> dict[str, Decimal]:
        """Scope -> US dollars in 24 hours, for the scopes of these requests."""
        found = {spending.ALL: self.limits.daily_cost}
        tenants = {request.client.tenant for request in requests}
        for tenant, limit in self.tenant_ceilings(connection, tenants).items():
            found[f"tenant:{tenant}"] = limit
        for request in requests:
            if request.client.daily_cost is not None:
                found[f"client:{request.client.id}"] = request.client.daily_cost
        return found


def wait_for_turn(connection: Connection) -> None:
    """Wait until nobody else accepts: what is counted from here on stays so until the commit."""
    serialize(connection, "outbox")


def accept_many(
    connection: Connection, drafts: Sequence[Draft], rules: AcceptRules, now: int
) -> list[Accepted | EnumBackendError]:
    """Store a batch of messages; the result of each draft, or why it is refused.

    A refusal is `IdempotencyConflict` (the key was used with another message),
    `OptedOut`, `RateLimitExceeded` or `CostLimitExceeded`; nothing of that draft is stored.

    The transaction begins with `wait_for_turn`.
    """
    known = Earlier(connection, drafts, now)
    screened = _screen(connection, drafts)
    limited = [draft for draft in drafts if not draft.is_test]
    ceilings = rules.ceilings(connection, [draft.request for draft in limited])
    recipients = RecipientLimits(
        connection, rules.limits, Counter(draft.route.destination for draft in limited), now
    )
    spend = SpendLimits(connection, ceilings, now)
    windows = ClientWindows(connection, now)
    results: list[Accepted | EnumBackendError] = []
    rows: list[dict[str, Any]] = []
    learned: list[tuple[str, str, Known]] = []
    for draft, route in zip(drafts, screened, strict=True):
        result = known.of(draft)
        if result is None and isinstance(route, Route):
            result = _refusal(draft, recipients, spend, windows)
        if result is not None or isinstance(route, OptedOut):
            results.append(result if result is not None else OptedOut())
            continue
        row = outbox_rows.row_of(draft, route, now)
        if not draft.is_test:
            row["recipient_seq"] = recipients.take(draft.route.destination)
            windows.take(draft.request.client)
            spend.take(draft.scopes, draft.micros)
        if route.learns is not None:
            learned.append((draft.request.client.tenant, route.destination, route.learns))
        rows.append(row)
        accepted = _accepted(draft, row["message_id"], route.chain[0])
        known.add(draft, accepted)
        results.append(accepted)
    spend.store(connection)
    if rows:
        outbox_rows.store(connection, rows)
        sticky.remember(connection, learned, now)
    return results


def _screen(connection: Connection, drafts: Sequence[Draft]) -> list[Route | OptedOut]:
    """The routes without numbers their recipients have shut out.

    Two kinds pass as they are: test numbers, and answers to STOP, which is what they are for.
    """
    asked = [not (draft.is_test or draft.request.kind is MessageKind.REPLY) for draft in drafts]
    found = iter(
        optouts.screen(
            connection,
            [
                (draft.request.client.tenant, draft.route)
                for draft, is_asked in zip(drafts, asked, strict=True)
                if is_asked
            ],
        )
    )
    return [
        next(found) if is_asked else draft.route
        for draft, is_asked in zip(drafts, asked, strict=True)
    ]


def _refusal(
    draft: Draft, recipients: RecipientLimits, spend: SpendLimits, windows: ClientWindows
) -> EnumBackendError | None:
    if draft.is_test:
        return None
    refused = None
    if not draft.request.skip_rate_limit:
        refused = recipients.refusal(draft.route.destination)
        refused = refused or windows.refusal(draft.request.client)
    return refused or spend.refusal(draft.scopes, Decimal(draft.micros) / 1_000_000)


def _accepted(draft: Draft, message_id: str, gateway: str) -> Accepted:
    scheduled = draft.request.send_at is not None
    return Accepted(
        message_id=message_id,
        status=MessageState.SCHEDULED if scheduled else MessageState.QUEUED,
        provider=None,
        gateway=gateway,
        segments=draft.segmentation.segments,
        encoding=draft.segmentation.encoding,
        cost=draft.estimate,
    )
