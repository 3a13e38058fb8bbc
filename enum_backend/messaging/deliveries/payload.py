"""A received message as owners get it, by webhook and stream."""

from __future__ import annotations

import json
from typing import Any

from enum_backend.clock import rfc3339
from enum_backend.messaging.deliveries.model import Message
from enum_backend.messaging.inbound import RECEIVED

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def event_body(event_id: str, message: Message) -> bytes:
    """JSON in UTF-8; the same octets for the same message.

    Args:
        event_id: the delivery's, or the message's where there is no delivery.
    """
    data: dict[str, Any] = {
        "message_id": message.inbox_id,
        "from": message.sender,
        "to": message.to,
        "message": message.text,
        "received_at": rfc3339(message.received_at),
        "provider": message.provider,
        "gateway": message.gateway,
    }
    if message.incomplete:
        data["incomplete"] = True
    if message.media:
        data["media"] = list(message.media)
    event = {
        "id": event_id,
        "type": RECEIVED,
        "timestamp": rfc3339(message.received_at),
        "data": data,
    }
    return _ENCODER.encode(event).encode("utf-8", "replace")
