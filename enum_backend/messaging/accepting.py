"""Accepting messages into the outbox, a batch in one transaction.

For each draft, in order: a repeat is answered with what it repeats; else the
recipient's and the spender's ceilings are checked and counted; then the row is
written. One that is refused does not disturb the others.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from enum_backend.errors import EnumBackendError, IdempotencyConflict, OptedOut
from enum_backend.gateways.base import Cost
from enum_backend.messaging.client_windows import ClientWindows
from enum_backend.messaging.limits import RecipientLimits, SpendLimits
from enum_backend.messaging.model import (
    Accepted,
    MessageKind,
    MessageState,
    SendRequest,
    from_micros,
    to_micros,
)
from enum_backend.messaging.policy import optouts, sticky
from enum_backend.messaging.policy.sticky import Known
from enum_backend.messaging.route import Route, Step
from enum_backend.messaging.segments import Segmentation
from enum_backend.numbers import spending
from enum_backend.settings.models import LimitSettings
from enum_backend.storage.locks import serialize
from enum_backend.storage.many import Inserted
from enum_backend.storage.tables import outbox

NOT_ARRIVED = (
    MessageState.FAILED,
    MessageState.EXPIRED,
    MessageState.UNDELIVERED,
    MessageState.CANCELED,
)
"""States in which the same text may be asked for again at once."""

SAME_ROUTES = 256
"""Decisions whose stored form is remembered: most messages share a few."""

CODE_PRIORITY = 0
PRIORITY = 1

TenantCeilings = Callable[[Connection, Collection[str]], Mapping[str, Decimal]]
"""Tenant -> what it may spend in 24 hours, US dollars; tenants without a ceiling left out."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is routed and measured, ready to be stored.

    Attributes:
        body: seals the text for a given message id; None = it is made when it leaves.
        request_hash: keyed hash of what makes two requests the same.
        repeat_hash: keyed hash of client, destination and text, or None.
        estimate: expected cost, None where no price is known.
        valid_until: milliseconds; not handed to a provider after it.
    """

    request: SendRequest
    route: Route
    segmentation: Segmentation
    body: Callable[[str], bytes | None]
    request_hash: bytes
    repeat_hash: bytes | None
    estimate: Cost | None
    is_test: bool
    valid_until: int

    @property
    def idempotency_key(self) -> tuple[str, str] | None:
        """(client, key), if the caller gave one."""
        return idempotency_key(self.request)

    @property
    def micros(self) -> int:
        """What it counts against the ceilings on money, millionths of a US dollar."""
        return to_micros(self.estimate)[0] or 0

    @property
    def scopes(self) -> tuple[str, ...]:
        """Where its cost counts."""
        return spending.scopes(self.request.client.tenant, self.request.client.id)


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


def accept_many(
    connection: Connection, drafts: Sequence[Draft], rules: AcceptRules, now: int
) -> list[Accepted | EnumBackendError]:
    """Store a batch of messages; the result of each draft, or why it is refused.

    A refusal is `IdempotencyConflict` (the key was used with another message),
    `OptedOut`, `RateLimitExceeded` or `CostLimitExceeded`; nothing of that draft is stored.
    """
    serialize(connection, "outbox")
    known = _Earlier(connection, drafts, now)
    screened = _screen(connection, drafts)
    limited = [draft for draft in drafts if not draft.is_test]
    recipients = RecipientLimits(
        connection, rules.limits, Counter(draft.route.destination for draft in limited), now
    )
    requests = [draft.request for draft in limited]
    spend = SpendLimits(connection, rules.ceilings(connection, requests), now)
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
        row = _row(draft, route, now)
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
        _INSERT.run(connection, [_VALUES(row) for row in rows])
        sticky.remember(connection, learned, now)
    return results


def earlier(
    connection: Connection,
    request: SendRequest,
    request_hash: bytes,
    repeat_hash: bytes | None,
    now: int,
) -> Accepted | None:
    """The message that a request repeats, by its key or by its text; None = it is new.

    Raises:
        IdempotencyConflict: its key stands for another message.
    """
    key = idempotency_key(request)
    if key is not None:
        row = connection.execute(
            select(outbox).where(outbox.c.client == key[0], outbox.c.idempotency_key == key[1])
        ).first()
        if row is not None and row.request_hash != request_hash:
            raise IdempotencyConflict
        return None if row is None else _repeated(row)
    if repeat_hash is None:
        return None
    since = now - int(request.repeat_window * 1000)
    rows = connection.execute(_same_text([repeat_hash], since)).all()
    return _repeated(rows[-1]) if rows else None


def _same_text(texts: Sequence[bytes | None], since: int) -> Select[Any]:
    return (
        select(outbox)
        .where(
            outbox.c.repeat_hash.in_(texts),
            outbox.c.created_at > since,
            outbox.c.state.not_in(NOT_ARRIVED),
        )
        .order_by(outbox.c.id)
    )


def repeated(connection: Connection, draft: Draft, now: int) -> Accepted | None:
    """The message of the same caller, number and text that the draft repeats; None = none."""
    found = _Earlier(connection, [draft], now).of(draft)
    return found if isinstance(found, Accepted) else None


def idempotency_key(request: SendRequest) -> tuple[str, str] | None:
    """(client, key) of a request that has one."""
    if request.idempotency_key:
        return request.client.id, f"key:{request.idempotency_key}"
    return (
        (request.client.id, f"ref:{request.client_reference}") if request.client_reference else None
    )


class _Earlier:
    """The messages that the drafts of a batch may repeat: stored ones and each other."""

    def __init__(self, connection: Connection, drafts: Sequence[Draft], now: int) -> None:
        self._now = now
        self._by_key: dict[tuple[str, str], tuple[bytes, Accepted]] = {}
        self._by_text: dict[bytes, tuple[int, Accepted]] = {}
        self._load_keys(connection, [key for draft in drafts if (key := draft.idempotency_key)])
        texts = [draft.repeat_hash for draft in drafts if _goes_by_text(draft)]
        windows = [draft.request.repeat_window for draft in drafts]
        if texts:
            self._load_texts(connection, texts, now - int(max(windows) * 1000))

    def _load_keys(self, connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
        # One query per client: SQLite looks through the whole table for lists of pairs.
        by_client: dict[str, list[str]] = {}
        for client, key in keys:
            by_client.setdefault(client, []).append(key)
        for client, own in by_client.items():
            rows = connection.execute(
                select(outbox).where(outbox.c.client == client, outbox.c.idempotency_key.in_(own))
            )
            for row in rows:
                accepted = (row.request_hash, _repeated(row))
                self._by_key[(row.client, row.idempotency_key)] = accepted

    def _load_texts(
        self, connection: Connection, texts: Sequence[bytes | None], since: int
    ) -> None:
        rows = connection.execute(_same_text(texts, since))
        for row in rows:
            self._by_text[row.repeat_hash] = (row.created_at, _repeated(row))

    def of(self, draft: Draft) -> Accepted | EnumBackendError | None:
        """What the draft repeats, or the conflict it makes; None = it is new."""
        key = draft.idempotency_key
        if key is not None:
            found = self._by_key.get(key)
            if found is None:
                return None
            return found[1] if found[0] == draft.request_hash else IdempotencyConflict()
        if draft.repeat_hash is None:
            return None
        created_at, accepted = self._by_text.get(draft.repeat_hash, (0, None))
        since = self._now - int(draft.request.repeat_window * 1000)
        return accepted if created_at > since else None

    def add(self, draft: Draft, accepted: Accepted) -> None:
        """A later draft of the batch may repeat this one."""
        repeated = _as_repeated(accepted)
        if key := draft.idempotency_key:
            self._by_key[key] = (draft.request_hash, repeated)
        elif draft.repeat_hash is not None:
            self._by_text[draft.repeat_hash] = (self._now, repeated)


def _goes_by_text(draft: Draft) -> bool:
    return draft.repeat_hash is not None and draft.idempotency_key is None


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


_COLUMNS = (
    "message_id",
    "tenant",
    "client",
    "kind",
    "state",
    "priority",
    "requested_to",
    "destination",
    "recipient_seq",
    "sender",
    "body",
    "template",
    "verification_id",
    "erase_body",
    "encoding",
    "segments",
    "chain",
    "chain_position",
    "route",
    "is_test",
    "limited",
    "idempotency_key",
    "request_hash",
    "repeat_hash",
    "client_reference",
    "gateway",
    "cost_micros",
    "cost_currency",
    "attempts_at_gateway",
    "attempts_made",
    "created_at",
    "send_at",
    "next_attempt_at",
    "valid_until",
    "updated_at",
)
"""What `_row` fills."""

_INSERT = Inserted(outbox, _COLUMNS)
_VALUES = itemgetter(*_COLUMNS)


def _row(draft: Draft, route: Route, now: int) -> dict[str, Any]:
    request = draft.request
    # Time first: rows and index entries of one batch lie side by side on the disk.
    message_id = f"msg_{now:011x}{secrets.randbits(52):013x}"
    micros, currency = to_micros(draft.estimate)
    key = draft.idempotency_key
    state = MessageState.QUEUED if request.send_at is None else MessageState.SCHEDULED
    return {
        "message_id": message_id,
        "tenant": request.client.tenant,
        "client": request.client.id,
        "kind": request.kind.value,
        "state": state.value,
        "priority": CODE_PRIORITY if request.is_code else PRIORITY,
        "requested_to": request.to,
        "destination": route.destination,
        "recipient_seq": None,
        "sender": route.sender,
        "body": draft.body(message_id),
        "template": request.template,
        "verification_id": request.verification_id,
        "erase_body": request.is_code or request.erase_text,
        "encoding": draft.segmentation.encoding,
        "segments": draft.segmentation.segments,
        "chain": _chain_text(route.chain),
        "chain_position": 0,
        "route": _route_text(
            route.sender_gateway, tuple(route.sender_names().items()), route.steps
        ),
        "is_test": draft.is_test,
        "limited": not draft.is_test,
        "idempotency_key": key[1] if key else None,
        "request_hash": draft.request_hash,
        "repeat_hash": draft.repeat_hash,
        "client_reference": request.client_reference,
        "gateway": route.chain[0],
        "cost_micros": micros,
        "cost_currency": currency,
        "attempts_at_gateway": 0,
        "attempts_made": 0,
        "created_at": now,
        "send_at": request.send_at,
        "next_attempt_at": request.send_at or now,
        "valid_until": draft.valid_until,
        "updated_at": now,
    }


@lru_cache(maxsize=SAME_ROUTES)
def _chain_text(chain: tuple[str, ...]) -> str:
    return json.dumps(chain)


@lru_cache(maxsize=SAME_ROUTES)
def _route_text(
    sender_gateway: str | None, senders: tuple[tuple[str, str], ...], steps: tuple[Step, ...]
) -> str:
    return json.dumps(
        {
            "sender_gateway": sender_gateway,
            "senders": dict(senders),
            "steps": steps,
        }
    )


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


def _as_repeated(accepted: Accepted) -> Accepted:
    return Accepted(
        accepted.message_id,
        accepted.status,
        accepted.provider,
        accepted.gateway,
        accepted.segments,
        accepted.encoding,
        accepted.cost,
        repeated=True,
    )


def _repeated(row: Row[Any]) -> Accepted:
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
