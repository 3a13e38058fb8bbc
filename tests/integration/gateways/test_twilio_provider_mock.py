"""Our Twilio requests against a validating mock of the published API document."""

from __future__ import annotations

from typing import ClassVar

from enum_backend.gateways import OutboundSms, Reason, TwilioGateway
from enum_backend.gateways.inventory.base import NumberQuery, OrderState
from enum_backend.gateways.inventory.twilio import TwilioBalance, TwilioInventory, TwilioLookup
from tests.integration.gateways.mock_cases import MockCases, status_of_a_message

NUMBER = "+14155550100"


class _NoNumber(TwilioGateway):
    def _form(self, sms: OutboundSms) -> dict[str, str]:
        form = super()._form(sms)
        del form["To"]
        return form


class _NoCredentials(TwilioGateway):
    def _authorization(self) -> str:
        return ""


class TestTwilio(MockCases):
    mock = "twilio"
    gateway_class = TwilioGateway
    options: ClassVar = {
        "account_sid": "AC" + "0" * 32,
        "auth_token": "test-token",
        "from": "+15550100001",
        "webhook_url": "https://sms.example.org/sms/webhook/twilio",
    }
    variants = (
        {},
        {"messaging_service_sid": "MG" + "2" * 32, "validity_period": 300},
        {"api_key_sid": "SK" + "3" * 32, "api_key_secret": "test-secret"},
    )
    broken = ((_NoNumber, Reason.INVALID_REQUEST), (_NoCredentials, Reason.AUTH_FAILED))

    async def test_status(self, gateway: TwilioGateway) -> None:
        assert await status_of_a_message(gateway)

    async def test_numbers(self, gateway: TwilioGateway) -> None:
        inventory = TwilioInventory(gateway)
        query = NumberQuery(area_code="415", features=frozenset({"sms", "mms", "voice"}))
        assert await inventory.search(query)
        assert await inventory.search(NumberQuery("GB", quantity=30))
        hooks = ("https://a.example.org/x", "https://b.example.org/x")
        order = await inventory.buy(NUMBER, *hooks)
        assert order.state is OrderState.DONE
        assert await inventory.order(order)

    async def test_release(self, gateway: TwilioGateway) -> None:
        sid = "PN" + "1" * 32
        assert await gateway.call("DELETE", f"IncomingPhoneNumbers/{sid}.json") == {}

    async def test_lookup_and_balance(self, gateway: TwilioGateway) -> None:
        assert await TwilioLookup(gateway).look_up(NUMBER)
        assert await TwilioBalance(gateway).check()
