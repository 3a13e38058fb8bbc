"""Our Telnyx requests against a validating mock of the published API document."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from enum_backend.gateways import OutboundSms, Reason, TelnyxGateway
from enum_backend.gateways.inventory.base import NumberQuery
from enum_backend.gateways.inventory.telnyx import TelnyxBalance, TelnyxInventory, TelnyxLookup
from tests.integration.gateways.mock_cases import SMS, MockCases, status_of_a_message

PROFILE = {"messaging_profile_id": "abc85f64-5717-4562-b3fc-2c9600000000"}


class _WithoutRecipient(TelnyxGateway):
    def _payload(self, sms: OutboundSms) -> dict[str, str]:
        payload = super()._payload(sms)
        del payload["to"]
        return payload


class _WithoutKey(TelnyxGateway):
    def _headers(self) -> dict[str, str]:
        return {}


class TestTelnyx(MockCases):
    mock = "telnyx"
    gateway_class = TelnyxGateway
    options: ClassVar = {
        "api_key": "KEYtest",
        "sender": "+15550100001",
        "webhook_url": "https://sms.example.org/sms/webhook/telnyx",
        "webhook_failover_url": "https://sms2.example.org/sms/webhook/telnyx",
    }
    variants = ({}, {**PROFILE, "sender": ""})
    broken = ((_WithoutRecipient, Reason.INVALID_REQUEST), (_WithoutKey, Reason.AUTH_FAILED))

    async def test_status(self, gateway: TelnyxGateway) -> None:
        assert (await status_of_a_message(gateway)).status

    async def test_name_as_sender(self, mock_url: str) -> None:
        async with self.opened(mock_url, **PROFILE) as gateway:
            assert await gateway.send(replace(SMS, sender="Example"))

    async def test_numbers_look_up_and_balance(self, mock_url: str) -> None:
        hooks = ("https://sms.example.org/hook", "https://sms2.example.org/hook")
        query = NumberQuery("US", "970", frozenset({"sms", "voice"}), 5)
        async with self.opened(mock_url, **PROFILE, connection_id="346789098765567") as gateway:
            inventory = TelnyxInventory(gateway)
            offers = await inventory.search(query)
            bought = await inventory.buy("+15550100001", *hooks)
            followed = await inventory.order(bought)
            owned = await inventory.owned()
            await inventory.release("+19705555098")  # the number of the document
            report = await TelnyxLookup(gateway).look_up("+15550100002")
            money = await TelnyxBalance(gateway).check()
        assert offers[0].monthly is not None
        assert offers[0].features == {"sms", "voice"}
        assert bought.id == followed.id
        assert owned[0].features == {"sms", "voice"}
        assert report.carrier
        assert money is not None
