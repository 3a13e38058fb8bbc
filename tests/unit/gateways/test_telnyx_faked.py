"""Telnyx with aiohttp itself faked: what our code asks the client for, without sockets."""

from __future__ import annotations

import pytest
from aioresponses import aioresponses

from enum_backend.gateways import (
    GatewayError,
    GatewayRegistry,
    OutboundSms,
    ProviderStatus,
    Reason,
    TelnyxGateway,
)

URL = "https://api.telnyx.com/v2/messages"
SMS = OutboundSms("msg_1", "+15550100002", "Hello")


@pytest.fixture
def gateway() -> TelnyxGateway:
    return TelnyxGateway(api_key="KEY_test", sender="+15550100001")


async def test_the_documented_request_is_made(gateway: TelnyxGateway) -> None:
    answer = {"data": {"id": "m-1", "parts": 1, "to": [{"status": "queued"}]}}
    with aioresponses() as fake:
        fake.post(URL, payload=answer)
        result = await gateway.send(SMS)
        ((call,),) = fake.requests.values()
    await gateway.close()
    assert result.status is ProviderStatus.QUEUED
    assert result.provider_message_id == "m-1"
    assert call.kwargs["json"] == {
        "from": "+15550100001",
        "to": "+15550100002",
        "text": "Hello",
        "type": "SMS",
    }
    assert call.kwargs["headers"]["Authorization"] == "Bearer KEY_test"
    assert call.kwargs["headers"]["Idempotency-Key"] == "msg_1"
    assert call.kwargs["allow_redirects"] is False


async def test_a_refusal_is_normalised(gateway: TelnyxGateway) -> None:
    answer = {"errors": [{"code": "40310", "title": "Invalid 'to' address"}]}
    with aioresponses() as fake:
        fake.post(URL, status=400, payload=answer)
        with pytest.raises(GatewayError) as caught:
            await gateway.send(SMS)
    await gateway.close()
    assert caught.value.reason is Reason.INVALID_NUMBER
    assert caught.value.provider_code == "40310"
    assert not caught.value.ambiguous


async def test_the_registry_sends_through_it(gateway: TelnyxGateway) -> None:
    async with GatewayRegistry() as registry:
        registry.add("telnyx", gateway)
        with aioresponses() as fake:
            fake.post(URL, payload={"data": {"id": "m-2", "to": [{"status": "queued"}]}})
            result = await registry.send("+15550100002", "Hello")
    assert result.provider_message_id == "m-2"
