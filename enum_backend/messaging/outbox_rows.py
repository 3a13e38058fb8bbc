"""What a draft is in the outbox."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from enum_backend.messaging.drafts import Draft
from enum_backend.messaging.model import MessageState, to_micros
from enum_backend.messaging.policy.sticky import Known
from enum_backend.messaging.route import Route, Step
from enum_backend.storage.many import Inserted
from enum_backend.storage.tables import outbox

SAME_ROUTES = 256
"""Decisions whose stored form is remembered: most messages share a few."""

CODE_PRIORITY = 0
PRIORITY = 1

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
"""What `row_of` fills."""

_INSERT = Inserted(outbox, _COLUMNS)
_VALUES = itemgetter(*_COLUMNS)


def store(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows made by `row_of`, all in one statement."""
    _INSERT.run(connection, [_VALUES(row) for row in rows])


def row_of(draft: Draft, route: Route, now: int) -> dict[str, Any]:
    """The columns of a new message; `recipient_seq` is the caller's to fill.

    Args:
        route: the draft's, without the numbers its recipient has shut out.
        now: milliseconds.
    """
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
            route.sender_gateway, tuple(route.sender_names().items()), route.steps, route.knows
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
    sender_gateway: str | None,
    senders: tuple[tuple[str, str], ...],
    steps: tuple[Step, ...],
    knows: Known | None,
) -> str:
    return json.dumps(
        {
            "sender_gateway": sender_gateway,
            "senders": dict(senders),
            "steps": steps,
            "knows": knows and (knows.gateway, knows.sender),
        }
    )
