"""Our Bandwidth requests against a validating mock of the published API documents.

The documents do not hold the applications and disconnects of the numbers API.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from enum_backend.gateways import BandwidthGateway, GatewayError, OutboundSms, Reason
from enum_backend.gateways.inventory.bandwidth import (
    BandwidthBalance,
    BandwidthInventory,
    BandwidthLookup,
)
from enum_backend.gateways.inventory.base import NumberQuery, Order, OrderState
from tests.provider_mock import FIRST_START, provider_mock

pytestmark = pytest.mark.timeout(FIRST_START + 60)

OPTIONS: dict[str, Any] = {
    "account_id": "9900000",
    "client_id": "client-1",
    "client_secret": "not-a-secret",
    "application_id": "93de2206-9669-4e07-948d-329f4b722ee2",
    "from": "+15550100001",
    "site_id": "743",
}


@pytest.fixture(scope="module")
def mock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with provider_mock("bandwidth", tmp_path_factory.mktemp("mock") / "log.txt") as url:
        yield url


@pytest.fixture
async def gateway(mock_url: str) -> AsyncIterator[BandwidthGateway]:
    gateway = BandwidthGateway(**OPTIONS, base_url=mock_url)
    yield gateway
    await gateway.close()


SMS = OutboundSms("msg_1", "+15550100002", "Hello from the test: ä €")


async def test_request_is_accepted(gateway: BandwidthGateway) -> None:
    result = await asyncio.wait_for(gateway.send(SMS), 30)
    assert result.provider_message_id
    assert result.segments


async def test_legacy_request_is_accepted(mock_url: str) -> None:
    legacy = {"auth": "basic", "username": "user", "password": "not-a-secret"}
    gateway = BandwidthGateway(**OPTIONS, **legacy, priority="high", base_url=mock_url)
    try:
        assert await asyncio.wait_for(gateway.send(SMS), 30)
    finally:
        await gateway.close()


async def test_status_query_is_accepted(gateway: BandwidthGateway) -> None:
    # The mock lists one message, whose status means an inbound one.
    with pytest.raises(GatewayError, match="no status of an outbound message"):
        await asyncio.wait_for(gateway.status("1589228074636lm4k2je7j7jklbn2"), 30)


async def test_look_up_and_credentials(gateway: BandwidthGateway) -> None:
    report = await asyncio.wait_for(BandwidthLookup(gateway).look_up("+15550100002"), 30)
    assert report.number == "+15550100002"
    assert await asyncio.wait_for(BandwidthBalance(gateway).check(), 30) is None


async def test_numbers(gateway: BandwidthGateway) -> None:
    inventory = BandwidthInventory(gateway)
    async with asyncio.timeout(60):
        assert await inventory.search(NumberQuery("US", "435", quantity=30))
        assert await inventory.owned()
        bought = await inventory.buy("+15550100001", "")
        assert bought.id
        followed = await inventory.order(Order(bought.id, "+18042105666", OrderState.PENDING))
    assert followed.state is OrderState.DONE


class _WithoutReceiver(BandwidthGateway):
    def _payload(self, sms: OutboundSms) -> dict[str, Any]:
        payload = super()._payload(sms)
        del payload["to"]
        return payload


class _WithoutCredentials(BandwidthGateway):
    async def _authorization(self, refused: str) -> tuple[str, str]:
        return "", "none"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        # 400 with the document's example, which complains about `from`.
        (_WithoutReceiver, Reason.INVALID_SENDER),
        (_WithoutCredentials, Reason.AUTH_FAILED),
    ],
)
async def test_broken_request_is_refused(
    mock_url: str, broken: type[BandwidthGateway], reason: Reason
) -> None:
    gateway = broken(**OPTIONS, base_url=mock_url)
    try:
        with pytest.raises(GatewayError) as caught:
            await asyncio.wait_for(gateway.send(SMS), 30)
    finally:
        await gateway.close()
    assert caught.value.reason is reason
    assert not caught.value.ambiguous
