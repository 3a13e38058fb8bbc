"""Messages that come in: each stored once, whatever a provider repeats.

Functions of a connection inside a transaction, as in `outbox`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from enum_backend.gateways.webhooks.base import InboundSms
from enum_backend.storage.tables import inbox

CONTENT_WINDOW_MS = 48 * 3600 * 1000
"""How long a repeat under another id is recognised by its content."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an inbound message.

    Attributes:
        is_new: False for a repeat; nothing may be handed on then.
    """

    inbox_id: str
    is_new: bool
    foreign_number: bool


def store(
    connection: Connection,
    *,
    gateway: str,
    provider: str,
    sms: InboundSms,
    body: Callable[[str], bytes],
    foreign_number: bool,
    now: int,
) -> Stored:
    """Store a message, or find the one it repeats.

    A repeat of the same id is not stored again. A repeat that comes under a new
    id is stored with a link to the first, so that nothing vanishes silently.

    Args:
        body: seals the text for a given inbox id.
        foreign_number: the number is none of the gateway's.
    """
    known = connection.execute(
        select(inbox.c.inbox_id, inbox.c.foreign_number).where(
            inbox.c.gateway == gateway, inbox.c.dedupe_key == sms.dedupe_key
        )
    ).first()
    if known is not None:
        return Stored(known.inbox_id, False, known.foreign_number)
    first = _same_content(connection, gateway, sms.content_key, now)
    inbox_id = f"in_{secrets.token_hex(12)}"
    connection.execute(
        insert(inbox).values(
            inbox_id=inbox_id,
            gateway=gateway,
            provider=provider,
            dedupe_key=sms.dedupe_key,
            content_key=sms.content_key,
            duplicate_of=first,
            provider_message_id=sms.provider_message_id,
            sender=sms.sender,
            to_number=sms.to,
            body=body(inbox_id),
            segments=sms.segments,
            media=json.dumps(sms.media),
            opt_out=sms.opt_out,
            foreign_number=foreign_number,
            sent_at=None if sms.sent_at is None else int(sms.sent_at * 1000),
            received_at=now,
        )
    )
    return Stored(inbox_id, first is None, foreign_number)


def _same_content(
    connection: Connection, gateway: str, content_key: str | None, now: int
) -> str | None:
    if content_key is None:
        return None
    found: str | None = connection.execute(
        select(inbox.c.inbox_id)
        .where(
            inbox.c.gateway == gateway,
            inbox.c.content_key == content_key,
            inbox.c.duplicate_of.is_(None),
            inbox.c.received_at > now - CONTENT_WINDOW_MS,
        )
        .order_by(inbox.c.id)
        .limit(1)
    ).scalar()
    return found
