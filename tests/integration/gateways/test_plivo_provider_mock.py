"""Our Plivo requests against a validating mock that was derived from the official SDK."""

from __future__ import annotations

from typing import ClassVar

from enum_backend.gateways import OutboundSms, PlivoGateway, Reason
from enum_backend.gateways.inventory.base import LineType, NumberQuery
from enum_backend.gateways.inventory.plivo import PlivoInventory, PlivoLookup
from tests.integration.gateways.mock_cases import MockCases, status_of_a_message

NUMBER = "+14155550100"


class _TwoSenders(PlivoGateway):
    def _payload(self, sms: OutboundSms) -> dict[str, str]:
        return {**super()._payload(sms), "powerpack_uuid": "p-1"}


class _UnknownField(PlivoGateway):
    def _payload(self, sms: OutboundSms) -> dict[str, str]:
        return {**super()._payload(sms), "sender": "x"}


class TestPlivo(MockCases):
    mock = "plivo"
    gateway_class = PlivoGateway
    options: ClassVar = {
        "auth_id": "MA" + "X" * 18,
        "auth_token": "test-token",
        "from": "+15550100001",
        "webhook_url": "https://sms.example.org/sms/webhook/plivo",
    }
    variants = ({}, {"powerpack_uuid": "p-1"})
    broken = (
        (_TwoSenders, Reason.INVALID_REQUEST),
        (_UnknownField, Reason.INVALID_REQUEST),
    )

    async def test_status(self, gateway: PlivoGateway) -> None:
        assert await status_of_a_message(gateway)

    async def test_numbers(self, gateway: PlivoGateway) -> None:
        inventory = PlivoInventory(gateway)
        query = NumberQuery(area_code="415", features=frozenset({"sms", "voice"}))
        assert await inventory.search(query)
        assert await inventory.owned()
        body = {"app_id": "16638156474000802"}
        bought = await gateway.call("POST", f"PhoneNumber/{NUMBER[1:]}/", body=body)
        assert bought["status"] == "fulfilled"

    async def test_lookup(self, gateway: PlivoGateway) -> None:
        report = await PlivoLookup(gateway).look_up(NUMBER)
        assert (report.line_type, report.ported) == (LineType.MOBILE, True)
