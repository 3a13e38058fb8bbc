"""Our Vonage requests against a validating mock of the published API documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from enum_backend.gateways import GatewayError, OutboundSms, VonageGateway
from enum_backend.gateways.base import Reason
from enum_backend.gateways.inventory.base import NumberQuery
from enum_backend.gateways.inventory.vonage import OWNED_URL, VonageInventory, VonageLookup
from tests.provider_mock import FIRST_START, provider_mock

pytestmark = pytest.mark.timeout(FIRST_START + 60)

OURS = "+15550100001"


@pytest.fixture(scope="module")
def mock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with provider_mock("vonage", tmp_path_factory.mktemp("mock") / "log.txt") as url:
        yield url


@pytest.fixture
async def gateway(mock_url: str) -> AsyncIterator[VonageGateway]:
    gateway = VonageGateway(
        api_key="abcd1234",
        api_secret="0123456789abcdef",
        sender=OURS,
        webhook_url="https://sms.example.org/sms/webhook/vonage",
        validity=300,
        base_url=mock_url,
    )
    yield gateway
    await gateway.close()


def sms() -> OutboundSms:
    return OutboundSms("msg_1", "+15550100002", "Hello from the test: ä €")


async def test_sms_is_accepted(gateway: VonageGateway) -> None:
    assert (await asyncio.wait_for(gateway.send(sms()), 30)).provider_message_id


async def test_message_is_accepted(mock_url: str) -> None:
    gateway = VonageGateway(
        api="messages",
        api_key="abcd1234",
        api_secret="0123456789abcdef",
        sender=OURS,
        webhook_url="https://sms.example.org/sms/webhook/vonage",
        validity=300,
        base_url=mock_url,
    )
    try:
        assert (await asyncio.wait_for(gateway.send(sms()), 30)).provider_message_id
    finally:
        await gateway.close()


async def test_numbers_requests_are_accepted(gateway: VonageGateway) -> None:
    inventory = VonageInventory(gateway)
    query = NumberQuery("US", "555", frozenset({"sms", "mms", "voice"}))
    await asyncio.wait_for(inventory.search(query), 30)
    order = await asyncio.wait_for(inventory.buy(OURS, "https://sms.example.org/hook"), 30)
    assert order.detail == ""
    query_of_one = {"pattern": OURS[1:], "search_pattern": "0"}
    await asyncio.wait_for(gateway.call("GET", OWNED_URL, query=query_of_one), 30)
    await asyncio.wait_for(VonageLookup(gateway).look_up(OURS), 30)


class _Anonymous(VonageGateway):
    def _authorization(self, by_application: bool) -> str:
        return ""


async def test_request_without_credentials_is_refused(mock_url: str) -> None:
    gateway = _Anonymous(api_key="abcd1234", api_secret="x", sender=OURS, base_url=mock_url)
    try:
        with pytest.raises(GatewayError) as caught:
            await asyncio.wait_for(gateway.send(sms()), 30)
    finally:
        await gateway.close()
    assert caught.value.reason is Reason.AUTH_FAILED
