"""Our SMSGate requests against validating mocks of the published API documents.

The app's own and the server's document; the mock (`shared/tools/provider-mock`
beside the checkout) needs node and npm and installs itself on first use.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from enum_backend.gateways import AndroidGateway, GatewayError, OutboundSms, Reason
from enum_backend.gateways.inventory.android import AndroidBalance
from tests.provider_mock import FIRST_START, provider_mock

pytestmark = pytest.mark.timeout(FIRST_START + 60)

BASES = {"android": "", "android-cloud": "/3rdparty/v1"}
HOOK = "https://sms.example.org/sms/webhook/android"


@pytest.fixture(scope="module", params=sorted(BASES))
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base address of the API."""
    log = tmp_path_factory.mktemp("mock") / "log.txt"
    with provider_mock(request.param, log) as url:
        yield url + BASES[request.param]


@pytest.fixture(params=["basic", "jwt"])
async def gateway(request: pytest.FixtureRequest, base: str) -> AsyncIterator[AndroidGateway]:
    gateway = AndroidGateway(
        url=base,
        auth=request.param,
        username="sms",
        password="canary-pass",
        phones=[
            {"device_id": "PyDmBQZZXYmyxMwED8Fzy", "sims": [1, 2]},
            {"device_id": "PyDmBQZZXYmyxMwED8Fzz"},
        ],
        device_active_within=12,
    )
    yield gateway
    await gateway.close()


def sms(**changes: str) -> OutboundSms:
    fields = {"message_id": "msg_1", "to": "+15550100002", "text": "Hello: ä €", **changes}
    return OutboundSms(**fields)


async def test_requests_are_accepted(gateway: AndroidGateway) -> None:
    for number in range(3):
        sent = await asyncio.wait_for(gateway.send(sms(message_id=f"msg_{number}")), 30)
        assert sent.provider_message_id
    assert await asyncio.wait_for(gateway.status("msg_1"), 30)
    assert await asyncio.wait_for(gateway.find("msg_1"), 30)
    assert len(await asyncio.wait_for(gateway.register_webhooks(HOOK), 30)) == 8
    await asyncio.wait_for(AndroidBalance(gateway).check(), 30)


async def test_encrypted_request_is_accepted(base: str) -> None:
    gateway = AndroidGateway(url=base, username="sms", password="canary", passphrase="canary")
    try:
        assert await asyncio.wait_for(gateway.send(sms()), 30)
    finally:
        await gateway.close()


async def test_broken_request_is_refused(gateway: AndroidGateway) -> None:
    gateway.options = gateway.options.model_copy(update={"ttl": 3})
    with pytest.raises(GatewayError) as caught:
        await asyncio.wait_for(gateway.send(sms()), 30)
    assert caught.value.reason is Reason.INVALID_REQUEST
    assert not caught.value.ambiguous
