"""Our Telnyx requests against a validating mock of the published API document.

The mock (`shared/tools/provider-mock` beside the checkout) needs node and npm and
installs itself on first use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from enum_backend.gateways import GatewayError, OutboundSms, Reason, TelnyxGateway
from enum_backend.gateways.inventory.base import NumberQuery
from enum_backend.gateways.inventory.telnyx import TelnyxBalance, TelnyxInventory, TelnyxLookup
from tests.provider_mock import FIRST_START, provider_mock

pytestmark = pytest.mark.timeout(FIRST_START + 60)


@pytest.fixture(scope="module")
def mock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with provider_mock("telnyx", tmp_path_factory.mktemp("mock") / "log.txt") as url:
        yield url


def sms(sender: str | None = None) -> OutboundSms:
    return OutboundSms("msg_1", "+15550100002", "Hello from the test: ä €", sender)


async def test_request_is_accepted(mock_url: str) -> None:
    gateway = TelnyxGateway(
        api_key="KEYtest",
        sender="+15550100001",
        webhook_url="https://sms.example.org/sms/webhook/telnyx",
        webhook_failover_url="https://sms2.example.org/sms/webhook/telnyx",
        base_url=mock_url,
    )
    try:
        result = await asyncio.wait_for(gateway.send(sms()), 30)
        assert result.provider_message_id
        status = await asyncio.wait_for(gateway.status(result.provider_message_id), 30)
    finally:
        await gateway.close()
    assert status.status


async def test_request_by_profile_is_accepted(mock_url: str) -> None:
    gateway = TelnyxGateway(
        api_key="KEYtest",
        messaging_profile_id="abc85f64-5717-4562-b3fc-2c9600000000",
        base_url=mock_url,
    )
    try:
        assert await asyncio.wait_for(gateway.send(sms(sender="Example")), 30)
        assert await asyncio.wait_for(gateway.send(sms()), 30)
    finally:
        await gateway.close()


class _WithoutRecipient(TelnyxGateway):
    def _payload(self, sms: OutboundSms) -> dict[str, str]:
        payload = super()._payload(sms)
        del payload["to"]
        return payload


class _WithoutKey(TelnyxGateway):
    def _headers(self) -> dict[str, str]:
        return {}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [(_WithoutRecipient, Reason.INVALID_REQUEST), (_WithoutKey, Reason.AUTH_FAILED)],
)
async def test_broken_request_is_refused(
    mock_url: str, broken: type[TelnyxGateway], reason: Reason
) -> None:
    gateway = broken(api_key="KEYtest", sender="+15550100001", base_url=mock_url)
    try:
        with pytest.raises(GatewayError) as caught:
            await asyncio.wait_for(gateway.send(sms()), 30)
    finally:
        await gateway.close()
    assert caught.value.reason is reason
    assert not caught.value.ambiguous


async def test_numbers_look_up_and_balance(mock_url: str) -> None:
    hooks = ("https://sms.example.org/hook", "https://sms2.example.org/hook")
    gateway = TelnyxGateway(
        api_key="KEYtest",
        messaging_profile_id="abc85f64-5717-4562-b3fc-2c9600000000",
        connection_id="346789098765567",
        base_url=mock_url,
    )
    inventory = TelnyxInventory(gateway)
    try:
        async with asyncio.timeout(60):
            query = NumberQuery("US", "970", frozenset({"sms", "voice"}), 5)
            offers = await inventory.search(query)
            bought = await inventory.buy("+15550100001", *hooks)
            followed = await inventory.order(bought)
            owned = await inventory.owned()
            await inventory.release("+19705555098")  # the number of the document
            report = await TelnyxLookup(gateway).look_up("+15550100002")
            money = await TelnyxBalance(gateway).check()
    finally:
        await gateway.close()
    assert offers[0].monthly is not None
    assert offers[0].features == {"sms", "voice"}
    assert bought.id == followed.id
    assert owned[0].features == {"sms", "voice"}
    assert report.carrier
    assert money is not None
