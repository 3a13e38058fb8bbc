"""What the tests of Android gateways share: settings, replies of a phone, two phones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from enum_backend.gateways import AndroidGateway, GatewayError
from tests.unit.gateways.gateway_cases import OTHER_SENDER, TO
from tests.unit.gateways.wire_server import Answer, WireServer

FROM = "+15550100001"
HOOK = "https://sms.example.org/sms/webhook/android/office"
LOGIN: Mapping[str, str] = {"username": "sms", "password": "canary-pass"}
CARDS = [{"slot": 1, "number": FROM}, {"slot": 2, "number": OTHER_SENDER}]


def message(state: str = "Pending", message_id: Any = "msg_1", **changes: Any) -> dict[str, Any]:
    recipient = {"phoneNumber": TO, "state": state, "error": None}
    return {"id": message_id, "deviceId": "d", "state": state, "recipients": [recipient], **changes}


ACCEPTED = Answer.json(message(), 202)
NO_SUCH = Answer.json({"message": "Message not found"}, 404)
NO_HOOKS = Answer.json([])
DUPLICATE = Answer.json({"message": "Message with such ID already exists"}, 409)


def two(wire: WireServer, second: WireServer | str, **options: Any) -> AndroidGateway:
    """A gateway of two phones, each reached directly."""
    urls = (wire.url, second if isinstance(second, str) else second.url)
    phones = [{"url": url, "number": f"+1555010000{n}"} for n, url in enumerate(urls, 1)]
    return AndroidGateway(**{**LOGIN, "timeout": 5, "phones": phones, **options})


async def failure(awaitable: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await awaitable
    return caught.value
