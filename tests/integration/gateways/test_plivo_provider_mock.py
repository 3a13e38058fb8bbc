"""Our Plivo requests against a validating mock that was derived from the official SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from enum_backend.gateways import GatewayError, OutboundSms, PlivoGateway, Reason
from enum_backend.gateways.inventory.base import LineType, NumberQuery
from enum_backend.gateways.inventory.plivo import PlivoInventory, PlivoLookup
from tests.provider_mock import FIRST_START, provider_mock

pytestmark = pytest.mark.timeout(FIRST_START + 60)

NUMBER = "+14155550100"
OPTIONS: Mapping[str, Any] = {
    "auth_id": "MA" + "X" * 18,
    "auth_token": "test-token",
    "from": "+15550100001",
    "webhook_url": "https://sms.example.org/sms/webhook/plivo",
}


@pytest.fixture(scope="module")
def mock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with provider_mock("plivo", tmp_path_factory.mktemp("mock") / "log.txt") as url:
        yield url


@pytest.fixture
async def gateway(mock_url: str) -> AsyncIterator[PlivoGateway]:
    gateway = PlivoGateway(**OPTIONS, base_url=mock_url, timeout=30)
    yield gateway
    await gateway.close()


def sms() -> OutboundSms:
    return OutboundSms("msg_1", "+15550100002", "Hello from the test: ä €")


@pytest.mark.parametrize("more", [{}, {"powerpack_uuid": "p-1"}])
async def test_request_is_accepted(mock_url: str, more: Mapping[str, Any]) -> None:
    gateway = PlivoGateway(**OPTIONS, **more, base_url=mock_url)
    try:
        result = await asyncio.wait_for(gateway.send(sms()), 30)
        assert result.provider_message_id
        assert await asyncio.wait_for(gateway.status(result.provider_message_id), 30)
    finally:
        await gateway.close()


class _TwoSenders(PlivoGateway):
    def _payload(self, sms: OutboundSms) -> dict[str, str]:
        return {**super()._payload(sms), "powerpack_uuid": "p-1"}


class _UnknownField(PlivoGateway):
    def _payload(self, sms: OutboundSms) -> dict[str, str]:
        return {**super()._payload(sms), "sender": "x"}


@pytest.mark.parametrize("broken", [_TwoSenders, _UnknownField])
async def test_broken_request_is_refused(mock_url: str, broken: type[PlivoGateway]) -> None:
    gateway = broken(**OPTIONS, base_url=mock_url)
    try:
        with pytest.raises(GatewayError) as caught:
            await asyncio.wait_for(gateway.send(sms()), 30)
    finally:
        await gateway.close()
    assert caught.value.reason is Reason.INVALID_REQUEST
    assert not caught.value.ambiguous


async def test_numbers(gateway: PlivoGateway) -> None:
    inventory = PlivoInventory(gateway)
    query = NumberQuery(area_code="415", features=frozenset({"sms", "voice"}))
    assert await asyncio.wait_for(inventory.search(query), 30)
    assert await asyncio.wait_for(inventory.owned(), 30)
    body = {"app_id": "16638156474000802"}
    bought = await asyncio.wait_for(
        gateway.call("POST", f"PhoneNumber/{NUMBER[1:]}/", body=body), 30
    )
    assert bought["status"] == "fulfilled"


async def test_lookup(gateway: PlivoGateway) -> None:
    report = await asyncio.wait_for(PlivoLookup(gateway).look_up(NUMBER), 30)
    assert (report.line_type, report.ported) == (LineType.MOBILE, True)
