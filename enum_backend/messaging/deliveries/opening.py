"""A claimed row of the queue as what is to be delivered: its texts and secrets opened."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Row

from enum_backend.messaging.deliveries.model import Claimed, Kind, Message, Why
from enum_backend.storage import Sealer
from enum_backend.storage.sealing import SealBroken

SecretsOf = Callable[[str], tuple[str, ...]]
"""The secrets of a tenant, for addresses that have none of their own."""


def opened(row: Row[Any], sealer: Sealer, secrets_of: SecretsOf) -> Claimed:
    """A claimed row with its texts and secrets."""
    message = _message(row, sealer)
    own_text = _open(sealer, row.own_body, row.delivery_id)
    address = row.endpoint_address if row.endpoint is not None else row.address
    refused = None
    if row.endpoint is None and address is None:
        refused = Why.ENDPOINT_REMOVED
    elif row.endpoint is not None and not row.enabled:
        refused = Why.ENDPOINT_DISABLED
    elif message is None or (row.own_body is not None and own_text is None):
        refused = Why.UNREADABLE
    return Claimed(
        id=row.id,
        delivery_id=row.delivery_id,
        tenant=row.tenant,
        kind=Kind(row.kind),
        target=row.target,
        inbox_id=row.inbox_id,
        message=message,
        address=address,
        failover_url=row.failover_url,
        secrets=_secrets(row, sealer) or secrets_of(row.tenant),
        trusted=row.source == "settings",
        sender=row.own_sender,
        own_text=own_text,
        refused=refused,
        attempts=row.attempts,
        expires_at=row.expires_at,
    )


def _message(row: Row[Any], sealer: Sealer) -> Message | None:
    text = None if row.body is None else _open(sealer, row.body, row.inbox_id)
    if text is None:
        return None
    return Message(
        inbox_id=row.inbox_id,
        sender=row.sender,
        to=row.to_number,
        text=text,
        provider=row.provider,
        gateway=row.gateway,
        received_at=row.received_at,
        incomplete=row.incomplete,
        media=() if row.media == "[]" else tuple(json.loads(row.media)),
    )


def _secrets(row: Row[Any], sealer: Sealer) -> tuple[str, ...]:
    """An endpoint's own secrets, the valid one first."""
    if row.secret is None:
        return ()
    sealed = (row.secret, row.previous_secret)
    found = (_open(sealer, item, row.endpoint) for item in sealed)
    return tuple(secret for secret in found if secret is not None)


def _open(sealer: Sealer, sealed: bytes | None, bound_to: str) -> str | None:
    if sealed is None:
        return None
    try:
        return sealer.open(sealed, bound_to)
    except SealBroken:
        return None
