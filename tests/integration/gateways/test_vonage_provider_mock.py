"""Our Vonage requests against a validating mock of the published API documents."""

from __future__ import annotations

from typing import ClassVar

from enum_backend.gateways import Reason, VonageGateway
from enum_backend.gateways.inventory.base import NumberQuery
from enum_backend.gateways.inventory.vonage import OWNED_URL, VonageInventory, VonageLookup
from tests.integration.gateways.mock_cases import MockCases

OURS = "+15550100001"


class _Anonymous(VonageGateway):
    def _authorization(self, by_application: bool) -> str:
        return ""


class TestVonage(MockCases):
    mock = "vonage"
    gateway_class = VonageGateway
    options: ClassVar = {
        "api_key": "abcd1234",
        "api_secret": "0123456789abcdef",  # scan-secrets: allow
        "sender": OURS,
        "webhook_url": "https://sms.example.org/sms/webhook/vonage",
        "validity": 300,
    }
    variants = ({}, {"api": "messages"})
    broken = ((_Anonymous, Reason.AUTH_FAILED),)

    async def test_numbers(self, gateway: VonageGateway) -> None:
        inventory = VonageInventory(gateway)
        await inventory.search(NumberQuery("US", "555", frozenset({"sms", "mms", "voice"})))
        order = await inventory.buy(OURS, "https://sms.example.org/hook")
        assert order.detail == ""
        query = {"pattern": OURS[1:], "search_pattern": "0"}
        await gateway.call("GET", OWNED_URL, query=query)
        await VonageLookup(gateway).look_up(OURS)
