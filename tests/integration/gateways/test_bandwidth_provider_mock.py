"""Our Bandwidth requests against a validating mock of the published API documents.

The documents do not hold the applications and disconnects of the numbers API.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from enum_backend.gateways import BandwidthGateway, GatewayError, OutboundSms, Reason
from enum_backend.gateways.inventory.bandwidth import (
    BandwidthBalance,
    BandwidthInventory,
    BandwidthLookup,
)
from enum_backend.gateways.inventory.base import NumberQuery, Order, OrderState
from tests.integration.gateways.mock_cases import SMS, MockCases


class _WithoutReceiver(BandwidthGateway):
    def _payload(self, sms: OutboundSms) -> dict[str, Any]:
        payload = super()._payload(sms)
        del payload["to"]
        return payload


class _WithoutCredentials(BandwidthGateway):
    async def _authorization(self, refused: str) -> tuple[str, str]:
        return "", "none"


class TestBandwidth(MockCases):
    mock = "bandwidth"
    gateway_class = BandwidthGateway
    options: ClassVar = {
        "account_id": "9900000",
        "client_id": "client-1",
        "client_secret": "not-a-secret",
        "application_id": "93de2206-9669-4e07-948d-329f4b722ee2",
        "from": "+15550100001",
        "site_id": "743",
    }
    variants = (
        {},
        {"auth": "basic", "username": "user", "password": "not-a-secret", "priority": "high"},
    )
    broken = (
        # 400 with the document's example, which complains about `from`.
        (_WithoutReceiver, Reason.INVALID_SENDER),
        (_WithoutCredentials, Reason.AUTH_FAILED),
    )

    async def test_segments_are_told(self, gateway: BandwidthGateway) -> None:
        assert (await gateway.send(SMS)).segments

    async def test_status_query_is_accepted(self, gateway: BandwidthGateway) -> None:
        # The mock lists one message, whose status means an inbound one.
        with pytest.raises(GatewayError, match="no status of an outbound message"):
            await gateway.status("1589228074636lm4k2je7j7jklbn2")

    async def test_look_up_and_credentials(self, gateway: BandwidthGateway) -> None:
        report = await BandwidthLookup(gateway).look_up("+15550100002")
        assert report.number == "+15550100002"
        assert await BandwidthBalance(gateway).check() is None

    async def test_numbers(self, gateway: BandwidthGateway) -> None:
        inventory = BandwidthInventory(gateway)
        assert await inventory.search(NumberQuery("US", "435", quantity=30))
        assert await inventory.owned()
        bought = await inventory.buy("+15550100001", "")
        assert bought.id
        followed = await inventory.order(Order(bought.id, "+18042105666", OrderState.PENDING))
        assert followed.state is OrderState.DONE
