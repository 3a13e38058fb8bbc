"""One message of a list: as it is shown, whether it went out or came in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Row

from enum_backend.gateways.base import Cost
from enum_backend.messaging.model import from_micros

Direction = Literal["outbound", "inbound"]

RECEIVED: Final = "received"
"""The status of every message that came in."""


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """One message of a list.

    Attributes:
        body: of an inbound message, sealed for its id; outbound texts are not listed.
        created_at: milliseconds; when it was accepted or received.
    """

    id: str
    direction: Direction
    tenant: str | None
    status: str
    sender: str | None
    to: str
    destination: str
    gateway: str
    provider: str | None
    segments: int | None
    encoding: str | None
    cost: Cost | None
    reason: str | None
    provider_code: str | None
    client_reference: str | None
    created_at: int
    updated_at: int
    send_at: int | None = None
    body: bytes | None = field(default=None, repr=False)
    media: tuple[str, ...] = ()
    duplicate_of: str | None = None


def sent(row: Row[Any]) -> ListedMessage:
    """A row of the outbox."""
    return ListedMessage(
        id=row.message_id,
        direction="outbound",
        tenant=row.tenant,
        status=row.state,
        sender=row.sender,
        to=row.requested_to,
        destination=row.destination,
        gateway=row.gateway,
        provider=row.provider,
        segments=row.segments,
        encoding=row.encoding,
        cost=from_micros(row.cost_micros, row.cost_currency),
        reason=row.reason,
        provider_code=row.provider_code,
        client_reference=row.client_reference,
        created_at=row.created_at,
        updated_at=row.updated_at,
        send_at=row.send_at,
    )


def received(row: Row[Any]) -> ListedMessage:
    """A row of the inbox."""
    return ListedMessage(
        id=row.inbox_id,
        direction="inbound",
        tenant=row.tenant,
        status=RECEIVED,
        sender=row.sender,
        to=row.to_number,
        destination=row.to_number,
        gateway=row.gateway,
        provider=row.provider,
        segments=row.segments,
        encoding=None,
        cost=None,
        reason=None,
        provider_code=None,
        client_reference=None,
        created_at=row.received_at,
        updated_at=row.received_at,
        body=row.body,
        media=tuple(json.loads(row.media)),
        duplicate_of=row.duplicate_of,
    )
