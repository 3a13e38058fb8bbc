"""Our Twilio requests against a validating mock of the published API document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from enum_backend.gateways import GatewayError, OutboundSms, Reason, TwilioGateway
from enum_backend.gateways.inventory.base import NumberQuery, OrderState
from enum_backend.gateways.inventory.twilio import TwilioBalance, TwilioInventory, TwilioLookup
from tests.provider_mock import FIRST_START, provider_mock

pytestmark = pytest.mark.timeout(FIRST_START + 60)

NUMBER = "+14155550100"
OPTIONS: Mapping[str, Any] = {
    "account_sid": "AC" + "0" * 32,
    "auth_token": "test-token",
    "from": "+15550100001",
    "webhook_url": "https://sms.example.org/sms/webhook/twilio",
}


@pytest.fixture(scope="module")
def mock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with provider_mock("twilio", tmp_path_factory.mktemp("mock") / "log.txt") as url:
        yield url


@pytest.fixture
async def gateway(mock_url: str) -> AsyncIterator[TwilioGateway]:
    gateway = TwilioGateway(**OPTIONS, base_url=mock_url, timeout=30)
    yield gateway
    await gateway.close()


def sms() -> OutboundSms:
    return OutboundSms("msg_1", "+15550100002", "Hello from the test: ä €")


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"messaging_service_sid": "MG" + "2" * 32, "validity_period": 300},
        {"api_key_sid": "SK" + "3" * 32, "api_key_secret": "test-secret"},
    ],
)
async def test_request_is_accepted(mock_url: str, more: Mapping[str, Any]) -> None:
    gateway = TwilioGateway(**OPTIONS, **more, base_url=mock_url)
    try:
        result = await asyncio.wait_for(gateway.send(sms()), 30)
        assert result.provider_message_id
        assert await asyncio.wait_for(gateway.status(result.provider_message_id), 30)
    finally:
        await gateway.close()


class _NoNumber(TwilioGateway):
    def _form(self, sms: OutboundSms) -> dict[str, str]:
        form = super()._form(sms)
        del form["To"]
        return form


class _NoCredentials(TwilioGateway):
    def _authorization(self) -> str:
        return ""


@pytest.mark.parametrize(
    ("broken", "reason"),
    [(_NoNumber, Reason.INVALID_REQUEST), (_NoCredentials, Reason.AUTH_FAILED)],
)
async def test_broken_request_is_refused(
    mock_url: str, broken: type[TwilioGateway], reason: Reason
) -> None:
    gateway = broken(**OPTIONS, base_url=mock_url)
    try:
        with pytest.raises(GatewayError) as caught:
            await asyncio.wait_for(gateway.send(sms()), 30)
    finally:
        await gateway.close()
    assert caught.value.reason is reason
    assert not caught.value.ambiguous


async def test_numbers(gateway: TwilioGateway) -> None:
    inventory = TwilioInventory(gateway)
    query = NumberQuery(area_code="415", features=frozenset({"sms", "mms", "voice"}))
    assert await asyncio.wait_for(inventory.search(query), 30)
    assert await asyncio.wait_for(inventory.search(NumberQuery("GB", quantity=30)), 30)
    order = await asyncio.wait_for(
        inventory.buy(NUMBER, "https://a.example.org/x", "https://b.example.org/x"), 30
    )
    assert order.state is OrderState.DONE
    assert await asyncio.wait_for(inventory.order(order), 30)


async def test_release_is_accepted(gateway: TwilioGateway) -> None:
    sid = "PN" + "1" * 32
    assert (
        await asyncio.wait_for(gateway.call("DELETE", f"IncomingPhoneNumbers/{sid}.json"), 30) == {}
    )


async def test_lookup_and_balance(gateway: TwilioGateway) -> None:
    assert await asyncio.wait_for(TwilioLookup(gateway).look_up(NUMBER), 30)
    assert await asyncio.wait_for(TwilioBalance(gateway).check(), 30)
